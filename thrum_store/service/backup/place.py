"""The place of a clone's backups: a directory with the last snapshot in `current`, and older ones in `archives`."""

from __future__ import annotations

import os
import stat
from shlex import quote

from thrum_store.errors import Forbidden, Invalid
from thrum_store.machine.host import Host, failed
from thrum_store.repository import config
from thrum_store.repository.paths import Paths
from thrum_store.values import NamedTuple

DEFAULT = "backup"  # in .thrum
CURRENT, ARCHIVES = "current", "archives"
UNFINISHED, REPLACED = ".new-", ".old-"  # beginnings of the names that an interrupted backup leaves


class BackupPlace(NamedTuple):
    """The directory that the user chose, and in it the one of this repository."""

    directory: str
    repository: str

    @property
    def home(self) -> str:
        """Everything of this repository."""
        return os.path.join(self.directory, self.repository)

    @property
    def current(self) -> str:
        """The last snapshot."""
        return os.path.join(self.home, CURRENT)

    @property
    def archives(self) -> str:
        """The older snapshots, each a zip file."""
        return os.path.join(self.home, ARCHIVES)


def chosen(paths: Paths, host: Host, directory: str | None = None) -> BackupPlace:
    """Return the place of backups: in `directory`, else as config.json says, else in .thrum. Raises Invalid."""
    if directory == "":
        raise Invalid("the directory is empty", hint="name one: `thrum backup --dir ~/backups`")
    repository = os.path.dirname(paths.thrum)
    if directory is None:
        base, directory = repository, str(config.setting(paths, host, config.BACKUP_DIR, {}).value)
    else:
        base = os.getcwd()
    directory = directory or os.path.join(paths.guest or paths.thrum, DEFAULT)
    absolute = os.path.normpath(os.path.join(base, os.path.expanduser(directory)))
    return BackupPlace(absolute, os.path.basename(repository) or "repository")


def prepare(place: BackupPlace, host: Host) -> None:
    """Make the directories, closed to other users and ignored by git, and remove what an interruption left.

    Raises Invalid for a path that is no directory, Forbidden for a directory of another user.
    """
    for path in (place.directory, place.home, place.archives):
        _check(path, ours=path != place.directory)
        host.storage.directory(path)
    ignored = os.path.join(place.home, ".gitignore")  # the directory may lie in a worktree
    if host.storage.size(ignored) < 0:
        host.storage.replace(ignored, b"*\n")
    _settle(place, host)


def _check(path: str, *, ours: bool) -> None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise failed(error, f"cannot look at {path}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise Invalid(f"{path} is not a directory", hint="choose another one: `thrum backup --dir ~/backups`")
    if ours and os.geteuid() not in (0, status.st_uid):
        raise Forbidden(
            f"{path} belongs to another user, who could read and change the backups",
            hint="choose another directory: `thrum backup --dir ~/backups`",
        )


def _settle(place: BackupPlace, host: Host) -> None:
    """Finish or undo what an interrupted backup left. Only under the lock of backups."""
    for name in host.storage.listing(place.home):
        if name.startswith(REPLACED) and not os.path.isdir(place.current):
            host.storage.move(os.path.join(place.home, name), place.current)
    remove_leftovers(place, host)


def move_aside(place: BackupPlace, host: Host) -> str:
    """Give the last snapshot a name under which nothing uses it any more; return its path."""
    aside = os.path.join(place.home, f"aside-{host.entropy.token(4)}")
    host.storage.move(place.current, aside)
    return aside


def last(place: BackupPlace, host: Host) -> str:
    """Return the path of the last snapshot, also where a backup died between two names; "" if there is none."""
    replaced = [name for name in host.storage.listing(place.home) if name.startswith(REPLACED)]
    paths = [place.current, *(os.path.join(place.home, name) for name in replaced)]
    return next((path for path in paths if os.path.isdir(path)), "")


def remove_leftovers(place: BackupPlace, host: Host) -> None:
    """Remove unfinished and replaced snapshots. Only under the lock of backups."""
    for name in host.storage.listing(place.home):
        if name.startswith((UNFINISHED, REPLACED)):
            remove_folder(os.path.join(place.home, name))
    for name in host.storage.listing(place.archives):
        if name.startswith(UNFINISHED):
            host.storage.remove(os.path.join(place.archives, name))


def remove_folder(path: str) -> None:
    """Remove a folder of ours with everything in it; links in it are removed, never followed."""
    import shutil  # a backup alone needs it

    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise failed(error, f"cannot remove {quote(path)}") from error
