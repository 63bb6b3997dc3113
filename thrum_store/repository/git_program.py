"""The program git: the first of that name on the PATH, used only if it prints no more and no less than git does."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

from thrum_store.errors import ThrumError

_VERSION = b"git version "
_BINARIES = (b"\x7fELF", b"MZ", *(bytes.fromhex(magic) for magic in ("cffaedfe", "cefaedfe", "cafebabe", "cafebabf")))
_known: set[str] = set()  # programs that this process checked


class GitFailed(ThrumError):
    """Raised if git failed. The message quotes git's output."""

    code = "git_failed"


def path() -> str:
    """Return the path of git from the absolute directories of PATH: a repository cannot bring its own."""
    places = (os.environ.get("PATH") or os.defpath).split(os.pathsep)
    program = shutil.which("git", path=os.pathsep.join(place for place in places if os.path.isabs(place)))
    if program is None:
        raise GitFailed("there is no git on the PATH", hint="install git, or add its directory to PATH")
    return program


def checked(directory: str, timeout: float) -> str:
    """Return the path of git. Raises GitFailed for a script in its place whose remarks would be read as git's answers.

    A binary is believed at once, so that an ordinary git costs no second start.
    """
    program = path()
    if program not in _known and not _first_bytes(program).startswith(_BINARIES):
        _check_version(program, directory, timeout)
    _known.add(program)
    return program


def looking(program: str) -> str:
    """Return the hint to look at a program in git's place."""
    return f"look at the program: `{shlex.quote(program)} --version`"


def _check_version(program: str, directory: str, timeout: float) -> None:
    try:
        done = subprocess.run(
            [program, "--version"], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return  # the command itself meets the same, and its error says for which command
    if done.returncode == 0 and not done.stdout.startswith(_VERSION):
        output = done.stdout.decode("utf-8", "replace").split("\n")[0][:80]
        raise GitFailed(
            f"{program} prints {output!r} where git prints its version, so its answers cannot be read",
            hint=f"{looking(program)}; it must print nothing of its own",
        )


def _first_bytes(program: str) -> bytes:
    try:
        with open(program, "rb") as file:
            return file.read(4)
    except OSError:  # a program may be executable and not readable
        return b""
