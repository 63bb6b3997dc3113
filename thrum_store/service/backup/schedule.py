"""The schedule of backups, which the daemon keeps, and the status of backups."""

from __future__ import annotations

import os

from thrum_store import values
from thrum_store.errors import Invalid, ThrumError
from thrum_store.machine.host import Host
from thrum_store.repository import config, restored_settings
from thrum_store.repository.config import OFF
from thrum_store.repository.paths import Paths
from thrum_store.store import open_store
from thrum_store.values import Record, maybe_rfc3339

from . import archive, history, place, rotation, snapshot
from .archive import Counts
from .rotation import Retention
from .snapshot import BackUp

_RETRY_MS = 60 * 60 * 1000  # after a failure; sooner where the interval is shorter


class ScheduleBackups(Record):
    """A request to set the interval, such as `24h`, or `off`; `directory` is saved in config.json as well.

    None leaves the schedule as it is, and only shows it.
    """

    interval: str | None = None
    directory: str | None = None


class BackupSchedule(Record):
    """The schedule of backups. `interval` is `off` without one; `next_at` is None while no daemon runs."""

    interval: str
    directory: str
    next_at: str | None
    daemon: bool


class ArchivedBackup(Record):
    """An older backup."""

    name: str
    bytes: int


class BackupStatus(Record):
    """The backups of this clone. `problem` says why the last one cannot be read, `failure` why a scheduled one failed.

    `next_at` is the time of the next scheduled one, None without a schedule or a daemon.
    """

    directory: str
    last_backup: str | None
    counts: Counts | None
    with_keys: bool
    archives: tuple[ArchivedBackup, ...]
    interval: str
    next_at: str | None
    daemon: bool
    failed_at: str | None
    failure: str
    problem: str


class BackupSettings(Record):
    """The settings of backups, as config.json and the defaults give them. `ignored` are keys that do nothing here."""

    directory: str
    interval: str
    retention: Retention
    ignored: tuple[str, ...]

    JSON = "dir=directory schedule=interval retention ignored"


def schedule(paths: Paths, host: Host, request: ScheduleBackups, *, running: bool) -> BackupSchedule:
    """Set the schedule. `running`: a daemon runs. Raises Invalid."""
    if request.directory is not None:
        directory = place.chosen(paths, host, request.directory).directory
        config.change(paths, host, config.BACKUP_DIR, directory)
    if request.interval is not None:
        interval = config.BACKUP_SCHEDULE.parse(request.interval.strip())
        if interval is None:
            hint = "write it like `thrum backup schedule 24h`, at least 1m, or `thrum backup schedule off`"
            raise Invalid(f"{request.interval!r} is not an interval", hint=hint)
        if interval == OFF:
            config.remove(paths, host, config.BACKUP_SCHEDULE)
        else:
            config.change(paths, host, config.BACKUP_SCHEDULE, interval)
        history.scheduled(paths, host, str(interval))
    interval = _interval(paths, host)
    directory = place.chosen(paths, host).current
    return BackupSchedule(interval, directory, _next(paths, host, interval, running=running), running)


def settings(paths: Paths, host: Host) -> BackupSettings:
    """Return the settings. Raises Invalid."""
    ignored = tuple(restored_settings.present(paths, host, ("backup.plugins", "backup.post_backup")))
    return BackupSettings(
        place.chosen(paths, host).directory, _interval(paths, host), rotation.retention(paths, host), ignored
    )  # fmt: skip


def _interval(paths: Paths, host: Host) -> str:
    return str(config.setting(paths, host, config.BACKUP_SCHEDULE, {}).value) or OFF


def _next(paths: Paths, host: Host, interval: str, *, running: bool) -> str | None:
    if interval == OFF or not running:
        return None
    return maybe_rfc3339(_due_ms(history.load(paths, host), interval, host.clock.wall_ms()))


def _due_ms(known: history.BackupHistory, interval: str, now_ms: int) -> int:
    """Return when the next backup is due: an interval after the last one, or after the schedule began."""
    every = int(values.seconds(interval) * 1000)
    begun = known.scheduled_ms if known.interval == interval else now_ms
    last = max(known.last_ms, begun)
    if last > now_ms:  # the clock was set back
        last = now_ms
    retry = known.failed_ms + min(every, _RETRY_MS) if 0 < known.failed_ms <= now_ms else 0
    return max(last + every, retry)


def turn(paths: Paths, host: Host) -> snapshot.BackedUp | None:
    """Make a backup if one is due; return it. Raises ThrumError, which `status` shows until one succeeds."""
    interval = _interval(paths, host)
    if interval == OFF:
        return None
    known = history.scheduled(paths, host, interval)
    if _due_ms(known, interval, host.clock.wall_ms()) > host.clock.wall_ms():
        return None
    try:
        with open_store(paths, host) as store:
            return snapshot.back_up(store, BackUp())
    except ThrumError as error:
        history.failed(paths, host, error.message)
        raise


def status(paths: Paths, host: Host, directory: str | None = None, *, running: bool) -> BackupStatus:
    """Return the backups in a directory, and the schedule. `running`: a daemon runs. Raises Invalid."""
    target, known = place.chosen(paths, host, directory), history.load(paths, host)
    interval = _interval(paths, host)
    last, problem = _last(target, host)
    names = rotation.archives(target, host)
    archives = (ArchivedBackup(name, host.storage.size(os.path.join(target.archives, name))) for name in names)
    return BackupStatus(
        directory=target.current,
        last_backup=last.timestamp if last else None,
        counts=last.counts if last else None,
        with_keys=bool(last and last.with_keys),
        archives=tuple(archives),
        interval=interval,
        next_at=_next(paths, host, interval, running=running),
        daemon=running,
        failed_at=maybe_rfc3339(known.failed_ms or None),
        failure=known.failure,
        problem=problem,
    )


def _last(target: place.BackupPlace, host: Host) -> tuple[archive.Manifest | None, str]:
    path = place.last(target, host)
    if not path:
        return None, ""
    try:
        with archive.opened(path, host) as known:
            return known.manifest, ""
    except ThrumError as error:
        return None, error.message
