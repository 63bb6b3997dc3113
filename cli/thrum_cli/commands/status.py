"""status: the caller, its session, work and inbox."""

from __future__ import annotations

from thrum_cli.command import App, command
from thrum_cli.terminal.layout import card
from thrum_cli.terminal.output import Screen, human
from thrum_cli.terminal.text import ago
from thrum_mcp.daemon.process import lease
from thrum_store.machine.host import REAL
from thrum_store.service.team import overview as overviews
from thrum_store.service.team.overview import Status

from ._shared.orientation import health_rows, mail, port, who_rows, work_rows


@command("status", "thrum status", "thrum status --json")
def status(app: App) -> Status:
    """Show your identity, session, work and inbox."""
    return overviews.status(app.store, app.caller, port=port(app, running=lease.is_held(app.paths, REAL)))


@human.register(Status)
def _status(now: Status, screen: Screen) -> str:
    kept = now.context
    notes = f"{kept.size:,} bytes, saved {ago(kept.updated_at, screen.now_ms)}" if kept.has_context else None
    below: list[tuple[str, str | None]] = [
        ("Context", notes),
        ("Inbox", mail(now.inbox)),
        ("Agents", f"{now.agents.active} active of {now.agents.total}"),
        ("Store", now.store),
    ]
    told = [*who_rows(now.agent, screen.now_ms), *work_rows(now.work_context), *below, *health_rows(now.health)]
    return card("Status", told, screen)
