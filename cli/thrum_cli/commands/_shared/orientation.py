"""Rows that status, overview and prime share: identity, work, inbox, health, daemon and sync."""

from __future__ import annotations

from thrum_cli.command import App
from thrum_cli.terminal.output import ago
from thrum_mcp.daemon.process import file_names, lease
from thrum_store.machine.host import REAL
from thrum_store.service.team.overview import Counted
from thrum_store.service.team.whoami import WhoAmI
from thrum_store.service.team.work import WorkContext
from thrum_store.service.upkeep.condition import Health, SyncState
from thrum_store.values import plural, rfc3339

Rows = list[tuple[str, str | None]]


def daemon(app: App) -> tuple[str | None, int | None]:
    """Return since when the daemon runs, and its WebSocket port; None for both if none is running."""
    if not lease.is_held(app.paths, REAL):
        return None, None
    file = lease.read_pid_file(app.paths, REAL)
    started_at = file.started_at if file else rfc3339(REAL.clock.wall_ms())  # the file is written after the start
    return started_at, file_names.port_in_use(app.paths, REAL)


def identity_rows(agent: WhoAmI, now_ms: int) -> Rows:
    """Return the agent, its role, session, branch and worktree."""
    session = f"{agent.session} (started {ago(agent.session_start, now_ms)})" if agent.session else None
    name = f"@{agent.address}" + (f" ({agent.display})" if agent.display else "")
    return [
        ("Agent ID", name if agent.registered else f"{name} (not registered: thrum quickstart)"),
        ("Role", " ".join(filter(None, (agent.role and f"@{agent.role}", agent.module and f"in {agent.module}")))),
        ("Session", session or "none (thrum session start)"),
        ("Branch", agent.branch),
        ("Worktree", agent.worktree),
    ]


def work_rows(work: WorkContext | None) -> Rows:
    """Return intent, task, commits and files."""
    if work is None:
        return []
    known = work.git_updated_at is not None
    files = f"{len(work.changed_files)} changed, {len(work.uncommitted_files)} uncommitted" if known else None
    ahead = plural(len(work.unmerged_commits), "unmerged commit") if known else None
    return [("Intent", work.intent), ("Task", work.current_task), ("Commits", ahead), ("Files", files)]


def mail(inbox: Counted) -> str:
    """Return the state of an inbox in words."""
    return f"{inbox.unread} unread ({inbox.total} total)" if inbox.total else "empty"


def health_rows(health: Health) -> Rows:
    """Return the frozen logs, if there are any."""
    return [("Health", "; ".join(health.frozen) + " (thrum doctor)")] if health.frozen else []


def sync_rows(state: SyncState, now_ms: int) -> Rows:
    """Return the state of the daemon and of the sync."""
    return [("Daemon", state.daemon_status), ("Sync", _sync(state, now_ms))]


def _sync(state: SyncState, now_ms: int) -> str:
    if state.error is not None:
        return f"{state.error} (thrum sync status)"
    if state.local_only:
        return "local-only: nothing leaves this machine"
    last = f"last {ago(state.last_sync_at, now_ms)}" if state.last_sync_at else "never"
    return last if state.daemon_status == "running" else f"{last}; automatic with: thrum daemon start"
