"""session: start and end work sessions, list them, and report on the work in them."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import Entry, command, group, pass_app
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.text import ago, dim, green, lasting, plural
from thrum_store.service.team import heartbeat as service
from thrum_store.service.team import sessions
from thrum_store.service.team.heartbeat import Alive, Heartbeat, IntentSet, TaskSet
from thrum_store.service.team.sessions import (
    EndSession,
    ListSessions,
    SessionEnded,
    SessionInfo,
    SessionList,
    SessionStarted,
)

_SECTIONS = {
    "Commands": {
        "start": Entry("commands.session:start", "Start a work session."),
        "end": Entry("commands.session:end", "End your work session."),
        "list": Entry("commands.session:list_", "List the sessions of all agents."),
        "heartbeat": Entry("commands.session:heartbeat", "Say that you are there and what you changed."),
        "set-intent": Entry("commands.session:set_intent", "Say what you are doing."),
        "set-task": Entry("commands.session:set_task", "Say which task you are at."),
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


@command(
    "heartbeat",
    "thrum session heartbeat",
    "thrum agent heartbeat --add-scope module:auth --add-ref pr:42",
)
@click.option("--add-scope", "add_scopes", multiple=True, metavar="TYPE:VALUE", help="What you work on now (repeat).")
@click.option("--remove-scope", "remove_scopes", multiple=True, metavar="TYPE:VALUE", help="What no more (repeat).")
@click.option("--add-ref", "add_refs", multiple=True, metavar="TYPE:VALUE", help="What it refers to (repeat).")
@click.option("--remove-ref", "remove_refs", multiple=True, metavar="TYPE:VALUE", help="What no more (repeat).")
@pass_app
def heartbeat(
    app: App,
    add_scopes: tuple[str, ...],
    remove_scopes: tuple[str, ...],
    add_refs: tuple[str, ...],
    remove_refs: tuple[str, ...],
) -> Alive:
    """Say that you are there, and tell the others what git says about your worktree.

    Your branch, its unmerged commits, and the files you changed. Git's index is never touched.
    """
    return service.heartbeat(app.store, app.caller, Heartbeat(add_scopes, remove_scopes, add_refs, remove_refs))


@command("set-intent", 'thrum session set-intent "Building the auth flow"', 'thrum agent set-intent ""')
@click.argument("text")
@pass_app
def set_intent(app: App, text: str) -> IntentSet:
    """Say what you are doing; an empty text takes it back."""
    return service.set_intent(app.store, app.caller, text)


@command("set-task", "thrum session set-task bd-42", 'thrum agent set-task ""')
@click.argument("task")
@pass_app
def set_task(app: App, task: str) -> TaskSet:
    """Say which task you are at; an empty text takes it back."""
    return service.set_task(app.store, app.caller, task)


@command("list", "thrum session list --active", "thrum session list --agent builder", returns=SessionList)
@click.option("--active", is_flag=True, help="Only sessions that are open.")
@click.option("--agent", metavar="NAME", help="Only this agent's.")
@pass_app
def list_(app: App, active: bool, agent: str | None) -> Outcome:
    """List the sessions of all agents, the newest first."""
    found = sessions.list_sessions(app.store, ListSessions(agent, active))
    return Outcome(found, note="" if found.sessions else "No sessions. `thrum session start` begins one.")


@human.register(Alive)
def _alive(alive: Alive, screen: Screen) -> str:
    del screen
    lines = [f"@{alive.agent_id} is here, on {alive.branch or 'no branch'}."]
    commits = plural(alive.unmerged_commits, "unmerged commit")
    changed = plural(len(alive.file_changes), "changed file")
    lines.append(f"{commits}, {changed}, {len(alive.uncommitted_files)} uncommitted.")
    if alive.scopes or alive.refs:
        lines.append(dim("  ".join((*alive.scopes, *alive.refs))))
    return "\n".join(lines)


@human.register(IntentSet)
def _intent(done: IntentSet, screen: Screen) -> str:
    del screen
    return f"Intent: {done.intent}" if done.intent else "Intent taken back."


@human.register(TaskSet)
def _task(done: TaskSet, screen: Screen) -> str:
    del screen
    return f"Task: {done.current_task}" if done.current_task else "Task taken back."


@human.register(SessionList)
def _sessions(found: SessionList, screen: Screen) -> str:
    if not found.sessions:
        return ""
    head = ("", "session", "agent", "started", "ended", "reason", "intent")
    return table(head, [_row(one, screen.now_ms) for one in found.sessions], screen)


def _row(one: SessionInfo, now_ms: int) -> tuple[str, ...]:
    mark = green("●") if one.status == "active" else "○"
    reason = one.end_reason if one.end_reason and one.end_reason != "normal" else ""
    started, ended = ago(one.started_at, now_ms), ago(one.ended_at, now_ms)
    return mark, one.session_id, f"@{one.agent_id}", started, ended, reason, one.intent
