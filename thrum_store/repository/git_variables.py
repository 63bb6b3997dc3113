"""The environment of every git that thrum starts: what configures git is kept, what points it elsewhere is dropped.

Inside a hook, an alias or a client, variables such as GIT_DIR and GIT_INDEX_FILE name the repository of somebody else's
command. Only variables that are known to configure git reach ours, so an unknown one cannot lead it astray. PATH names
the program: a script in git's place is used only if it prints nothing of its own.
"""

from __future__ import annotations

import os
import shlex
import shutil

from thrum_store.errors import StorageFailed, ThrumError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from thrum_store.machine.host import Storage

_KEPT = {
    "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS",
    "GIT_ASKPASS", "GIT_PROXY_COMMAND", "GIT_NO_LAZY_FETCH", "GIT_EXEC_PATH",
}  # fmt: skip
# Settings that are given one by one, ways to a server, and proxies. `git -c core.worktree=…` needs no care: git takes
# core.worktree, core.bare and extensions.* from the repository's own file only.
_KEPT_STARTS = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_SSH", "GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_SSL_")
_ANONYMOUS_STARTS = ("GIT_SSL_", "GIT_PROXY_SSL_", "GIT_EXEC_PATH")  # certificates, and git's own programs
_PROTOCOLS = ("https", "ssh", "file")


def inherited(*, anonymous: bool = False) -> dict[str, str]:
    """Return the variables for git; with `anonymous`, none that could carry the user's access to a server."""
    keeps = _is_anonymous if anonymous else _is_kept
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or keeps(name)}
    author = {
        f"GIT_{person}_{field}": value
        for person in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", "thrum"), ("EMAIL", "thrum@localhost"))
    }
    return {**variables, **author, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def configured(variables: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return these variables with more settings behind those that they hold already."""
    count = variables.get("GIT_CONFIG_COUNT") or "0"
    if not settings or not count.isdecimal():  # git itself reports a number that is none
        return dict(variables)
    first = int(count)
    more = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for place, (key, value) in enumerate(settings.items(), first):
        more |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    return {**variables, **more}


def _is_kept(name: str) -> bool:
    return name in _KEPT or name.startswith(_KEPT_STARTS)


def _is_anonymous(name: str) -> bool:
    return name.startswith(_ANONYMOUS_STARTS)


def unattended(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return variables for a git that talks to a remote: programs that answer by themselves stay, people are not asked.

    GIT_ASKPASS is set on purpose for git. A desktop sets SSH_ASKPASS to a program that opens a window, so it counts
    only without a display, or where SSH_ASKPASS_REQUIRE says so.
    """
    windows = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    answers = not windows or environ.get("SSH_ASKPASS_REQUIRE") == "force"
    helper = environ.get("SSH_ASKPASS", "") if answers else ""
    return {
        "GIT_ASKPASS": environ.get("GIT_ASKPASS") or helper,
        "SSH_ASKPASS": helper,
        "SSH_ASKPASS_REQUIRE": "force" if helper else "never",
        "GCM_INTERACTIVE": "never",
        "GIT_ALLOW_PROTOCOL": _protocols(environ),
    }


def _protocols(environ: Mapping[str, str]) -> str:
    """Return the protocols of a sync, less those that the user does not allow."""
    allowed = environ.get("GIT_ALLOW_PROTOCOL")
    return ":".join(name for name in _PROTOCOLS if allowed is None or name in allowed.split(":"))


def global_files(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the files of the user's own git configuration, in git's order; without a HOME there are none."""
    named = environ.get("GIT_CONFIG_GLOBAL")
    if named is not None:
        return [os.path.abspath(named)] if named else []
    home = environ.get("HOME")
    directory = environ.get("XDG_CONFIG_HOME") or (os.path.join(home, ".config") if home else "")
    files = [os.path.join(directory, "git", "config")] if directory else []
    return [*files, os.path.join(home, ".gitconfig")] if home else files


# --- the program ------------------------------------------------------------------------------------------------------

_VERSION = b"git version "
_BINARIES = (b"\x7fELF", b"MZ", *(bytes.fromhex(magic) for magic in ("cffaedfe", "cefaedfe", "cafebabe", "cafebabf")))


class GitFailed(ThrumError):
    """Raised if git failed. The message quotes git's output."""

    code = "git_failed"


def program_path() -> str:
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
