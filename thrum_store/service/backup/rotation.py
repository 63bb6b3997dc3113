"""The archives of older snapshots: their names, and which of them are kept.

The newest are kept, the oldest of each of the last weeks that have one, and the oldest of each month.
"""

from __future__ import annotations

import os
import re
import zipfile
from datetime import datetime

from thrum_store.machine.exchange import exchanged
from thrum_store.machine.host import Host, failed, failpoint
from thrum_store.repository import config
from thrum_store.repository.paths import Paths
from thrum_store.values import Record

from . import archive
from .archive import MANIFEST
from .place import REPLACED, UNFINISHED, BackupPlace, remove_leftovers

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{6})(-\d+)?\.zip", re.ASCII)
_FORM = "%Y-%m-%dT%H%M%S"
_KEEP_ALL = -1


class Retention(Record):
    """Numbers of archives that are kept: the newest, one for each week, and one for each month; -1 keeps all."""

    daily: int
    weekly: int
    monthly: int


def retention(paths: Paths, host: Host) -> Retention:
    """Return the settings. Raises Invalid."""
    keys = (config.BACKUP_DAILY, config.BACKUP_WEEKLY, config.BACKUP_MONTHLY)
    return Retention(*(int(config.setting(paths, host, key, {}).value) for key in keys))


def archive_name(timestamp: str, taken: list[str]) -> str:
    """Return the file name of an archive, by the time of its snapshot and apart from those that are `taken`."""
    stem = datetime.fromisoformat(timestamp).strftime(_FORM)
    names = (f"{stem}-{number}.zip" if number else f"{stem}.zip" for number in range(len(taken) + 1))
    return next(name for name in names if name not in taken)


def archives(place: BackupPlace, host: Host) -> list[str]:
    """Return the names of the archives, oldest first; other files in that directory are not ours."""
    names = [name for name in host.storage.listing(place.archives) if _moment(name)]
    return sorted(names, key=_order)


def _moment(name: str) -> datetime | None:
    match = _NAME.fullmatch(name)
    try:
        return datetime.strptime(f"{match[1]}Z", f"{_FORM}%z") if match else None
    except ValueError:
        return None


def _order(name: str) -> tuple[str, int, str]:
    return name[:17], len(name), name


def surplus(names: list[str], rule: Retention) -> list[str]:
    """Return the archives to remove; `names` are in the order of `archives`."""
    kept = set(_last(names, rule.daily))
    for size, form in ((rule.weekly, "%G-%V"), (rule.monthly, "%Y-%m")):
        oldest: dict[str, str] = {}
        for name in names:
            moment = _moment(name)
            if moment is not None:
                oldest.setdefault(moment.strftime(form), name)
        kept |= set(_last(list(oldest.values()), size))
    return [name for name in names if name not in kept]


def _last(names: list[str], count: int) -> list[str]:
    if count == _KEEP_ALL:
        return names
    return names[-count:] if count else []


def rotate(place: BackupPlace, host: Host, rule: Retention) -> list[str]:
    """Remove the archives that are no longer kept; return their names."""
    removed = surplus(archives(place, host), rule)
    for name in removed:
        host.storage.remove(os.path.join(place.archives, name))
    return removed


# --- the last snapshot becomes an archive -----------------------------------------------------------------------------


def put_in_place(host: Host, place: BackupPlace, folder: str) -> str | None:
    """Make the folder the last backup, and an archive of the one before; return the archive's path."""
    if not os.path.isdir(place.current):
        host.storage.move(folder, place.current)
        return None
    archived = _archived(host, place)
    failpoint("backup.archived")
    if not exchanged(folder, place.current):
        host.storage.move(place.current, os.path.join(place.home, f"{REPLACED}{host.entropy.token(4)}"))
        failpoint("backup.between")
        host.storage.move(folder, place.current)
    host.storage.sync_directory(place.home)
    failpoint("backup.switched")
    remove_leftovers(place, host)
    return archived


def _archived(host: Host, place: BackupPlace) -> str:
    """Put the last backup into a zip file, readable by its owner alone, unless an interrupted run did."""
    with archive.opened(place.current, host) as last:
        manifest = last.manifest_bytes
        for name in archives(place, host):
            if _holds(os.path.join(place.archives, name), manifest, host):
                return os.path.join(place.archives, name)
        name = archive_name(last.manifest.timestamp, host.storage.listing(place.archives))
        unfinished = os.path.join(place.archives, f"{UNFINISHED}{host.entropy.token(4)}")
        try:
            host.storage.create(unfinished, b"")  # closed to others from the beginning
            _zip(unfinished, {MANIFEST: manifest, **dict.fromkeys(last.manifest.files, b"")}, last)
            host.storage.sync(unfinished)
            host.storage.move(unfinished, os.path.join(place.archives, name))
        finally:
            host.storage.remove(unfinished)
    return os.path.join(place.archives, name)


def _holds(path: str, manifest: bytes, host: Host) -> bool:
    try:
        with archive.opened(path, host) as known:
            return known.manifest_bytes == manifest
    except archive.ArchiveRefused:
        return False


def _zip(path: str, names: dict[str, bytes], last: archive.Archive) -> None:
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, known in names.items():
                entry = zipfile.ZipInfo(name)
                entry.external_attr = 0o100600 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, known or last.read(name))
    except OSError as error:
        raise failed(error, f"cannot write {path}") from error
