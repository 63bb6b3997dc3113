"""The machine, as one argument: clock, randomness, locks and disk. Time and randomness are reached only here."""

from __future__ import annotations

import _thread
import errno
import fcntl
import os
import time

from thrum_store.errors import StoreBusy
from thrum_store.records import NamedTuple

from .storage import SAFE, Storage, failed

LOCK_DEADLINE = 10.0  # seconds until a lock that nobody frees is an error


class Clock:
    """Wall time for people, monotonic time for deadlines, and sleep."""

    def wall_ms(self) -> int:
        """Return the machine's time in milliseconds since 1970. For display only: nothing is ordered by it."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`; only between two tries of something that another machine holds."""
        time.sleep(seconds)


class Entropy:
    """Random bytes."""

    def token(self, size: int = 8) -> str:
        """Return `size` random bytes in hex."""
        return os.urandom(size).hex()


class Lock:
    """An flock between processes, freed by the kernel when its holder dies. Nobody ever removes the file."""

    def __init__(self, path: str, deadline: float = LOCK_DEADLINE) -> None:
        self.path = path
        self._deadline = deadline
        self._fd = -1

    def acquire(self, deadline: float | None = None) -> None:
        """Take the lock within `deadline` seconds. Raises StoreBusy with the holder's pid."""
        if self.try_acquire():
            return
        fd = self._open()
        if not _BlockingLock(fd).acquired_within(self._deadline if deadline is None else deadline):
            raise StoreBusy(self._holder(), os.path.basename(self.path))
        self._hold(fd)

    def try_acquire(self) -> bool:
        """Take the lock if it is free, without waiting; return whether it was."""
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
        """Free the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | SAFE, 0o600)
        except OSError as error:
            raise failed(error, f"cannot open {self.path}") from error

    def _hold(self, fd: int) -> None:
        """Write our pid into the file, for the error message of those who wait in vain."""
        self._fd = fd
        try:
            os.pwrite(fd, b"%-10d" % os.getpid(), 0)
        except OSError:  # a full disk: the lock holds without the pid
            return

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


class _BlockingLock:
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


class Host(NamedTuple):
    """The machine as a store needs it; tests pass another one."""

    clock: Clock = Clock()
    entropy: Entropy = Entropy()
    storage: Storage = Storage()
    patience: float = LOCK_DEADLINE  # seconds until a lock that nobody frees is an error

    def lock(self, path: str) -> Lock:
        """Return a lock on `path`, not taken yet."""
        return Lock(path, self.patience)


REAL = Host()
