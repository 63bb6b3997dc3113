"""The git runner: the one place that starts git, unaffected by the user's configuration.

No hook, filter, alias, pager, signing or prompt of the user runs, no inherited GIT_* variable leads elsewhere, and the
user's index is never refreshed. A start costs 3 ms and the import 37 ms, so no send, check or wait uses this module.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess

from thrum_store.errors import ThrumError
from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_CONFIG = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "commit.gpgsign=false", "gc.auto=0", "core.pager=cat",
    "core.askPass=", "maintenance.auto=false", "color.ui=false",
)  # fmt: skip
_TIMEOUT = 60.0  # seconds for a local command
SILENT = "the remote was silent"  # begins the error text of a remote that does not answer


class GitFailed(ThrumError):
    """Raised if git failed. The message quotes git's output."""

    code = "git_failed"


class RemoteAnswer(NamedTuple):
    """The output of a git command that talked to another machine."""

    status: int  # 0: success; -1: it fell silent
    out: str
    err: str


class GitRunner:
    """Runs git in one directory; the seam that tests replace. `variables` are added to its environment."""

    def __init__(self, directory: str, variables: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self._variables = dict(variables or {})

    def run(self, *arguments: str, stdin: bytes = b"") -> str:
        """Return git's output without the last newline. Raises GitFailed."""
        done = self._start(arguments, stdin)
        if done.returncode != 0:
            reason = done.stderr.decode("utf-8", "replace").strip() or f"status {done.returncode}"
            raise GitFailed(f"git {arguments[0]} failed: {reason}", hint="run it by hand in that directory")
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def asks(self, *arguments: str) -> str | None:
        """Return git's output without surrounding white space, or None if git answers with a failure."""
        done = self._start(arguments, b"")
        return done.stdout.decode("utf-8", "surrogateescape").strip() if done.returncode == 0 else None

    def data(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Return git's output, byte for byte. Raises GitFailed."""
        done = self._start(arguments, stdin)
        if done.returncode != 0:
            raise GitFailed(f"git {arguments[0]} failed: {_summary(done.stderr)}", hint="run it by hand")
        return done.stdout

    def talk(self, *arguments: str, silence: float = 60.0) -> RemoteAnswer:
        """Run a command that talks to a remote, and end it after `silence` seconds without output.

        It runs in a session of its own: it has no terminal to ask on, and its children end with it.
        """
        process = subprocess.Popen(
            self._command(arguments), cwd=self.directory,
            env={**_environment(), **_without_prompts(), **self._variables},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        with process:
            _bound(process.pid)
            out, err, ended = _output(process, silence)
            if not ended:
                _end(process)
                err += f"{SILENT} for {silence:.0f} s".encode()
            status = process.wait()
        return RemoteAnswer(status if ended else -1, out.decode("utf-8", "replace"), _summary(err))

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
    """Return the path of git from the absolute directories of PATH: a repository cannot bring its own."""
    directories = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(place)]
    program = shutil.which("git", path=os.pathsep.join(directories))
    if program is None:
        raise GitFailed("git is not installed", hint="install git")
    return program


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
_OUTPUT_LIMIT = 1 << 20  # bytes kept of git's output


def _without_prompts() -> dict[str, str]:
    """Return variables that keep the user's access to a remote, and disable every prompt."""
    kept = {name: os.environ[name] for name in ("GIT_SSH_COMMAND", "GIT_SSH", "GIT_SSL_CAINFO") if name in os.environ}
    disabled = {"GIT_ASKPASS": "", "SSH_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never", "GCM_INTERACTIVE": "never"}
    return {**kept, **disabled, "GIT_ALLOW_PROTOCOL": "https:ssh:file"}


def _bound(pid: int) -> None:
    """Limit the size of the files that a child may write, on systems that can (Linux)."""
    import resource

    if hasattr(resource, "prlimit"):
        try:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
        except (ProcessLookupError, PermissionError, ValueError):
            return  # it ended already, or a lower limit stands


def _output(process: subprocess.Popen[bytes], silence: float) -> tuple[bytes, bytes, bool]:
    """Return a child's two outputs, and whether it ended before it was silent for too long."""
    assert process.stdout is not None and process.stderr is not None
    outputs = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as streams:
        for stream in outputs:
            streams.register(stream, selectors.EVENT_READ)
        while streams.get_map():
            ready = streams.select(silence)
            if not ready:
                return bytes(outputs[process.stdout]), bytes(outputs[process.stderr]), False
            for key, _ in ready:
                piece = os.read(key.fd, 65536)
                if not piece:
                    streams.unregister(key.fileobj)
                _keep(outputs[process.stdout if key.fd == process.stdout.fileno() else process.stderr], piece)
    return bytes(outputs[process.stdout]), bytes(outputs[process.stderr]), True


def _keep(output: bytearray, piece: bytes) -> None:
    """Add a piece, and keep only the end of a very long output."""
    output += piece
    del output[: max(len(output) - _OUTPUT_LIMIT, 0)]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a child and its children: first with SIGTERM, because a killed git leaves its locks behind."""
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


def _summary(output: bytes) -> str:
    """Return the last four lines of git and the remote, without their progress and general advice."""
    lines = [line.rstrip().rpartition("\r")[2].strip() for line in output.decode("utf-8", "replace").split("\n")]
    kept = [line for line in lines if line and not line.removeprefix("remote: ").startswith((*_PROGRESS, *_ADVICE))]
    return "; ".join(kept[-4:])[:600] or "no message"
