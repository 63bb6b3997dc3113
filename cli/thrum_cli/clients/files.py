"""Access to the user's files in a worktree: read as bytes, replaced whole, with their mode and links kept."""

from __future__ import annotations

import os
import stat

from thrum_store.errors import Forbidden


def resolved(root: str, path: str) -> str:
    """Return the real path of a file. Raises Forbidden if that is outside the worktree, not a file, or read-only."""
    real = os.path.realpath(os.path.join(root, path))
    if os.path.commonpath([real, os.path.realpath(root)]) != os.path.realpath(root):
        raise Forbidden(
            f"{path} leads out of this repository, to {real}", hint="it is left alone; add the lines yourself"
        )
    _check_directory(os.path.dirname(real))
    if os.path.lexists(real):
        mode = os.stat(real).st_mode
        if not stat.S_ISREG(mode):
            raise Forbidden(f"{path} is not a file", hint="it is left alone")
        if not mode & 0o222 or not os.access(real, os.W_OK):
            raise Forbidden(f"{path} is read-only", hint="make it writable and run the command again")
    return real


def _check_directory(directory: str) -> None:
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    if not os.path.isdir(directory):
        raise Forbidden(f"{directory} is not a directory", hint="it is left alone")
    if not os.stat(directory).st_mode & 0o222 or not os.access(directory, os.W_OK | os.X_OK):
        raise Forbidden(f"{directory} is read-only", hint="it is left alone")


def read(path: str) -> bytes | None:
    """Return the bytes of a file, or None if it does not exist."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(path: str, data: bytes) -> list[str]:
    """Replace a file by `data`, atomically and durably. Return the directories that were created for it."""
    made = _directories(os.path.dirname(path))
    mode = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else 0o666 & ~_umask()
    beside = f"{path}.thrum-{os.getpid()}"
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.chmod(beside, mode)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
    return made


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
    return missing


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
