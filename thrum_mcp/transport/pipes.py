"""The two descriptors that carry JSON-RPC, kept apart from everything else that may print.

After `take()` the client's pipe is reachable through the returned numbers only: descriptor 1 leads to standard error
and descriptor 0 to nothing, so a stray print, a warning or a child process cannot put one byte into the protocol, nor
take one from it. Part of the light front: no heavy import here.
"""

from __future__ import annotations

import fcntl
import os
import stat
from typing import NamedTuple

FRAME_LIMIT = 16 * 1024 * 1024  # bytes in one line; the largest message, escaped in full, has 6 million
CHUNK = 256 * 1024


class Wire(NamedTuple):
    """Where requests come from and answers go to, as descriptors that no child inherits."""

    read: int
    write: int


def take() -> Wire:
    """Moves standard input and output aside and returns where they are now."""
    _close_gaps()
    wire = Wire(_moved_aside(0), _moved_aside(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return wire


def _moved_aside(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)


def _close_gaps() -> None:
    """Where a client started us without one of the three, a file opened later must not get its number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)


def is_pipe(fd: int) -> bool:
    """Whether this is a pipe or a socket, which can be made not to block; a terminal is others' as well."""
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def can_wait(fd: int) -> bool:
    """Whether an event loop can wait for this: a file or the null device is always ready, and it refuses them."""
    return is_pipe(fd) or os.isatty(fd)


def write_all(fd: int, data: bytes) -> None:
    """Writes all of `data` to a descriptor that blocks; raises BrokenPipeError where nobody reads any more."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
