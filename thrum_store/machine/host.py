"""The machine, as one argument: clock, randomness, files, locks and bells. Nothing else asks the machine.

Tests pass a recording or failing part instead. `failpoint(name)` marks the steps of the protocols, so that a test can
end, stop or fail a process exactly there: THRUM_FAILPOINT=name:action[:n], honoured only with THRUM_TESTING=1.
"""

from __future__ import annotations

import _thread
import errno
import fcntl
import os
import sys
import time

from thrum_store.errors import DiskFull, StorageFailed, StoreBusy, ThrumError, Unsupported
from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


# --- files ------------------------------------------------------------------------------------------------------------
try:
    import fcntl
except ImportError as missing:  # Windows: no flock, no FIFO (docs/decisions/0003)
    raise Unsupported("thrum needs flock and FIFOs, which Windows does not have", hint="run it in WSL 2") from missing
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone does not reach the disk
SAFE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # no link is followed, no planted FIFO holds us up


def failed(error: OSError, action: str) -> StorageFailed | DiskFull:
    """Return the error to raise for a system call that failed, with `action` such as "cannot read PATH"."""
    reason = f"{action}: {error.strerror or error}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return StorageFailed(reason, denied=True)
    return DiskFull(reason) if error.errno in _NO_ROOM else StorageFailed(reason)  # EDQUOT and EFBIG are "full" too


