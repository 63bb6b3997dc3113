"""sync: exchange messages with other clones, with or without a daemon."""

from __future__ import annotations

from typing import Any

from thrum_cli.command import App, Group, Option, command, commands
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Screen, ago, fields, human
from thrum_mcp.daemon.process import lease
from thrum_mcp.daemon.process.client import Client
from thrum_mcp.daemon.process.status import daemon_status
from thrum_store.errors import ThrumError
from thrum_store.identity import short_id
from thrum_store.machine.host import REAL
from thrum_store.repository import config
from thrum_store.service.upkeep import syncing
from thrum_store.service.upkeep.syncing import DamagedLog, FrozenShard, SyncForced, SyncStatus
from thrum_store.values import fields_of, plural

_PATIENCE = 5.0  # seconds for an answer of the daemon
_LONG = 600.0  # seconds that `sync force --wait` waits for a running sync
_BEGUN = {
    syncing.STARTED: "✓ Sync triggered: the daemon has started it",
    syncing.JOINED: "✓ Sync triggered: joined the one that runs; another one follows it",
}
_STATES = {"synced": "✓ synced", "idle": "idle (no syncs yet)", "error": "✗ error", "stopped": "stopped (no syncs yet)"}
_ADD_REMOTE = (
    "Add one with `git remote add origin URL`; if you have several, choose with `git config --local thrum.remote NAME`."
)


@command("status", "thrum sync status", "thrum --json sync status")
def status(app: App) -> SyncStatus:
    """Show the state of the sync, and its problems.

    It contacts no remote. Frozen logs and refused events are listed with the reason. While a daemon runs, the mode is
    the daemon's.
    """
    daemon = daemon_status(app.paths, REAL)
    return syncing.status(app.store, running=daemon.running, local=daemon.local_only)


@command(
    "force",
    "thrum sync force",
    "thrum sync force --wait",
    options=(Option("--wait", "Wait until it is done, also where the daemon runs."),),
)
def force(app: App, wait: bool) -> SyncForced:
    """Sync now.

    It fetches, takes in new events, and commits and pushes your own. In local-only mode the messages are committed to
    a-sync on this machine, and nothing is fetched or pushed. A running daemon does it: the command answers at once,
    and --wait waits for the end. Without a daemon it always runs to the end.
    """
    begun = None if wait else _begun(app)
    return begun or syncing.force(app.store, patience=_LONG if wait else syncing.PATIENCE)


def _begun(app: App) -> SyncForced | None:
    """Let the daemon sync; return its answer, or None where none answers or its mode is not that of this call."""
    if not lease.is_held(app.paths, REAL):
        return None
    local = config.local_only(app.paths, REAL)
    try:
        with Client(app.paths, _PATIENCE) as daemon:
            if daemon.call("health")["local_only"] is not local:
                return None
            answer = daemon.call("sync.force")
    except ThrumError:  # this process then meets the same obstacle, and has its name
        return None
    fields: dict[str, Any] = {"state": syncing.DONE, **answer, "damaged": tuple(answer["damaged"])}
    return SyncForced(**{name: fields[name] for name in fields_of(SyncForced) or ()})


sync = Group(
    "sync",
    """Exchange messages with other clones through git.

    Messages travel on the branch a-sync. Sync is off by default; turn it on with `thrum config set local_only false`,
    THRUM_LOCAL=false, or `thrum daemon start --remote`.
    """,
    commands(status, force),
    ("thrum sync status", "thrum sync force"),
)


@human.report(SyncForced)
def _forced(result: SyncForced, screen: Screen) -> str:
    when = f"  Last sync: {ago(result.last_sync_at, screen.now_ms)}"
    if result.state != syncing.DONE:
        mode = ["  Mode: local-only (remote sync disabled)"] if result.local_only else []
        follow = "  To wait for the end: thrum sync force --wait. For its result: thrum sync status"
        return "\n".join([_BEGUN[result.state], *mode, *([when] if result.last_sync_at else []), follow])
    if result.local_only or not result.remote:
        state = "committed to a-sync on this machine" if result.committed else "nothing new"
        reason = "Mode: local-only (remote sync disabled)" if result.local_only else f"No remote. {_ADD_REMOTE}"
        return "\n".join([f"✓ Sync done: {state}", f"  {reason}", *_damage(result)])
    taken = f"{plural(result.taken, 'event')} taken in" if result.taken else "nothing new to take in"
    pushed = "your events pushed" if result.pushed else "nothing to push"
    return "\n".join([f"✓ Sync done: {taken}, {pushed}", when, *_damage(result)])


def _damage(result: SyncForced) -> list[str]:
    return [f"! {sentence}" for sentence in result.damaged]


@human.register(SyncStatus)
def _status(status: SyncStatus, screen: Screen) -> str:
    when = f"{status.last_sync_at} ({ago(status.last_sync_at, screen.now_ms)})" if status.last_sync_at else "never"
    head = fields(
        [
            ("Sync loop", "✓ running" if status.running else "✗ stopped"),
            ("Mode", "local-only" if status.local_only else "normal"),
            ("Remote", f"{status.remote} ({status.remote_url})" if status.remote else f"none. {_ADD_REMOTE}"),
            ("State", _STATES[status.sync_state]),
            ("Last sync", when),
            ("Last error", status.last_error),
            ("Try", status.last_error_hint),
            ("Ahead", plural(status.ahead, "event") if status.ahead else None),
            ("Behind", plural(status.behind, "event") if status.behind else None),
            ("Refused", _counts(status)),
        ]
    )
    parts = (head, _stores(status, screen), _frozen(status.frozen, screen), _damaged(status.damaged, screen))
    return "\n\n".join(part for part in parts if part)


def _counts(status: SyncStatus) -> str:
    counts = dict(status.refused) | ({"meaningless": status.rejected} if status.rejected else {})
    return ", ".join(f"{number:,} {code}" for code, number in counts.items())


def _stores(status: SyncStatus, screen: Screen) -> str:
    if not status.stores:
        return ""
    rows = [
        (
            clone.nick,
            short_id(clone.store),
            clone.trust,
            f"{clone.events:,}",
            f"{clone.behind:,}" if clone.behind else "",
        )
        for clone in status.stores
    ]
    return table(("clone", "store", "trust", "events", "behind"), rows, screen)


def _frozen(frozen: tuple[FrozenShard, ...], screen: Screen) -> str:
    if not frozen:
        return ""
    rows = [(f"@{log.agent}", short_id(log.store), str(log.after), log.reason) for log in frozen]
    shown = table(("agent", "store", "after", "reason"), rows, screen)
    return f"Frozen logs (all others continue; for help run: thrum doctor):\n{shown}"


def _damaged(damaged: tuple[DamagedLog, ...], screen: Screen) -> str:
    if not damaged:
        return ""
    rows = [
        (
            f"@{log.agent}",
            short_id(log.store),
            ago(log.at, screen.now_ms),
            _extent(log.back_from, log.back_to),
            _extent(log.lost_from, log.lost_to),
            log.reason,
        )
        for log in damaged
    ]
    return "Damaged logs:\n" + table(("agent", "store", "found", "restored", "lost", "reason"), rows, screen)


def _extent(first: int | None, last: int | None) -> str:
    return "" if first is None else str(first) if first == last else f"{first} to {last}"
