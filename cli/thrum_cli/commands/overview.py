"""overview: the caller, the team, the inbox and the sync on one page."""

from __future__ import annotations

from thrum_cli.command import App, command
from thrum_cli.terminal.layout import card, table
from thrum_cli.terminal.output import Screen, human
from thrum_cli.terminal.text import ago, fields, green
from thrum_mcp.daemon.process import lease
from thrum_store.machine.host import REAL
from thrum_store.service.team import overview as overviews
from thrum_store.service.team.overview import Overview

from ._shared.orientation import health_rows, loop_rows, mail, port, who_rows, work_rows


@command("overview", "thrum overview", "thrum overview --json")
def overview(app: App) -> Overview:
    """Show yourself, the team, your inbox and the sync."""
    running = lease.is_held(app.paths, REAL)
    return overviews.overview(app.store, app.caller, running=running, port=port(app, running=running))


@human.register(Overview)
def _overview(now: Overview, screen: Screen) -> str:
    told = [
        *who_rows(now.agent, screen.now_ms), *work_rows(now.work_context), ("Inbox", mail(now.inbox)),
        *loop_rows(now.sync, screen.now_ms),
    ]  # fmt: skip
    mine = card("You", told, screen)
    head = ("", "agent", "role", "branch", "unread", "seen", "intent")
    rows = [
        (green("●"), f"@{one.address}", one.role, one.branch, str(one.inbox_unread or ""),
         ago(one.last_seen, screen.now_ms), one.intent)
        for one in now.team
    ]  # fmt: skip
    hidden = f" ({now.offline} offline: thrum team --all)" if now.offline else ""
    team = table(head, rows, screen) if rows else f"Nobody else is active{hidden}."
    return "\n\n".join([mine, team, *([fields(health_rows(now.health))] if now.health.frozen else [])])
