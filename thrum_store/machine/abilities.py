"""The abilities of a file system that a store needs: locks that exclude, and memory that processes share.

Some network and shared file systems lack them even for one kernel; SQLite's write-ahead log then fails, or worse.
"""

from __future__ import annotations

import fcntl
import mmap
import os

from thrum_store.errors import ThrumError

from .host import SAFE, failpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .host import Host

_SIZE = 4096


def whole(directory: str, host: Host) -> bool:
    """Try locks and shared memory in a directory, which is made if it is missing; return whether both work."""
    path = os.path.join(directory, f".try.{host.entropy.token()}")
    try:
        failpoint("abilities.tried")
        host.storage.directory(directory)
        host.storage.create(path, b"\0" * _SIZE)
    except (ThrumError, FileExistsError):
        return False
    first, second = (os.open(path, os.O_RDWR | SAFE) for _ in range(2))
    try:
        return _excludes(first, second) and _is_shared(first, second)
    except (OSError, ValueError):
        return False
    finally:
        os.close(first)
        os.close(second)
        host.storage.remove(path)


def _excludes(first: int, second: int) -> bool:
    fcntl.lockf(first, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as SQLite locks; of one process, so it excludes nobody
    fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _is_shared(first: int, second: int) -> bool:
    with mmap.mmap(first, _SIZE) as one_side, mmap.mmap(second, _SIZE) as other_side:
        one_side[:1] = b"x"
        return other_side[:1] == b"x"
