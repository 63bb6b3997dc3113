"""The memory of backups in `backup.json` in var: the last one, the last failure, the schedule, and restored stores.

Without it a schedule begins again with its next look.
"""

from __future__ import annotations

from thrum_store import values
from thrum_store.errors import StorageFailed
from thrum_store.machine.host import Host
from thrum_store.repository.paths import BACKUP_STATE, Paths
from thrum_store.values import Record, replaced


class BackupHistory(Record):
    """Times are milliseconds since 1970, 0 for none. `restored` are stores whose backups were restored here."""

    last_ms: int = 0
    directory: str = ""
    scheduled_ms: int = 0
    interval: str = ""
    failed_ms: int = 0
    failure: str = ""
    restored: tuple[str, ...] = ()


def load(paths: Paths, host: Host) -> BackupHistory:
    """Return what is remembered; nothing if the file is lost or not ours."""
    try:
        fields = values.loads(host.storage.read(paths.in_var(BACKUP_STATE)))
        return BackupHistory(
            last_ms=int(fields["last_ms"]),
            directory=str(fields["directory"]),
            scheduled_ms=int(fields["scheduled_ms"]),
            interval=str(fields["interval"]),
            failed_ms=int(fields["failed_ms"]),
            failure=str(fields["failure"]),
            restored=tuple(map(str, fields["restored"])),
        )
    except (FileNotFoundError, StorageFailed, ValueError, KeyError, TypeError):
        return BackupHistory()


def _save(paths: Paths, host: Host, history: BackupHistory) -> None:
    host.storage.replace(
        paths.in_var(BACKUP_STATE), values.readable(values.as_json(history), ascii_only=True).encode() + b"\n"
    )


def succeeded(paths: Paths, host: Host, timestamp: str, directory: str) -> None:
    """Note a finished backup. Only under the lock of backups."""
    when = values.moment(timestamp, 0)
    _save(paths, host, replaced(load(paths, host), last_ms=when, directory=directory, failed_ms=0, failure=""))


def failed(paths: Paths, host: Host, sentence: str) -> None:
    """Note a scheduled backup that failed."""
    _save(paths, host, replaced(load(paths, host), failed_ms=host.clock.wall_ms(), failure=sentence))


def scheduled(paths: Paths, host: Host, interval: str) -> BackupHistory:
    """Note that a schedule begins now, unless it runs already; return what is remembered."""
    known = load(paths, host)
    if known.interval != interval:
        known = replaced(known, interval=interval, scheduled_ms=host.clock.wall_ms(), failed_ms=0, failure="")
        _save(paths, host, known)
    return known


def restored(paths: Paths, host: Host) -> tuple[str, ...]:
    """Return the stores whose backups were restored here."""
    return load(paths, host).restored


def note_restored(paths: Paths, host: Host, store: str) -> None:
    """Note that a backup of a store was restored here, so that its place may be used again."""
    known = load(paths, host)
    if store not in known.restored:
        _save(paths, host, replaced(known, restored=(*known.restored, store)))
