"""session start and end; `agent start` and `agent end` are the same commands."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import Entry, command, group, pass_app
from thrum_cli.terminal.output import Screen, human
from thrum_cli.terminal.text import lasting
from thrum_store.service.team import sessions
from thrum_store.service.team.sessions import EndSession, SessionEnded, SessionStarted

_SECTIONS = {
    "Commands": {
        "start": Entry("commands.sessions:start", "Start a work session."),
        "end": Entry("commands.sessions:end", "End your work session."),
        "list": Entry("commands.liveness:list_", "List the sessions of all agents."),
        "heartbeat": Entry("commands.liveness:heartbeat", "Say that you are there and what you changed."),
        "set-intent": Entry("commands.liveness:set_intent", "Say what you are doing."),
        "set-task": Entry("commands.liveness:set_task", "Say which task you are at."),
    }
}


@group("session", _SECTIONS, "thrum session start", "thrum session end")
def session() -> None:
    """Start and end work sessions."""


@command("start", "thrum session start")
@pass_app
def start(app: App) -> SessionStarted:
    """Start a work session.

    One that is still open ends as crash_recovered.
    """
    return sessions.start(app.store, app.caller)


@command("end", "thrum session end", "thrum session end --reason crash --session-id ses_01KAR…")
@click.option("--reason", default="normal", metavar="REASON", help="normal or crash (default normal).")
@click.option("--session-id", metavar="ID", help="Which session; else the open one.")
@pass_app
def end(app: App, reason: str, session_id: str | None) -> SessionEnded:
    """End your work session."""
    return sessions.end(app.store, app.caller, EndSession(session_id, reason))


@human.register(SessionStarted)
def started(session: SessionStarted, screen: Screen) -> str:
    """How a session that began looks."""
    del screen
    return f"Session {session.session_id} of @{session.agent_id} started."


@human.register(SessionEnded)
def _ended(ended: SessionEnded, screen: Screen) -> str:
    del screen
    return f"Session {ended.session_id} ended after {lasting(ended.duration_ms)}."
