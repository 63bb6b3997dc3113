"""session: start and end work sessions, list them, and report on the work in them."""

from __future__ import annotations

from thrum_cli.command import App, Argument, Group, Option, command, commands
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


@command("start", "thrum session start")
def start(app: App) -> SessionStarted:
    """Start a work session.

    One that is still open ends as crash_recovered.
    """
    return sessions.start(app.store, app.caller)


@command(
    "end",
    "thrum session end",
    "thrum session end --reason crash --session-id ses_01KAR…",
    options=(
        Option("--reason", "normal or crash (default normal).", "REASON", default="normal"),
        Option("--session-id", "Which session; else the open one.", "ID"),
    ),
)
def end(app: App, reason: str, session_id: str | None) -> SessionEnded:
    """End your work session."""
    return sessions.end(app.store, app.caller, EndSession(session_id, reason))


@human.register(SessionStarted)
def started(session: SessionStarted) -> str:
    """How a session that began looks."""
    return f"Session {session.session_id} of @{session.address} started."


@human.register(SessionEnded)
def _ended(ended: SessionEnded) -> str:
    return f"Session {ended.session_id} ended after {lasting(ended.duration_ms)}."


@command(
    "heartbeat",
    "thrum session heartbeat",
    "thrum agent heartbeat --add-scope module:auth --add-ref pr:42",
    options=(
        Option("--add-scope", "What you work on now (repeat).", "TYPE:VALUE", name="add_scopes", multiple=True),
        Option("--remove-scope", "What no more (repeat).", "TYPE:VALUE", name="remove_scopes", multiple=True),
        Option("--add-ref", "What it refers to (repeat).", "TYPE:VALUE", name="add_refs", multiple=True),
        Option("--remove-ref", "What no more (repeat).", "TYPE:VALUE", name="remove_refs", multiple=True),
    ),
)
def heartbeat(
    app: App,
    add_scopes: tuple[str, ...],
    remove_scopes: tuple[str, ...],
    add_refs: tuple[str, ...],
    remove_refs: tuple[str, ...],
) -> Alive:
    """Tell the others that you are active, and what you changed.

    Your branch, its unmerged commits, and the files you changed. Git's index is never touched.
    """
    return service.heartbeat(app.store, app.caller, Heartbeat(add_scopes, remove_scopes, add_refs, remove_refs))


@command(
    "set-intent",
    'thrum session set-intent "Building the auth flow"',
    'thrum agent set-intent ""',
    options=(Argument("text"),),
)
def set_intent(app: App, text: str) -> IntentSet:
    """Tell the others what you are doing."""
    return service.set_intent(app.store, app.caller, text)


@command("set-task", "thrum session set-task bd-42", 'thrum agent set-task ""', options=(Argument("task"),))
def set_task(app: App, task: str) -> TaskSet:
    """Tell the others which task you are working on."""
    return service.set_task(app.store, app.caller, task)


@command(
    "list",
    "thrum session list --active",
    "thrum session list --agent builder",
    returns=SessionList,
    options=(
        Option("--active", "Only sessions that are open."),
        Option("--agent", "Only this agent's.", "NAME"),
    ),
)
def list_(app: App, active: bool, agent: str | None) -> Outcome:
    """List the sessions of all agents, the newest first."""
    found = sessions.list_sessions(app.store, ListSessions(agent, active))
    return Outcome(found, note="" if found.sessions else "No sessions. `thrum session start` begins one.")


session = Group(
    "session",
    "Start and end work sessions, and report on your work.",
    commands(start, end, list_, heartbeat, set_intent, set_task),
    (
        "thrum session start",
        "thrum session end",
    ),
)


@human.register(Alive)
def _alive(alive: Alive) -> str:
    lines = [f"@{alive.address} is here, on {alive.branch or 'no branch'}."]
    commits = plural(alive.unmerged_commits, "unmerged commit")
    changed = plural(len(alive.file_changes), "changed file")
    lines.append(f"{commits}, {changed}, {len(alive.uncommitted_files)} uncommitted.")
    if alive.scopes or alive.refs:
        lines.append(dim("  ".join((*alive.scopes, *alive.refs))))
    return "\n".join(lines)


@human.register(IntentSet)
def _intent(done: IntentSet) -> str:
    return f"Intent: {done.intent}" if done.intent else "Intent taken back."


@human.register(TaskSet)
def _task(done: TaskSet) -> str:
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
    return mark, one.session_id, f"@{one.address}", started, ended, reason, one.intent
