"""Locks between processes: flock, with a time limit."""

from __future__ import annotations

import _thread
import errno
import fcntl
import os
from contextlib import suppress

from thrum_store.errors import StoreBusy

from .storage import SAFE, failed

LOCK_DEADLINE = 10.0  # seconds until a lock that nobody frees is an error (V1)


class Lock:
    """An advisory lock on a file, freed by the kernel when its holder dies. Nobody ever removes the file."""

    def __init__(self, path: str, deadline: float = LOCK_DEADLINE) -> None:
        self.path = path
        self._deadline = deadline
        self._fd = -1

    def acquire(self, deadline: float | None = None) -> None:
        """Takes the lock within `deadline` seconds, or raises StoreBusy with the holder's pid."""
        if self.try_acquire():
            return
        fd = self._open()
        if not _Blocked(fd).until(self._deadline if deadline is None else deadline):
            raise StoreBusy(self._holder(), os.path.basename(self.path))
        self._hold(fd)

    def try_acquire(self) -> bool:
        """Takes the lock if it is free; never waits."""
        fd = self._open()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise failed(error, f"cannot lock {self.path}") from error
        self._hold(fd)
        return True

    def release(self) -> None:
        """Frees the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | SAFE, 0o600)
        except OSError as error:
            raise failed(error, f"cannot open {self.path}") from error

    def _hold(self, fd: int) -> None:
        """Signs the file with our pid, for whoever waits in vain; a courtesy that a full disk may refuse."""
        self._fd = fd
        with suppress(OSError):
            os.pwrite(fd, b"%-10d" % os.getpid(), 0)

    def _holder(self) -> str:
        try:
            with open(self.path, "rb") as file:
                return file.read(10).decode("ascii", "replace").strip()
        except OSError:
            return ""

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class _Blocked:
    """A blocking flock with a time limit. The kernel hands the lock on without a pause, which polling cannot; and only
    a thread of its own can be left behind in a call that does not return."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._done, self._gate = _thread.allocate_lock(), _thread.allocate_lock()
        self._locked = self._left = False
        self._done.acquire()

    def until(self, seconds: float) -> bool:
        """Whether the lock was taken in time. If not, the descriptor is closed, sooner or later."""
        _thread.start_new_thread(self._take, ())
        try:
            self._done.acquire(True, seconds)
        finally:
            with self._gate:
                self._left = not self._locked
        return self._locked

    def _take(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            taken = True
        except OSError:
            taken = False
        with self._gate:
            self._locked = taken and not self._left
            if not self._locked:
                os.close(self._fd)
        self._done.release()
