"""overview: the caller, the team, the inbox and the sync on one page."""

from __future__ import annotations

from thrum_cli.command import App, command
from thrum_cli.terminal.layout import card, table
from thrum_cli.terminal.output import Screen, ago, fields, green, human
from thrum_store.service.team import overview as overviews
from thrum_store.service.team.overview import Overview

from ._shared.orientation import daemon, health_rows, identity_rows, mail, sync_rows, work_rows


@command("overview", "thrum overview", "thrum overview --json")
def overview(app: App) -> Overview:
    """Show yourself, the team, your inbox and the sync."""
    started_at, port = daemon(app)
    return overviews.overview(app.store, app.caller, started_at=started_at, port=port)


@human.register(Overview)
def _overview(state: Overview, screen: Screen) -> str:
    mine = [
        *identity_rows(state.agent, screen.now_ms),
        *work_rows(state.work_context),
        ("Inbox", mail(state.inbox)),
        *sync_rows(state.sync, screen.now_ms),
    ]
    parts = [card("You", mine, screen), _team(state, screen)]
    return "\n\n".join([*parts, *([fields(health_rows(state.health))] if state.health.frozen else [])])


def _team(state: Overview, screen: Screen) -> str:
    rows = [
        (
            green("●"),
            f"@{member.address}",
            member.role,
            member.branch,
            str(member.inbox_unread or ""),
            ago(member.last_seen, screen.now_ms),
            member.intent,
        )
        for member in state.team
    ]
    hidden = f" ({state.offline} offline: thrum team --all)" if state.offline else ""
    if not rows:
        return f"Nobody else is active{hidden}."
    return table(("", "agent", "role", "branch", "unread", "seen", "intent"), rows, screen)
