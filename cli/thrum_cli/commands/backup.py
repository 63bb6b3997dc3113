"""backup: copies of logs, contexts, identities and settings, and their restore."""

from __future__ import annotations

import os

from thrum_cli.command import App, Argument, Group, Option, command, commands
from thrum_cli.terminal.output import fields, human
from thrum_cli.terminal.progress import Counting
from thrum_mcp.daemon.process import lease
from thrum_store.errors import NeedsConfirmation
from thrum_store.identity import short_id
from thrum_store.machine.host import REAL
from thrum_store.repository.config import OFF
from thrum_store.service.backup import restoring, schedule, signer, snapshot
from thrum_store.service.backup.restoring import Offered, Restore, Restored
from thrum_store.service.backup.schedule import BackupSchedule, BackupSettings, BackupStatus, ScheduleBackups
from thrum_store.service.backup.snapshot import BackedUp, BackUp
from thrum_store.values import plural, safe_line

_DIR = Option("--dir", "The directory of the backups (default: backup.dir, or .thrum/backup).", "DIR", name="directory")
_SHOWN = 5  # archives and files that are listed by name


def _backup(app: App, directory: str | None, with_keys: bool) -> BackedUp:
    """Make a backup."""
    with Counting("events checked", quiet=app.quiet) as counting:
        return snapshot.back_up(app.store, BackUp(directory, with_keys), counting)


@command("status", "thrum backup status", "thrum backup status --json", options=(_DIR,))
def status(app: App, directory: str | None) -> BackupStatus:
    """Show the last backup, the archives and the schedule.

    The daemon makes scheduled backups. While none runs, nothing is due.
    """
    return schedule.status(app.paths, REAL, directory, running=lease.is_held(app.paths, REAL))


@command("config", "thrum backup config")
def config(app: App) -> BackupSettings:
    """Show the settings of backups.

    They are the directory, the schedule, and how many archives are kept.
    Change them with `thrum config set`, for example `thrum config set backup.retention.daily 10`.
    """
    return schedule.settings(app.paths, REAL)


@command(
    "schedule",
    "thrum backup schedule 24h --dir ~/backups",
    "thrum backup schedule off",
    options=(Argument("interval", required=False), _DIR),
)
def schedule_(app: App, interval: str | None, directory: str | None) -> BackupSchedule:
    """Let the daemon make backups at an interval, or stop it.

    An interval is written like 24h or 7d; `off` ends the schedule. The first backup comes an interval from now.
    Without an interval, show the schedule. --dir is saved as backup.dir.
    """
    request = ScheduleBackups(interval, directory)
    return schedule.schedule(app.paths, REAL, request, running=lease.is_held(app.paths, REAL))


@command(
    "restore",
    "thrum backup restore",
    "thrum backup restore 2026-03-15T120000.zip --yes",
    "thrum backup restore ~/backups/shop/current --with-keys --yes",
    options=(
        Argument("archive", required=False),
        Option("--yes", "Restore without asking."),
        Option("--with-keys", "Continue as the store that the backup was made of, if nothing else may sign as it."),
        _DIR,
    ),
    returns=Restored,
)
def restore(app: App, archive: str | None, yes: bool, with_keys: bool, directory: str | None) -> Restored:
    """Bring back what is lost here from a backup.

    Nothing that is here is replaced: newer logs stay, and so do files that differ. ARCHIVE is a name that
    `thrum backup status` lists, a zip file, or a folder; without it the last backup is used. Daemon and clients may
    go on running.
    """
    request = Restore(archive, directory, with_keys)
    offered = restoring.offered(app.paths, REAL, request)
    if not yes and not app.confirmed(f"{_offer(offered)}\nRestore what is lost here?"):
        again = " ".join(filter(None, ["thrum backup restore", _quoted(archive), "--with-keys" if with_keys else ""]))
        raise NeedsConfirmation("nothing was restored", hint=f"`{again} --yes` restores without asking")
    return restoring.restore(app.store, request)


backup = Group(
    "backup",
    """Make a backup of messages, contexts, identities and settings.

    The copy is checked by a rebuild before it replaces the last one, which becomes an archive. It holds all messages
    in clear text, readable by you alone; the private key of this store is in it only with --with-keys.
    """,
    commands(status, config, schedule_, restore),
    (
        "thrum backup",
        "thrum backup --dir ~/backups --with-keys",
        "thrum backup schedule 24h",
        "thrum backup restore",
    ),
    function=_backup,
    options=(_DIR, Option("--with-keys", "Add the private key, with which a restore can continue as this store.")),
    returns=BackedUp,
)


def _quoted(path: str | None) -> str:
    import shlex  # only for the hint

    return shlex.quote(path) if path else ""


