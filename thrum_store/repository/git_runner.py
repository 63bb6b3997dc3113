"""Git, run with nothing of the user's set-up in the way: the one place that starts it (reliability §4.3 G6, G7).

No hook, filter, alias, pager, signing or prompt of the user runs; no inherited GIT_* variable leads elsewhere; the
user's index is never refreshed. A start costs 3 ms and the import 37 ms, so no send, check or wait comes here.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

from thrum_store.errors import ThrumError

_CONFIG = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "commit.gpgsign=false", "gc.auto=0", "core.pager=cat",
    "core.askPass=", "maintenance.auto=false", "color.ui=false",
)  # fmt: skip
_TIMEOUT = 60.0  # seconds for a local command


class GitFailed(ThrumError):
    """Raised when git refuses; says what it said."""

    code = "git_failed"


class Spoken(NamedTuple):
    """What git said while it talked to another machine."""

    status: int  # 0: it went well
    out: str
    err: str


class GitRunner:
    """Runs git in one directory; the seam that tests replace. `variables` are added to its environment."""

    def __init__(self, directory: str, variables: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self._variables = dict(variables or {})

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

    def data(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What git prints, byte for byte; raises GitFailed."""
        done = self._start(arguments, stdin)
        if done.returncode != 0:
            raise GitFailed(f"git {arguments[0]} failed: {_words(done.stderr)}", hint="run it by hand")
        return done.stdout

    def talk(self, *arguments: str, silence: float = 60.0) -> Spoken:
        """Runs a command that talks to a remote, and ends it once it said nothing for `silence` seconds.

        It runs in a session of its own: it has no terminal to ask on, and ends with all it started.
        """
        process = subprocess.Popen(
            self._command(arguments), cwd=self.directory, env={**_environment(), **_unasked(), **self._variables},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        with process:
            _bound(process.pid)
            out, err, heard = _listen(process, silence)
            if not heard:
                _end(process)
                err += f"no word from the remote for {silence:.0f} s".encode()
            status = process.wait()
        return Spoken(status if heard else -1, out.decode("utf-8", "replace"), _words(err))

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        options = [part for setting in _CONFIG for part in ("-c", setting)]
        return [_git(), "--no-optional-locks", *options, *arguments]

    def _start(self, arguments: tuple[str, ...], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                self._command(arguments), cwd=self.directory, env={**_environment(), **self._variables}, input=stdin,
                capture_output=True, timeout=_TIMEOUT, check=False,
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


# --- talking to a remote --------------------------------------------------------------------------------------------

_LARGEST_FILE = 1 << 30  # bytes of one file that a fetch may write: a remote cannot fill the disk
_SAID_LIMIT = 1 << 20  # bytes kept of what git says


def _unasked() -> dict[str, str]:
    """The user's own ways to a remote stay; whatever would ask a person is shut."""
    kept = {name: os.environ[name] for name in ("GIT_SSH_COMMAND", "GIT_SSH", "GIT_SSL_CAINFO") if name in os.environ}
    shut = {"GIT_ASKPASS": "", "SSH_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never", "GCM_INTERACTIVE": "never"}
    return {**kept, **shut, "GIT_ALLOW_PROTOCOL": "https:ssh:file"}


def _bound(pid: int) -> None:
    """Bounds the files that a child may write, where the system can (Linux)."""
    import resource

    if hasattr(resource, "prlimit"):
        try:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
        except (ProcessLookupError, PermissionError, ValueError):
            return  # it ended already, or a lower limit stands


def _listen(process: subprocess.Popen[bytes], silence: float) -> tuple[bytes, bytes, bool]:
    """Everything a child says on its two streams, and whether it spoke until its end."""
    assert process.stdout is not None and process.stderr is not None
    said = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as streams:
        for stream in said:
            streams.register(stream, selectors.EVENT_READ)
        while streams.get_map():
            ready = streams.select(silence)
            if not ready:
                return bytes(said[process.stdout]), bytes(said[process.stderr]), False
            for key, _ in ready:
                piece = os.read(key.fd, 65536)
                if not piece:
                    streams.unregister(key.fileobj)
                _keep(said[process.stdout if key.fd == process.stdout.fileno() else process.stderr], piece)
    return bytes(said[process.stdout]), bytes(said[process.stderr]), True


def _keep(said: bytearray, piece: bytes) -> None:
    """Adds a piece; of very much only the end stays."""
    said += piece
    del said[: max(len(said) - _SAID_LIMIT, 0)]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a child and all it started: first politely, because a killed git leaves its locks behind."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, ending)
            process.wait(5)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


_PROGRESS = (
    "Compressing", "Counting", "Delta", "Enumerating", "Everything", "Receiving", "Resolving", "Total", "Unpacking",
    "Updating", "Writing",
)  # fmt: skip
_ADVICE = ("Please make sure you have the correct access rights", "and the repository exists.")


def _words(said: bytes) -> str:
    """What git and the remote said at the end, without their progress: a line or a few."""
    lines = [line.rstrip().rpartition("\r")[2].strip() for line in said.decode("utf-8", "replace").split("\n")]
    told = [line for line in lines if line and not line.removeprefix("remote: ").startswith((*_PROGRESS, *_ADVICE))]
    return "; ".join(told[-4:])[:600] or "it said nothing"
