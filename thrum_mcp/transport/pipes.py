"""The two descriptors that carry JSON-RPC, and their hand-off from the light front to the server.

After `take()` the client's pipes are reachable through the returned numbers only: descriptor 1 leads to standard error
and descriptor 0 to the null device. A stray print, a warning or a child process can neither write into the protocol nor
read from it. Part of the light front: no heavy import.
"""

from __future__ import annotations

import fcntl
import os
import stat

from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_mcp.lines import LineSplitter

    from .early_answers import Result

FRAME_LIMIT = 16 * 1024 * 1024  # bytes in one line; the largest message, escaped in full, has 6 million
CHUNK = 256 * 1024


class Pipes(NamedTuple):
    """The descriptors of requests and answers; no child process inherits them."""

    input: int
    output: int


class Line(NamedTuple):
    """One line from the client, with the result that the front already sent for it."""

    data: bytes
    answered: Result | None = None


class Handoff(NamedTuple):
    """The state of a connection: the pipes, all lines so far, the unfinished line, and whether the input ended."""

    pipes: Pipes
    lines: tuple[Line, ...]
    splitter: LineSplitter
    ended: bool


def take() -> Pipes:
    """Move standard input and output to other descriptors and return those."""
    _close_gaps()
    pipes = Pipes(_moved_aside(0), _moved_aside(1))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return pipes


def _moved_aside(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)


def _close_gaps() -> None:
    """Open the standard descriptors that the client did not, so that no file opened later gets such a number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)


def is_pipe(fd: int) -> bool:
    """Return True for a pipe or a socket, which may be made non-blocking. A terminal is shared with others."""
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def can_wait(fd: int) -> bool:
    """Return True if an event loop can wait for this. It refuses files and the null device, which are always ready."""
    return is_pipe(fd) or os.isatty(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data` to a blocking descriptor. Raises BrokenPipeError if nobody reads any more."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
