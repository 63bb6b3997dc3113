"""Locks that are not simply taken: the wait for one that another process holds, and one for those who only read."""

from __future__ import annotations

import _thread
import fcntl
import os


class BlockingLock:
    """A blocking flock with a time limit, taken in a thread of its own.

    The kernel hands a lock on without a pause, which polling cannot; and only a thread can be left behind in a call
    that does not return.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._done, self._gate = _thread.allocate_lock(), _thread.allocate_lock()
        self._locked = self._abandoned = False
        self._done.acquire()

    def acquired_within(self, seconds: float) -> bool:
        """Wait for the lock; return whether it was taken in time. If not, the descriptor is closed sooner or later."""
        _thread.start_new_thread(self._take, ())
        try:
            self._done.acquire(True, seconds)
        finally:
            with self._gate:
                self._abandoned = not self._locked
        return self._locked

    def _take(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            taken = True
        except OSError:
            taken = False
        with self._gate:
            self._locked = taken and not self._abandoned
            if not self._locked:
                os.close(self._fd)
        self._done.release()


class NoLock:
    """A lock on what no other process has."""

    path = ""

    def acquire(self, deadline: float | None = None) -> None:
        """Do nothing: there is nobody to wait for."""

    def try_acquire(self) -> bool:
        """Return True: it is always free."""
        return True

    def release(self) -> None:
        """Do nothing."""

    def __enter__(self) -> NoLock:
        return self

    def __exit__(self, *_: object) -> None:
        return
