"""Rows that status, overview and prime share: identity, work, inbox, health, daemon and sync."""

from __future__ import annotations

from thrum_cli.command import App
from thrum_cli.terminal.text import ago, plural
from thrum_mcp.daemon.process import file_names
from thrum_store.machine.host import REAL
from thrum_store.service.team.agents import WhoAmI
from thrum_store.service.team.overview import Counted
from thrum_store.service.team.work import WorkContext
from thrum_store.service.upkeep.condition import Health, SyncState


def port(app: App, *, running: bool) -> int | None:
    return file_names.port_in_use(app.paths, REAL) if running else None


def who_rows(who: WhoAmI, now_ms: int) -> list[tuple[str, str | None]]:
    session = f"{who.session_id} (started {ago(who.session_start, now_ms)})" if who.session_id else None
    name = f"@{who.address}" + (f" ({who.display})" if who.display else "")
    return [
        ("Agent", name if who.registered else f"{name} (not registered: thrum quickstart)"),
        ("Role", " in ".join(part for part in (who.role and f"@{who.role}", who.module) if part)),
        ("Session", session or "none (thrum session start)"),
        ("Branch", who.branch),
        ("Worktree", who.worktree),
    ]


def work_rows(work: WorkContext | None) -> list[tuple[str, str | None]]:
    if work is None:
        return []
    told = work.git_updated_at is not None
    files = f"{len(work.changed_files)} changed, {len(work.uncommitted_files)} uncommitted" if told else None
    ahead = plural(len(work.unmerged_commits), "unmerged commit") if told else None
    return [("Intent", work.intent), ("Task", work.current_task), ("Commits", ahead), ("Files", files)]


def mail(inbox: Counted) -> str:
    return f"{inbox.unread} unread of {plural(inbox.total, 'message')}" if inbox.total else "empty"


def health_rows(health: Health) -> list[tuple[str, str | None]]:
    return [("Health", "; ".join(health.frozen) + " (thrum doctor)")] if health.frozen else []


def loop_rows(told: SyncState, now_ms: int) -> list[tuple[str, str | None]]:
    """The daemon and the sync, a line each."""
    return [("Daemon", told.daemon_status), ("Sync", _sync(told, now_ms))]


def _sync(told: SyncState, now_ms: int) -> str:
    if told.error is not None:
        return f"{told.error} (thrum sync status)"
    if told.local_only:
        return "local-only: nothing leaves this machine"
    last = f"last {ago(told.last_sync_at, now_ms)}" if told.last_sync_at else "never yet"
    return last if told.daemon_status == "running" else f"{last}; by itself with thrum daemon start"