def _local(timestamp: str) -> str:
    """Return a time as the clock on the wall shows it."""
    from datetime import datetime  # not needed by --json

    return datetime.fromisoformat(timestamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _offer(offered: Offered) -> str:
    counts = offered.counts
    return (
        f"Backup of {safe_line(offered.repo_name)}, store {safe_line(short_id(offered.store))}, from"
        f" {_local(offered.timestamp)}: {plural(counts.events, 'event')} in {plural(counts.message_files, 'log')},"
        f" {plural(counts.config_files, 'file')} of settings, identities and contexts ({safe_line(offered.path)})"
    )


@human.report(BackedUp)
def _backed_up(done: BackedUp) -> str:
    counts = done.counts
    keys = "the private key of this store is in it: keep it as safe as a password" if done.with_keys else "not in it"
    rows = [
        ("Events", f"{counts.events:,} in {plural(counts.message_files, 'log')}, checked by a rebuild"),
        ("Files", f"{counts.config_files:,} of settings, identities and contexts"),
        ("Keys", keys),
        *([("Archived", done.archived)] if done.archived else []),
        *([("Removed", plural(len(done.removed), "old archive"))] if done.removed else []),
    ]
    return f"Backup complete: {done.directory}\n{fields(rows)}"


@human.register(BackupStatus)
def _status(now: BackupStatus) -> str:
    rows = [("Last backup", _last(now)), ("Backup directory", now.directory)]
    if now.counts:
        rows.append(("Events", f"{now.counts.events:,}"))
        rows.append(("Keys", "in the backup" if now.with_keys else "not in the backup"))
    if now.archives:
        size = sum(archive.bytes for archive in now.archives)
        names = [archive.name for archive in now.archives[-_SHOWN:]]
        rows.append(("Archives", f"{len(now.archives):,} ({size / 1000:,.1f} kB), the last: {', '.join(names)}"))
    rows.append(("Schedule", _schedule(now.interval, now.next_at, now.daemon)))
    if now.failure:
        rows.append(("Failed", f"{_local(now.failed_at)}: {now.failure}" if now.failed_at else now.failure))
    return fields(rows)


def _last(now: BackupStatus) -> str:
    if now.last_backup:
        return _local(now.last_backup)
    return now.problem or "none; make one: thrum backup"


def _schedule(interval: str, next_at: str | None, daemon: bool) -> str:
    if interval == OFF:
        return "off"
    if not daemon:
        return f"every {interval}, but no daemon runs, so none will be made: thrum daemon start"
    return f"every {interval}, next {_local(next_at)}" if next_at else f"every {interval}"


@human.register(BackupSchedule)
def _scheduled(result: BackupSchedule) -> str:
    rows = [("Backup schedule", _schedule(result.interval, result.next_at, result.daemon))]
    if result.interval != OFF:
        rows.append(("Backup directory", result.directory))
    return fields(rows)


@human.register(BackupSettings)
def _settings(result: BackupSettings) -> str:
    kept = result.retention
    rows = [
        ("Backup directory", result.directory),
        ("Schedule", result.interval),
        (
            "Kept archives",
            f"{_number(kept.daily)} newest, {_number(kept.weekly)} weekly, {_number(kept.monthly)} monthly",
        ),
    ]
    if result.ignored:
        rows.append(("Ignored", f"{', '.join(result.ignored)}: thrum runs no commands from its settings"))
    return fields(rows)


def _number(count: int) -> str:
    return "all" if count < 0 else str(count)


@human.report(Restored)
def _restored(done: Restored) -> str:
    rows = [
        ("Events", f"{done.events:,} in {plural(done.logs, 'log')} came back"),
        *([("Newer here", f"{plural(done.newer, 'event')} stayed")] if done.newer else []),
        ("Files", f"{_names(done.files)} came back" if done.files else "none was lost"),
        *([("Kept", f"{_names(done.kept)}, because they are here and differ")] if done.kept else []),
        *([("Left out", f"{_names(done.homeless)}: that worktree is not here")] if done.homeless else []),
        ("Keys", _signer(done)),
    ]
    return f"Restored from: {done.path}\n{fields(rows)}"


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(
        os.path.relpath(name, "config") if name.startswith("config/") else name for name in names[:_SHOWN]
    )
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _signer(done: Restored) -> str:
    restored = short_id(done.restored_store)
    if done.signer == signer.CONTINUED:
        return f"this clone continues as store {restored}"
    if done.signer == signer.NEW:
        return f"this clone is the new store {short_id(done.store)}; {restored} is only read: {safe_line(done.reason)}"
    if done.store == done.restored_store:
        return "unchanged"
    unused = "; with --with-keys this clone may continue as it" if done.key_unused else ""
    return f"this clone stays store {short_id(done.store)}, and reads {restored}{unused}"
