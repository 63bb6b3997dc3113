"""The disk: the store touches every file through `Storage`.

Tests pass a recording or failing one instead. `failpoint(name)` marks the steps of the protocols, so that a test can
end, stop or fail a process exactly there: THRUM_FAILPOINT=name:action[:n], honoured only with THRUM_TESTING=1.
"""

from __future__ import annotations

import errno
import os
import sys

from thrum_store.errors import DiskFull, StorageFailed, ThrumError, Unsupported

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
        self._synced(path, os.O_RDONLY, data_only=True)

    def sync_directory(self, path: str) -> None:
        """Make names created in or removed from a directory survive a power cut."""
        self._synced(path, os.O_RDONLY | os.O_DIRECTORY, data_only=False)

    def _synced(self, path: str, flags: int, *, data_only: bool) -> None:
        try:
            fd = os.open(path, flags | SAFE)
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


REAL = Storage()