class Storage:
    """Files and directories of the store, made with modes 0600 and 0700; links are never followed."""

    def size(self, path: str) -> int:
        """Return the size of a file in bytes, or -1 if it does not exist."""
        try:
            return os.stat(path, follow_symlinks=False).st_size
        except FileNotFoundError:
            return -1
        except OSError as error:
            raise failed(error, f"cannot look at {path}") from error

    def listing(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; an empty list if it does not exist."""
        try:
            return sorted(os.listdir(path))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise failed(error, f"cannot list {path}") from error

    def read(self, path: str, start: int = 0, limit: int = -1) -> bytes:
        """Return the bytes from `start`, at most `limit`. Raises FileNotFoundError."""
        try:
            fd = os.open(path, os.O_RDONLY | SAFE)
            try:
                wanted = limit if limit >= 0 else max(os.fstat(fd).st_size - start, 0)
                return _pread(fd, wanted, start)
            finally:
                os.close(fd)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise failed(error, f"cannot read {path}") from error

    def append(self, path: str, data: bytes) -> None:
        """Append with one write, and fdatasync. If the write fails, the file is as before.

        Raises StorageFailed, with `unsynced` set if the write succeeded and the sync failed: then nobody knows what
        the disk holds, and a second sync would report success for lost bytes.
        """
        try:
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | SAFE)
        except OSError as error:
            raise failed(error, f"cannot open {path}") from error
        try:
            _write_or_undo(fd, data, os.fstat(fd).st_size, path)
            failpoint("append.written")
            _sync_or_poison(fd, path)
        finally:
            os.close(fd)

    def sync(self, path: str) -> None:
        """Make the bytes of a file survive a power cut. Never call it again after it failed."""
        self._synced(path, os.O_RDONLY | SAFE, data_only=True)

    def sync_directory(self, path: str) -> None:
        """Make names created in or removed from a directory survive a power cut."""
        self._synced(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, data_only=False)  # `.thrum` may be a link

    def _synced(self, path: str, flags: int, *, data_only: bool) -> None:
        try:
            fd = os.open(path, flags)
            try:
                _flush(fd, data_only)
            finally:
                os.close(fd)
        except OSError as error:
            raise failed(error, f"cannot sync {path}") from error

    def truncate(self, path: str, length: int) -> None:
        """Truncate a file to `length` bytes, durably."""
        try:
            fd = os.open(path, os.O_WRONLY | SAFE)
            try:
                os.ftruncate(fd, length)
                _flush(fd, True)
            finally:
                os.close(fd)
        except OSError as error:
            raise failed(error, f"cannot truncate {path}") from error

    def create(self, path: str, data: bytes) -> None:
        """Create a file with these bytes, durable together with its name. Raises FileExistsError."""
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE, 0o600)
        except FileExistsError:
            raise
        except OSError as error:
            raise failed(error, f"cannot create {path}") from error
        try:
            _write_whole(fd, data, path)
            self.sync_directory(os.path.dirname(path))
        except ThrumError:  # nobody may take up a file whose bytes or name may not last
            self.remove(path)
            raise

    def replace_unsynced(self, path: str, data: bytes) -> None:
        """Replace the content of a file without fsync: after a power cut it may be anything, or gone."""
        beside = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE, 0o600)
            try:
                _write_or_undo(fd, data, 0, beside)
            finally:
                os.close(fd)
            os.rename(beside, path)
        except OSError as error:
            raise failed(error, f"cannot write {path}") from error
        finally:
            self.remove(beside)

    def replace(self, path: str, data: bytes) -> None:
        """Replace the content of a file in one step: a crash leaves the old or the new bytes, never a mixture."""
        beside = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            _write_whole(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE, 0o600), data, beside)
            os.rename(beside, path)
        except OSError as error:
            raise failed(error, f"cannot replace {path}") from error
        finally:
            self.remove(beside)
        self.sync_directory(os.path.dirname(path))

    def move(self, path: str, target: str) -> None:
        """Rename a file or directory, durably; `target` must not exist yet."""
        try:
            os.rename(path, target)
        except OSError as error:
            raise failed(error, f"cannot move {path}") from error
        for directory in (os.path.dirname(target), os.path.dirname(path)):
            self.sync_directory(directory)

    def point(self, path: str, target: str) -> None:
        """Let the name `path` be a link to `target`, in one step and durably; it must not be a directory."""
        beside = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            os.symlink(target, beside)
            os.rename(beside, path)
        except OSError as error:
            raise failed(error, f"cannot make the link {path}") from error
        finally:
            self.remove(beside)
        self.sync_directory(os.path.dirname(path))

    def remove(self, path: str) -> None:
        """Remove a file if it exists."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise failed(error, f"cannot remove {path}") from error

    def directory(self, path: str) -> None:
        """Create a directory and its parents if needed, durably and closed to other users."""
        if os.path.isdir(path):
            return
        parent = os.path.dirname(path)
        self.directory(parent)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            return
        except OSError as error:
            raise failed(error, f"cannot make {path}") from error
        self.sync_directory(parent)


def _pread(fd: int, wanted: int, start: int) -> bytes:
    pieces: list[bytes] = []
    while wanted > 0:
        piece = os.pread(fd, wanted, start)
        if not piece:
            break
        pieces.append(piece)
        start += len(piece)
        wanted -= len(piece)
    return b"".join(pieces)


def _write_or_undo(fd: int, data: bytes, start: int, path: str) -> None:
    try:
        written = os.write(fd, data)
        if written != len(data):
            raise OSError(errno.ENOSPC, "only a part could be written")
    except OSError as error:
        try:
            os.ftruncate(fd, start)
        except OSError:  # then a torn tail stays, which the next writer truncates
            raise failed(error, f"cannot write {path}") from error
        raise failed(error, f"cannot write {path}") from error


def _write_whole(fd: int, data: bytes, path: str) -> None:
    try:
        _write_or_undo(fd, data, 0, path)
        _flush(fd, False)
    except OSError as error:
        raise failed(error, f"cannot create {path}") from error
    finally:
        os.close(fd)


def _sync_or_poison(fd: int, path: str) -> None:
    try:
        _flush(fd, True)
    except OSError as error:
        raise StorageFailed(f"cannot sync {path}: {error.strerror}", unsynced=True) from error


def _flush(fd: int, data_only: bool) -> None:
    if _FULL_SYNC is not None:
        fcntl.fcntl(fd, _FULL_SYNC)
    elif data_only and hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        os.fsync(fd)


_ARMED = os.environ.get("THRUM_TESTING") == "1" and "THRUM_FAILPOINT" in os.environ  # looked at once: 3 µs each time
_hits: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Do nothing, unless a test named this step in THRUM_FAILPOINT (actions: kill, stop, exit, eio, enospc)."""
    if not _ARMED:
        return
    wanted, action, count = (os.environ["THRUM_FAILPOINT"].split(":") + ["1"])[:3]
    if wanted != name:
        return
    _hits[name] = _hits.get(name, 0) + 1
    if _hits[name] == int(count):
        _act(action, name)


def _act(action: str, name: str) -> None:
    import signal  # 0.5 ms that only a test pays

    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "exit":
        sys.exit(97)
    elif action == "eio":
        raise failed(OSError(errno.EIO, os.strerror(errno.EIO)), f"failpoint {name}")
    elif action == "enospc":
        raise failed(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), f"failpoint {name}")
    else:
        raise ValueError(f"unknown failpoint action {action!r}")


DISK = Storage()

# --- clock, randomness, locks -----------------------------------------------------------------------------------------
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

# --- bells ------------------------------------------------------------------------------------------------------------
EVERY = "all"  # a reserved name: the bell of subscribers to everything


class Bell:
    """A FIFO on which a waiter is woken. `fd` is readable once somebody rang."""

    def __init__(self, directory: str, name: str) -> None:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        unique = f"{os.getpid()}.{os.urandom(4).hex()}"
        # It gets its name only once it is open: a ringer removes a bell that nobody has open.
        unheld = os.path.join(directory, f".{unique}")
        os.mkfifo(unheld, 0o600)
        # Open for reading and writing, so that the close of a ringer is no end of file.
        self.fd = os.open(unheld, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.path = os.path.join(directory, f"{name}.{unique}")
        os.rename(unheld, self.path)

    def drain(self) -> None:
        """Discard all rings so far."""
        try:
            while os.read(self.fd, 4096):
                pass
        except BlockingIOError:
            return

    def notify_self(self) -> None:
        """Wake this waiter from within its own process."""
        try:
            os.write(self.fd, b"!")
        except BlockingIOError:  # full: it rings already
            return

    def close(self) -> None:
        """Close and remove the bell."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            _remove(self.path)

    def __enter__(self) -> Bell:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ring(directory: str, names: Iterable[str]) -> None:
    """Ring the bells of these agents; remove the bells of waiters that died."""
    wanted = {*names, EVERY}
    try:
        bells = os.listdir(directory)
    except FileNotFoundError:
        return
    for bell in bells:
        if bell.partition(".")[0] in wanted:
            _ring(os.path.join(directory, bell))


def listening(directory: str) -> set[str]:
    """Return the names of the agents that wait right now."""
    try:
        bells = os.listdir(directory)
    except FileNotFoundError:
        return set()
    return {bell.partition(".")[0] for bell in bells if bell[0] != "." and _is_open(os.path.join(directory, bell))}


def _ring(path: str) -> None:
    fd = _open(path)
    if fd is None:
        return
    try:
        os.write(fd, b"!")
    except (BlockingIOError, BrokenPipeError):
        return  # full: it rings already; broken: the waiter left at this moment
    finally:
        os.close(fd)


def _is_open(path: str) -> bool:
    fd = _open(path)
    if fd is None:
        return False
    os.close(fd)
    return True


def _open(path: str) -> int | None:
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ENXIO:
            _remove(path)
        return None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
