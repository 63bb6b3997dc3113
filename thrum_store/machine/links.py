"""Second names of files, and names that lead to another place: made in one step, and durably."""

from __future__ import annotations

import errno
import os

from .host import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .host import Storage

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EXDEV, errno.EMLINK, errno.ENOSYS}


def link(storage: Storage, path: str, name: str) -> bool:
    """Give a file a second name; another file of that name is replaced.

    Returns False where the file system has no second names. Raises FileNotFoundError, StorageFailed.
    """
    beside = f"{name}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        os.link(path, beside, follow_symlinks=False)
        os.rename(beside, name)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise failed(error, f"cannot link {path} to {name}") from error
    finally:
        storage.remove(beside)  # it stays if both names were one file before
    storage.sync_directory(os.path.dirname(name))
    return True


def same(path: str, name: str) -> bool:
    """Return whether both names exist and are one file."""
    try:
        return os.path.samefile(path, name)
    except FileNotFoundError:
        return False


def point(storage: Storage, path: str, target: str) -> None:
    """Let the name `path` lead to `target`; it must not be a directory."""
    beside = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        os.symlink(target, beside)
        os.rename(beside, path)
    except OSError as error:
        raise failed(error, f"cannot make the link {path}") from error
    finally:
        storage.remove(beside)
    storage.sync_directory(os.path.dirname(path))
