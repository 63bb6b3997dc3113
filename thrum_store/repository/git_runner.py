"""The git runner: the one place that starts git, as the user set it up, and without its side effects.

No hook, filter, alias, pager, signing or prompt of the user runs, no inherited variable leads elsewhere
(`git_variables`), and the user's index is never refreshed. A start costs 3 ms and the import 37 ms, so no send, check
or wait uses this module.
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import subprocess

from thrum_store.errors import ThrumError
from thrum_store.machine.host import REAL, failed
from thrum_store.values import NamedTuple

from . import git_variables
from .git_variables import GitFailed as GitFailed
from .git_variables import configured, global_files, inherited, unattended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_CONFIG = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "commit.gpgsign=false", "gc.auto=0", "core.pager=cat",
    "core.askPass=", "maintenance.auto=false", "color.ui=false",
)  # fmt: skip
_TIMEOUT = 60.0  # seconds for a local command
_checked: set[str] = set()  # programs that this process looked at
SILENT = "the remote was silent"  # begins the error text of a remote that does not answer


class DubiousOwnership(GitFailed):
    """Raised if git works in no repository of this owner until the user allows it."""

    code = "dubious_ownership"

    def __init__(self, directory: str, command: str) -> None:
        super().__init__(
            f"git refuses to work in {directory}, because it belongs to another user",
            hint=f"allow it, if you trust its owner: `{command}`",
        )


class RemoteAnswer(NamedTuple):
    """The output of a git command that talked to another machine."""

    status: int  # 0: success; -1: it fell silent
    out: str
    err: str


class GitRunner:
    """Runs git in one directory; the seam that tests replace.

    `variables` are added to its environment, `settings` to its configuration. An `anonymous` one has no access of the
    user's. `timeout` is seconds for a local command.
    """

    def __init__(
        self,
        directory: str,
        variables: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        *,
        anonymous: bool = False,
        timeout: float = _TIMEOUT,
    ) -> None:
        self.directory = directory
        self._variables = dict(variables or {})
        self._settings = dict(settings or {})  # by environment: the command line can be read by every user
        self._anonymous = anonymous
        self._timeout = timeout

    def run(self, *arguments: str, stdin: bytes = b"") -> str:
        """Return git's output without the last newline. Raises GitFailed."""
        return self.data(*arguments, stdin=stdin).decode("utf-8", "surrogateescape").removesuffix("\n")

    def asks(self, *arguments: str) -> str | None:
        """Return git's output without surrounding white space, or None if git answers with a failure.

        Raises GitFailed if git cannot answer at all.
        """
        done = self._start(arguments, b"")
        return done.stdout.decode("utf-8", "surrogateescape").strip() if done.returncode == 0 else None

    def data(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Return git's output, byte for byte. Raises GitFailed."""
        done = self._start(arguments, stdin)
        if done.returncode != 0:
            reason = _complaint(done.stderr) or _summary(done.stderr, f"status {done.returncode}")
            raise GitFailed(f"git {arguments[0]} failed: {reason}", hint=self._by_hand(arguments))
        return done.stdout

    def object_ids(self, count: int, *arguments: str, stdin: bytes = b"") -> list[str]:
        """Return the ids of `count` objects, as git printed them. Raises GitFailed for any other output."""
        output = self.run(*arguments, stdin=stdin)
        ids = output.split("\n")
        if len(ids) != count or any(len(name) not in (40, 64) or not _HEX.issuperset(name) for name in ids):
            raise GitFailed(
                f"git {arguments[0]} printed {output[:80]!r} instead of ids of objects",
                hint=git_variables.looking(git_variables.program_path()),
            )
        return ids

    def object_id(self, *arguments: str, stdin: bytes = b"") -> str:
        """Return the id of an object, as git printed it. Raises GitFailed for any other output."""
        return self.object_ids(1, *arguments, stdin=stdin)[0]

    def talk(self, *arguments: str, silence: float = 60.0) -> RemoteAnswer:
        """Run a command that talks to a remote, and end it after `silence` seconds without output.

        It runs in a session of its own: it has no terminal to ask on, and its children end with it.
        """
        try:
            process = subprocess.Popen(
                self._command(arguments), cwd=self.directory,
                env=self._environment(unattended()), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise self._not_started(error) from error
        with process:
            _bound(process.pid)
            out, err, ended = _output(process, silence)
            if not ended:
                _end(process)
                err += f"{SILENT} for {silence:.0f} s".encode()
            status = process.wait()
        _check_ownership(err)
        return RemoteAnswer(status if ended else -1, out.decode("utf-8", "replace"), _summary(err))

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        variables = {**inherited(anonymous=self._anonymous), **more, **self._variables}
        return configured(variables, self._settings)

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        options = [part for setting in _CONFIG for part in ("-c", setting)]
        return [self._program(), "--no-optional-locks", *options, *arguments]

    def _program(self) -> str:
        program = git_variables.program_path()
        if program not in _checked and not git_variables.is_binary(program, REAL.storage):
            self._check_version(program)
        _checked.add(program)
        return program

    def _check_version(self, program: str) -> None:
        try:
            done = subprocess.run(
                [program, "--version"], cwd=self.directory, stdin=subprocess.DEVNULL, capture_output=True,
                timeout=self._timeout, env=self._environment({}), check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return  # the command itself meets the same, and its error says for which command
        if done.returncode == 0:
            git_variables.check_version(program, done.stdout)

    def _start(self, arguments: tuple[str, ...], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        try:
            done = subprocess.run(
                self._command(arguments), cwd=self.directory, input=stdin, capture_output=True, timeout=self._timeout,
                env=self._environment({}), check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise GitFailed(
                f"git {arguments[0]} did not end within {self._timeout:g} seconds", hint=self._by_hand(arguments)
            ) from error
        except OSError as error:
            raise self._not_started(error) from error
        if done.returncode:
            _check_ownership(done.stderr)
        return done

    def _not_started(self, error: OSError) -> ThrumError:
        if not os.path.isdir(self.directory):
            return GitFailed(f"the directory {self.directory} is gone", hint="go to a directory that exists")
        if error.errno in (errno.ENOEXEC, errno.EACCES, errno.ENOENT):
            program = git_variables.program_path()
            return GitFailed(f"cannot start {program}: {error.strerror}", hint=git_variables.looking(program))
        return failed(error, f"cannot start {git_variables.program_path()}")

    def _by_hand(self, arguments: tuple[str, ...]) -> str:
        words = " ".join(map(_shell_quoted, arguments))
        return f"see what git says: `git -C {_shell_quoted(self.directory)} {words} </dev/null`"


def _shell_quoted(path: str) -> str:
    import shlex  # only for a hint

    return shlex.quote(path)


def _unquoted(word: str) -> str:
    import shlex  # as above

    return "".join(shlex.split(word))


# --- git's own care for the owner of a repository ---------------------------------------------------------------------

_HEX = frozenset("0123456789abcdef")
_ALLOWING = "git config --global --add safe.directory "


def _check_ownership(err: bytes) -> None:
    """Raise DubiousOwnership if git refused for it. Its own words name the directory and the command."""
    lines = (line.strip() for line in err.decode("utf-8", "surrogateescape").split("\n"))
    command = next((line for line in lines if line.startswith(_ALLOWING)), None)
    if command is None:
        return
    directory = command.removeprefix(_ALLOWING)
    if not global_files():  # then `git config --global` has no file to write to
        command = f"export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0={directory}"
    raise DubiousOwnership(_unquoted(directory), command)


# --- talking to a remote --------------------------------------------------------------------------------------------

_LARGEST_FILE = 1 << 30  # bytes of one file that a fetch may write: a remote cannot fill the disk
_OUTPUT_LIMIT = 1 << 20  # bytes kept of git's output


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


def _complaint(output: bytes) -> str:
    """Return the errors of git in an output, without the advice around them; "" if it holds none."""
    lines = output.decode("utf-8", "replace").split("\n")
    return "; ".join(line.strip() for line in lines if line.startswith(("fatal: ", "error: ")))[:600]


def _summary(output: bytes, otherwise: str = "no message") -> str:
    """Return the last four lines of git and the remote, without their progress and general advice."""
    lines = [line.rstrip().rpartition("\r")[2].strip() for line in output.decode("utf-8", "replace").split("\n")]
    kept = [line for line in lines if line and not line.removeprefix("remote: ").startswith((*_PROGRESS, *_ADVICE))]
    return "; ".join(kept[-4:])[:600] or otherwise
