"""The program git: the first of that name on the PATH, used only if it prints no more and no less than git does."""

from __future__ import annotations

import os
import shlex
import shutil

from thrum_store.errors import StorageFailed, ThrumError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Storage

_VERSION = b"git version "
_BINARIES = (b"\x7fELF", b"MZ", *(bytes.fromhex(magic) for magic in ("cffaedfe", "cefaedfe", "cafebabe", "cafebabf")))


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


def is_binary(program: str, storage: Storage) -> bool:
    """Return whether a program is no script. A binary is believed, so that an ordinary git costs no second start."""
    try:
        return storage.read(os.path.realpath(program), 0, 4).startswith(_BINARIES)
    except (FileNotFoundError, StorageFailed):  # a program may be executable and not readable
        return False


def check_version(program: str, output: bytes) -> None:
    """Refuse a script in git's place whose remarks would be read as git's answers, by its output of --version."""
    if not output.startswith(_VERSION):
        line = output.decode("utf-8", "replace").split("\n")[0][:80]
        raise GitFailed(
            f"{program} prints {line!r} where git prints its version, so its answers cannot be read",
            hint=f"{looking(program)}; it must print nothing of its own",
        )


def looking(program: str) -> str:
    """Return the hint to look at a program in git's place."""
    return f"look at the program: `{shlex.quote(program)} --version`"
