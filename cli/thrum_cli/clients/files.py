"""Access to the user's files in a worktree: read as bytes, replaced whole, with owner, mode and links kept."""

from __future__ import annotations

import errno
import os
import shutil
import stat

from thrum_store.errors import Forbidden

_ALONE = "it is left alone; add the lines yourself"
_LONGEST_LINK = 4096  # bytes


def resolved(root: str, path: str, links: frozenset[str] = frozenset()) -> str:
    """Return the real path of a file. Raises Forbidden for one that must be left alone; see `_check`.

    `links` are the paths that git tracks as links. A link of the user's own, such as a dotfile manager makes, may lead
    out of the worktree to a file of the user; one that came with the repository may not.
    """
    parts = path.split("/")
    steps = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    for step in steps:
        _check_written_link(root, step, tracked=step in links)
    place = os.path.join(root, path)
    status = _status(place, path)
    real = os.path.realpath(place)
    outside = os.path.commonpath([real, os.path.realpath(root)]) != os.path.realpath(root)
    if outside and (links.intersection(steps) or status is None or status.st_uid != os.geteuid()):
        raise Forbidden(f"{path} leads out of this repository, to {real}", hint=_ALONE)
    _check_directory(os.path.dirname(real))
    if status is not None:
        _check(path, real, status)
    return real


def _status(place: str, path: str) -> os.stat_result | None:
    """Return the status of a file, through links; None if there is none."""
    try:
        return os.stat(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Forbidden(f"{path} is a link that leads back to itself", hint="it is left alone") from None
        raise Forbidden(f"{path} cannot be reached: {error.strerror}", hint="it is left alone") from None


def _check(path: str, real: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Forbidden(f"{path} is not a file", hint="it is left alone")
    if not status.st_mode & 0o222 or not os.access(real, os.W_OK):
        raise Forbidden(f"{path} is read-only", hint="make it writable and run the command again")


def _check_written_link(root: str, step: str, *, tracked: bool) -> None:
    """Raise Forbidden for a link that was written as a text: a file that holds the path of another one."""
    place = os.path.join(root, step)
    if os.path.islink(place) or not os.path.isfile(place):
        return
    target = "" if os.path.getsize(place) > _LONGEST_LINK else (read(place) or b"").decode("utf-8", "replace")
    names_a_file = bool(target) and target == target.strip() and "\0" not in target
    if tracked or (names_a_file and os.path.isfile(os.path.join(os.path.dirname(place), target))):
        raise Forbidden(
            f"{step} is a link that was written as a text (core.symlinks is false), to {target.strip()[:100]!r}",
            hint="it is left alone; make it a link or a text of its own",
        )


def _check_directory(directory: str) -> None:
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    if not os.path.isdir(directory):
        raise Forbidden(f"{directory} is not a directory", hint="it is left alone")
    if not os.stat(directory).st_mode & 0o222 or not os.access(directory, os.W_OK | os.X_OK):
        raise Forbidden(f"{directory} is read-only", hint="it is left alone")


def read(path: str) -> bytes | None:
    """Return the bytes of a file, or None if it does not exist. Raises Forbidden if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Forbidden(f"{path} cannot be read: {error.strerror}", hint="it is left alone") from None


def write(path: str, data: bytes) -> list[str]:
    """Replace a file by `data`, durably. Return the directories that were created for it. Raises Forbidden.

    Mode, owner, extended attributes and hard links stay. Another process sees the old bytes or the new ones, except in
    a file with hard links or of another owner: that is written in place, while a copy of the new bytes lies beside it.
    """
    made: list[str] = []
    try:
        made = _directories(os.path.dirname(path))
        _replace(path, data)
    except OSError as error:
        remove_empty(made)
        raise Forbidden(f"{path} cannot be written: {error.strerror}", hint="it is as it was") from None
    return made


def _replace(path: str, data: bytes) -> None:
    beside = f"{path}.thrum-{os.getpid()}"
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        if not _takes_over(path, beside) or not _moved(beside, path):
            _overwrite(path, data)
    finally:
        remove(beside)


def _takes_over(path: str, beside: str) -> bool:
    """Return whether the file `beside` may stand for the one at `path`: it takes over all but its bytes and times."""
    if not os.path.exists(path):
        _own_as(os.path.dirname(path), beside)
        return True
    old = os.stat(path)
    if old.st_nlink > 1 or not _own(old, beside):
        return False
    new = os.stat(beside)
    shutil.copystat(path, beside)
    os.utime(beside, ns=(new.st_atime_ns, new.st_mtime_ns))
    return True


def _own_as(model: str, path: str) -> None:
    """Give a file that root made in another user's directory to that user."""
    status = os.stat(model)
    if os.geteuid() == 0 and status.st_uid != 0:
        os.chown(path, status.st_uid, status.st_gid)


def _own(old: os.stat_result, path: str) -> bool:
    """Return whether a file has, or could get, the owner and the group of an old one."""
    new = os.stat(path)
    if (old.st_uid, old.st_gid) == (new.st_uid, new.st_gid):
        return True
    try:
        os.chown(path, old.st_uid, old.st_gid)
    except PermissionError:
        return False
    return True


def _moved(beside: str, path: str) -> bool:
    """Return whether a file could be moved to a path; a file that is mounted there cannot be replaced."""
    try:
        os.replace(beside, path)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        return False
    _sync(os.path.dirname(path))
    return True


def _overwrite(path: str, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: str) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove(path: str) -> None:
    """Remove a file if it exists."""
    if os.path.lexists(path):
        os.unlink(path)


def remove_empty(directories: list[str]) -> None:
    """Remove the empty ones among these directories, the innermost first."""
    for directory in sorted(directories, key=len, reverse=True):
        if os.path.isdir(directory) and not os.listdir(directory):
            os.rmdir(directory)


def _directories(directory: str) -> list[str]:
    missing: list[str] = []
    while not os.path.isdir(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    for parent in reversed(missing):
        os.mkdir(parent)
        _own_as(os.path.dirname(parent), parent)
    return missing
