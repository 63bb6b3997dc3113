"""sync status and sync force. Both work with and without a daemon."""

from __future__ import annotations

from thrum_cli.command import App, Group, command, commands
from thrum_cli.terminal.output import Screen, human, table
from thrum_cli.terminal.text import ago, fields, plural
from thrum_mcp.daemon.process.status import daemon_status
from thrum_store.machine.host import REAL
from thrum_store.service.upkeep import syncing
from thrum_store.service.upkeep.syncing import DamagedLog, FrozenShard, SyncForced, SyncStatus

_STATES = {"synced": "✓ synced", "idle": "idle (no syncs yet)", "error": "✗ error", "stopped": "stopped (no syncs yet)"}
_NO_REMOTE = "none; `git remote add origin URL`, or of several one by `git config --local thrum.remote NAME`"


@command("status", "thrum sync status", "thrum --json sync status")
def status(app: App) -> SyncStatus:
    """Show how far the sync is, and what is wrong.

    Asks no remote. Logs that were stopped and everything that was refused are listed with the reason. While a daemon
    runs, the mode is the daemon's.
    """
    daemon = daemon_status(app.paths, REAL)
    return syncing.status(app.store, running=daemon.running, local=daemon.local_only)


@command("force", "thrum sync force")
def force(app: App) -> SyncForced:
    """Sync now.

    In local-only mode the messages are committed to a-sync on this machine, and nothing is fetched or pushed.
    """
    return syncing.force(app.store)


sync = Group(
    "sync",
    """Exchange messages with other clones through git.

    Off until you say so: local_only in .thrum/config.json, THRUM_LOCAL, or the daemon's --local.
    """,
    commands(status, force),
    (
        "thrum sync status",
        "thrum sync force",
    ),
)


@human.register(SyncForced)
def _forced(done: SyncForced, screen: Screen) -> str:
    if done.local_only or not done.remote:
        did = "committed to a-sync on this machine" if done.committed else "nothing new"
        why = "Mode: local-only (remote sync disabled)" if done.local_only else f"Remote: {_NO_REMOTE}"
        return "\n".join([f"✓ Sync done: {did}", f"  {why}", *_found(done)])
    took = f"{plural(done.taken, 'event')} taken in" if done.taken else "nothing new to take in"
    gave = "ours pushed" if done.pushed else "nothing to push"
    when = f"  Last sync: {ago(done.last_sync_at, screen.now_ms)}"
    return "\n".join([f"✓ Sync done: {took}, {gave}", when, *_found(done)])


def _found(done: SyncForced) -> list[str]:
    return [f"! {sentence}" for sentence in done.damaged]


@human.register(SyncStatus)
def _status(told: SyncStatus, screen: Screen) -> str:
    when = f"{told.last_sync_at} ({ago(told.last_sync_at, screen.now_ms)})" if told.last_sync_at else "never"
    head = fields(
        [
            ("Sync loop", "✓ running" if told.running else "✗ stopped"),
            ("Mode", "local-only" if told.local_only else "normal"),
            ("Remote", f"{told.remote} ({told.remote_url})" if told.remote else _NO_REMOTE),
            ("State", _STATES[told.sync_state]),
            ("Last sync", when),
            ("Last error", told.last_error),
            ("Try", told.last_error_hint),
            ("Ahead", plural(told.ahead, "event") if told.ahead else None),
            ("Behind", plural(told.behind, "event") if told.behind else None),
            ("Refused", _counts(told)),
        ]
    )
    parts = (head, _stores(told, screen), _frozen(told.frozen, screen), _damaged(told.damaged, screen))
    return "\n\n".join(part for part in parts if part)


def _counts(told: SyncStatus) -> str:
    counts = dict(told.refused) | ({"meaningless": told.rejected} if told.rejected else {})
    return ", ".join(f"{number:,} {code}" for code, number in counts.items())


def _stores(told: SyncStatus, screen: Screen) -> str:
    if not told.stores:
        return ""
    rows = [
        (one.nick, one.store[:8], one.trust, f"{one.events:,}", f"{one.behind:,}" if one.behind else "")
        for one in told.stores
    ]
    return table(("clone", "store", "trust", "events", "behind"), rows, screen)


def _frozen(frozen: tuple[FrozenShard, ...], screen: Screen) -> str:
    if not frozen:
        return ""
    rows = [(f"@{one.agent}", one.store[:8], str(one.after), one.reason) for one in frozen]
    shown = table(("agent", "store", "after", "why"), rows, screen)
    return f"Stopped logs (all else goes on; what to do: thrum doctor):\n{shown}"


def _damaged(damaged: tuple[DamagedLog, ...], screen: Screen) -> str:
    if not damaged:
        return ""
    rows = [
        (f"@{one.agent}", one.store[:8], ago(one.at, screen.now_ms), _extent(one.back_from, one.back_to),
         _extent(one.lost_from, one.lost_to), one.reason)
        for one in damaged
    ]  # fmt: skip
    return "Damaged logs:\n" + table(("agent", "store", "found", "came back", "lost", "why"), rows, screen)


def _extent(first: int | None, last: int | None) -> str:
    return "" if first is None else str(first) if first == last else f"{first} to {last}"
