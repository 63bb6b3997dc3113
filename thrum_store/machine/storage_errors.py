"""Refusals of the machine that are no fault of the disk, each in its own words.

Loaded only when a system call failed.
"""

from __future__ import annotations

import errno
import os
import stat
from shlex import quote

from thrum_store.errors import DiskFull, NotARepository, StorageFailed, ThrumError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_DESCRIPTORS = {errno.EMFILE: "this process has", errno.ENFILE: "this machine has"}
_NOTHING_DONE = "nothing was confirmed"
REPLACEABLE = {errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.ENXIO}  # of a file that can be made again
_IN_ITS_PLACE = {
    errno.ELOOP: "a link stands in its place",
    errno.EISDIR: "a directory stands in its place",
    errno.ENOTDIR: "a file stands in the place of a directory",
    errno.ENXIO: "a pipe or a socket stands in its place",
}


class Refusal(StorageFailed):
    """Raised if the machine refuses an action. Nothing was confirmed."""

    def __init__(self, message: str, hint: str) -> None:
        ThrumError.__init__(self, message, hint=hint)
        self.unsynced = False


class ReadOnly(Refusal):
    """Raised if this process may only read: a sandbox or a container mounted the store read-only."""

    code = "read_only"

    def __init__(self, action: str) -> None:
        super().__init__(
            f"{action}: the file system is read-only here, as in a sandbox",
            f"{_NOTHING_DONE}; use the MCP tools such as send_message, or run the command outside of the sandbox",
        )


class Denied(Refusal):
    """Raised if a file belongs to another user, or its mode refuses us."""

    code = "permission_denied"

    def __init__(self, action: str, path: str) -> None:
        owner = owner_of(path)
        theirs = f"; it belongs to {owner}" if owner else ""
        place = _refusing(path)
        look = f"look at its owner and its mode: `ls -ld {quote(place)}`" if place else "look at its owner and its mode"
        super().__init__(f"{action}: you may not{theirs}", f"{_NOTHING_DONE}; {opening(place) or look}")


class TooManyFiles(Refusal):
    """Raised if no more files can be opened."""

    code = "too_many_files"

    def __init__(self, action: str, holder: str) -> None:
        super().__init__(
            f"{action}: {holder} too many open files",
            f"{_NOTHING_DONE}; close some, or raise the limit with `ulimit -n 4096`, and repeat the command",
        )


class FileLimit(Refusal):
    """Raised if a file would become larger than this process may make it."""

    code = "file_limit"

    def __init__(self, action: str, limit: int) -> None:
        super().__init__(
            f"{action}: this process may write no file larger than {max(1, limit // 1024)} KiB",
            f"{_NOTHING_DONE}; raise the limit with `ulimit -f unlimited`, and repeat the command",
        )


class DirectoryRemoved(NotARepository):
    """Raised if the current directory was removed."""

    code = "directory_removed"

    def __init__(self) -> None:
        ThrumError.__init__(self, "the current directory was removed", hint="go to one that exists: `cd ~`")


def explained(error: OSError, action: str) -> StorageFailed | DiskFull:
    """Return the error to raise for a system call that failed, with `action` such as "cannot read PATH"."""
    code, path = error.errno or 0, action.rpartition(" /")[2]
    if code == errno.EROFS:
        return ReadOnly(action)
    if code in (errno.EACCES, errno.EPERM):
        return Denied(action, f"/{path}" if path != action else "")
    if code in _NO_DESCRIPTORS:
        return TooManyFiles(action, _NO_DESCRIPTORS[code])
    if code == errno.ENOMEM:
        return Refusal(f"{action}: there is no memory left", f"{_NOTHING_DONE}; end other programs, then repeat it")
    if code in _IN_ITS_PLACE:
        return Refusal(f"{action}: {_IN_ITS_PLACE[code]}", f"{_NOTHING_DONE}; move it aside, then run `thrum doctor`")
    if code in (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK):
        return Refusal(
            f"{action}: this file system cannot do that ({error.strerror})",
            f"{_NOTHING_DONE}; put the repository on a local file system, such as ext4, xfs, btrfs or APFS",
        )
    if code == errno.EFBIG and (limit := largest_file()):
        return FileLimit(action, limit)
    reason = f"{action}: {error.strerror or error}"
    return DiskFull(reason) if code in _NO_ROOM else StorageFailed(reason)  # EDQUOT and EFBIG are "full" too


def _refusing(path: str) -> str:
    """Return the first directory on the way to a path that lets us not in, or the path itself."""
    above = os.path.dirname(path)
    if above in ("", path):
        return path
    first = _refusing(above)
    return first if first != above or not os.access(above, os.X_OK) else path


def opening(path: str) -> str:
    """Return the command that opens a file or directory of ours whose mode refuses us, in backquotes; "" if none."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    needed, letters = (stat.S_IRWXU, "rwx") if stat.S_ISDIR(status.st_mode) else (stat.S_IRUSR | stat.S_IWUSR, "rw")
    ours = status.st_uid == os.geteuid() and status.st_mode & needed != needed
    return f"`chmod u+{letters} {quote(path)}`" if ours else ""


def largest_file() -> int:
    """Return the bytes that this process may write to one file; 0: no limit."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 0
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return 0 if limit == resource.RLIM_INFINITY else limit


def owner_of(path: str) -> str:
    """Return the owner of a path for people, or "" if it is ours, or unknown."""
    while path and path != "/":
        try:
            uid = os.lstat(path).st_uid
        except OSError:
            path = os.path.dirname(path)  # in a closed directory: that one's owner
            continue
        return "" if uid == os.geteuid() else _user(uid)
    return ""


def _user(uid: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"user {uid}"


def refused_file(paths: tuple[str, ...]) -> OSError | None:
    """Return the error of the first of these files that exists and cannot be opened for writing."""
    for path in paths:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK))
        except FileNotFoundError:
            continue
        except OSError as error:
            return error
    return None
