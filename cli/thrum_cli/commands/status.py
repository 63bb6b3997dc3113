"""status: the caller, its session, work and inbox."""

from __future__ import annotations

from thrum_cli.command import App, command
from thrum_cli.terminal.layout import card
from thrum_cli.terminal.output import Screen, ago, human
from thrum_store.service.messages.held_wakes import sentence
from thrum_store.service.team import overview as overviews
from thrum_store.service.team.overview import Status

from ._shared.orientation import daemon, health_rows, identity_rows, mail, sync_rows, work_rows


@command("status", "thrum status", "thrum status --json")
def status(app: App) -> Status:
    """Show your identity, session, work, inbox, daemon and sync."""
    started_at, port = daemon(app)
    return overviews.status(app.store, app.caller, started_at=started_at, port=port)


@human.register(Status)
def _status(state: Status, screen: Screen) -> str:
    saved = state.context
    notes = f"{saved.size:,} bytes, saved {ago(saved.updated_at, screen.now_ms)}" if saved.has_context else None
    rows = [
        *identity_rows(state.agent, screen.now_ms),
        *work_rows(state.work_context),
        ("Context", notes),
        ("Inbox", mail(state.inbox)),
        *(("Held back", sentence(held)) for held in state.held_wakes),
        ("Agents", f"{state.agents.active} active of {state.agents.total}"),
        *sync_rows(state.sync, screen.now_ms),
        ("WebSocket", f"ws://localhost:{state.websocket_port}" if state.websocket_port else None),
        ("Store", state.store),
        ("Hosts", state.hosts or None),
        *health_rows(state.health),
    ]
    return card("Status", rows, screen)
