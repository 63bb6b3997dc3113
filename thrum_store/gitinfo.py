"""Git, run with nothing of the user's set-up in the way: the one place that starts it (reliability §4.3 G6, G7).

No hook, filter, alias, pager, signing or prompt of the user runs; no inherited GIT_* variable leads elsewhere; the
user's index is never refreshed. A start costs 3 ms and the import 37 ms, so no send, check or wait comes here.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from .errors import ThrumError

_CONFIG = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "commit.gpgsign=false", "gc.auto=0", "core.pager=cat",
)  # fmt: skip
_TIMEOUT = 60.0  # seconds for a local command


class GitFailed(ThrumError):
    """Raised when git refuses; says what it said."""

    code = "git_failed"


class GitRunner:
    """Runs git in one directory; the seam that tests replace."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def run(self, *arguments: str, stdin: bytes = b"") -> str:
        """What git prints, without the last newline; raises GitFailed."""
        done = self._start(arguments, stdin)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip() or f"status {done.returncode}"
            raise GitFailed(f"git {arguments[0]} failed: {said}", hint="run it by hand in that directory")
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def asks(self, *arguments: str) -> str | None:
        """Like `run`, and None where git's answer is no."""
        done = self._start(arguments, b"")
        return done.stdout.decode("utf-8", "surrogateescape").strip() if done.returncode == 0 else None

    def _start(self, arguments: tuple[str, ...], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        options = [part for setting in _CONFIG for part in ("-c", setting)]
        command = [_git(), "--no-optional-locks", *options, *arguments]
        try:
            return subprocess.run(
                command, cwd=self.directory, env=_environment(), input=stdin, capture_output=True,
                timeout=_TIMEOUT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise GitFailed(f"git {arguments[0]} did not end", hint="look for a stuck git process") from error


def _git() -> str:
    """git from an absolute place of PATH: a repository cannot bring its own (reliability R6)."""
    places = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(place)]
    found = shutil.which("git", path=os.pathsep.join(places))
    if found is None:
        raise GitFailed("git is not installed", hint="install git")
    return found


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    identity = {
        f"GIT_{who}_{field}": value
        for who in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", "thrum"), ("EMAIL", "thrum@localhost"))
    }
    return {**kept, **identity, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
