"""The machine, as one argument: clock, randomness, files, locks and bells. Nothing else asks the machine.

Tests pass a recording or failing part instead. `failpoint(name)` marks the steps of the protocols, so that a test can
end, stop or fail a process exactly there: THRUM_FAILPOINT=name:action[:n], honoured only with THRUM_TESTING=1.
"""

from __future__ import annotations

import errno
import fcntl
import os
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
_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0  # in a container over a user's repository, or by sudo
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone does not reach the disk
SAFE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # no link is followed, no planted FIFO holds us up


def failed(error: OSError, action: str) -> StorageFailed | DiskFull:
    """Return the error to raise for a system call that failed, with `action` such as "cannot read PATH"."""
    try:
        from .storage_errors import explained  # only where something failed

        return explained(error, action)
    except OSError:  # no descriptor is left to load it with
        return StorageFailed(f"{action}: too many open files, or no memory")


def make(path: str, flags: int, mode: int = 0o600) -> int:
    """Create a file; root gives it to the owner of its directory. Raises OSError."""
    fd = os.open(path, flags | os.O_CREAT | os.O_EXCL | SAFE, mode)
    if _ROOT:
        _hand_over(fd, os.path.dirname(path))
    return fd


def make_directory(path: str) -> None:
    """Create a directory with mode 0700; root gives it to the owner of its parent. Raises OSError."""
    os.mkdir(path, 0o700)
    if _ROOT:
        _hand_over(path, os.path.dirname(path))


def _hand_over(file: int | str, directory: str) -> None:
    owner = os.stat(directory)
    if owner.st_uid:
        os.chown(file, owner.st_uid, owner.st_gid, follow_symlinks=isinstance(file, int))


class Displaced(StorageFailed):
    """Raised if the file of a log is not the one that was read; nothing was written."""

    code = "log_displaced"


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

    def append(self, path: str, data: bytes, end: int = -1, names: int = 0) -> None:
        """Append with one write, and fdatasync. If the write fails, the file is as before.

        Raises Displaced if the file is gone, does not end at `end`, or has fewer than `names` names.
        Raises StorageFailed, with `unsynced` set if the write succeeded and the sync failed: then nobody knows what
        the disk holds, and a second sync would report success for lost bytes.
        """
        try:
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | SAFE)
        except FileNotFoundError as error:
            raise Displaced(f"cannot open {path}: {error.strerror}") from error
        except OSError as error:
            raise failed(error, f"cannot open {path}") from error
        try:
            status = os.fstat(fd)
            if (end >= 0 and status.st_size != end) or status.st_nlink < names:
                raise Displaced(f"{path} is not the file that was read")
            _write_or_undo(fd, data, status.st_size, path)
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
            fd = make(path, os.O_WRONLY)
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
            fd = make(beside, os.O_WRONLY)
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
            _write_whole(make(beside, os.O_WRONLY), data, beside)
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
            make_directory(path)
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
            os.write(fd, data[written:])  # the system's own error is the reason: no room, or a limit of this process
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
        from .failpoints import act  # only in a test

        act(action, name)


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
        from .blocking_lock import BlockingLock  # only where another process holds it

        fd = self._open()
        if not BlockingLock(fd).acquired_within(self._deadline if deadline is None else deadline):
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
            return os.open(self.path, os.O_RDWR | SAFE)
        except FileNotFoundError:
            return self._made()
        except OSError as error:
            raise failed(error, f"cannot open {self.path}") from error

    def _made(self) -> int:
        try:
            return make(self.path, os.O_RDWR)
        except FileExistsError:  # another process was faster
            return self._open()
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
    """A FIFO on which a waiter is woken. `fd` is readable once somebody rang.

    Where no FIFO can be made (a read-only store, a file system without them), it is a pipe that only its own process
    can ring: the waiter looks once a second.
    """

    def __init__(self, directory: str, name: str) -> None:
        self.path = ""
        try:
            self.fd = self._ringing_end = self._hung(directory, name)
        except OSError:
            self.fd, self._ringing_end = _pipe()

    def _hung(self, directory: str, name: str) -> int:
        """Make the FIFO and return it open."""
        if not os.path.isdir(directory):
            make_directory(directory)
        unique = f"{os.getpid()}.{os.urandom(4).hex()}"
        # It gets its name only once it is open: a ringer removes a bell that nobody has open.
        unheld = os.path.join(directory, f".{unique}")
        os.mkfifo(unheld, 0o600)
        # Open for reading and writing, so that the close of a ringer is no end of file.
        fd = -1
        try:
            fd = os.open(unheld, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            if _ROOT:
                _hand_over(fd, directory)
            path = os.path.join(directory, f"{name}.{unique}")
            os.rename(unheld, path)
        except OSError:
            os.unlink(unheld)
            if fd >= 0:
                os.close(fd)
            raise
        self.path = path
        return fd

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
            os.write(self._ringing_end, b"!")
        except BlockingIOError:  # full: it rings already
            return

    def close(self) -> None:
        """Close and remove the bell."""
        if self.fd >= 0:
            os.close(self.fd)
            if self.path:
                _remove(self.path)
            else:
                os.close(self._ringing_end)
            self.fd = -1

    def __enter__(self) -> Bell:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pipe() -> tuple[int, int]:
    """Return the two ends of a pipe that never blocks."""
    try:
        ends = os.pipe()
    except OSError as error:
        raise failed(error, "cannot wait for a message") from error
    for end in ends:
        os.set_blocking(end, False)
    return ends


def ring(directory: str, names: Iterable[str]) -> None:
    """Ring the bells of these agents; remove the bells of waiters that died."""
    wanted = {*names, EVERY}
    try:
        bells = os.listdir(directory)
    except OSError:  # nobody waits there, or none that we could wake: waiters look once a second
        return
    for bell in bells:
        if bell.partition(".")[0] in wanted:
            _ring(os.path.join(directory, bell))


def _ring(path: str) -> None:
    fd = open_bell(path)
    if fd is None:
        return
    try:
        os.write(fd, b"!")
    except (BlockingIOError, BrokenPipeError):
        return  # full: it rings already; broken: the waiter left at this moment
    finally:
        os.close(fd)


def open_bell(path: str) -> int | None:
    """Return a bell open for ringing; remove it and return None if nobody waits there."""
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ENXIO:
            _remove(path)
        return None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # gone already, or not ours: a bell that nobody has open rings nowhere
        return
