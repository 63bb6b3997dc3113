"""session: start and end work sessions, list them, and report on the work in them."""

from __future__ import annotations

from thrum_cli.command import App, Argument, Group, Option, command, commands
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, ago, dim, green, human, lasting
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
from thrum_store.values import plural


@command("start", "thrum session start")
def start(app: App) -> SessionStarted:
    """Start a work session.

    A session that is still open ends as crash_recovered.
    """
    return sessions.start(app.store, app.caller)


@command(
    "end",
    "thrum session end",
    "thrum session end --reason crash --session-id ses_01KAR…",
    options=(
        Option("--reason", "normal or crash (default normal).", "REASON", default="normal"),
        Option("--session-id", "The session to end (default: the open one).", "ID"),
    ),
)
def end(app: App, reason: str, session_id: str | None) -> SessionEnded:
    """End your work session.

    With the setting retention.days it also purges what is older: `thrum config set retention.days 30`.
    """
    return sessions.end(app.store, app.caller, EndSession(session_id, reason))


@command(
    "list",
    "thrum session list --active",
    "thrum session list --agent builder",
    returns=SessionList,
    options=(Option("--active", "Only open sessions."), Option("--agent", "Only sessions of this agent.", "NAME")),
)
def list_(app: App, active: bool, agent: str | None) -> Outcome:
    """List the sessions of all agents, the newest first."""
    listed = sessions.list_sessions(app.store, ListSessions(agent, active))
    return Outcome(listed, note="" if listed.sessions else "No sessions. Start one: `thrum session start`")


@command(
    "heartbeat",
    "thrum session heartbeat",
    "thrum agent heartbeat --add-scope module:auth --add-ref pr:42",
    options=(
        Option("--add-scope", "Scope to add.", "TYPE:VALUE", name="add_scopes", multiple=True),
        Option("--remove-scope", "Scope to remove.", "TYPE:VALUE", name="remove_scopes", multiple=True),
        Option("--add-ref", "Reference to add.", "TYPE:VALUE", name="add_refs", multiple=True),
        Option("--remove-ref", "Reference to remove.", "TYPE:VALUE", name="remove_refs", multiple=True),
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

    They see your branch, its unmerged commits and the files you changed. Git's index is never touched.
    """
    return service.heartbeat(app.store, app.caller, Heartbeat(add_scopes, remove_scopes, add_refs, remove_refs))


@command(
    "set-intent",
    'thrum session set-intent "Building the auth flow"',
    'thrum agent set-intent ""',
    options=(Argument("text"),),
)
def set_intent(app: App, text: str) -> IntentSet:
    """Tell the others what you are doing.

    An empty text clears it.
    """
    return service.set_intent(app.store, app.caller, text)


@command("set-task", "thrum session set-task bd-42", 'thrum agent set-task ""', options=(Argument("task"),))
def set_task(app: App, task: str) -> TaskSet:
    """Tell the others which task you are working on.

    An empty text clears it.
    """
    return service.set_task(app.store, app.caller, task)


session = Group(
    "session",
    "Start and end work sessions, and report on your work.",
    commands(start, end, list_, heartbeat, set_intent, set_task),
    ("thrum session start", "thrum session end"),
)


@human.report(SessionStarted)
def started(session: SessionStarted) -> str:
    """Return a started session in words."""
    return f"Session started: {session.id} of @{session.address}."


@human.report(SessionEnded)
def _ended(ended: SessionEnded) -> str:
    line = f"Session ended: {ended.id}, after {lasting(ended.duration_ms)}."
    kept = ended.retention
    if kept is None:
        return line
    if kept.problem:
        return f"{line}\nNothing was purged for retention.days: {kept.problem}"
    return f"{line}\nPurged {plural(kept.messages, 'message')} older than {plural(kept.days, 'day')} (retention.days)."


@human.report(Alive)
def _alive(alive: Alive) -> str:
    lines = [f"Heartbeat sent: @{alive.address} is active on {alive.branch or 'no branch'}."]
    commits = plural(alive.unmerged_commits, "unmerged commit")
    changed = plural(len(alive.file_changes), "changed file")
    lines.append(f"The heartbeat reports {commits}, {changed}, {len(alive.uncommitted_files)} uncommitted.")
    if alive.scopes or alive.refs:
        lines.append(dim("  ".join((*alive.scopes, *alive.refs))))
    return "\n".join(lines)


@human.report(IntentSet)
def _intent(changed: IntentSet) -> str:
    return f"Intent set: {changed.intent}" if changed.intent else "Intent cleared."


@human.report(TaskSet)
def _task(changed: TaskSet) -> str:
    return f"Task set: {changed.current_task}" if changed.current_task else "Task cleared."


@human.register(SessionList)
def _sessions(listed: SessionList, screen: Screen) -> str:
    if not listed.sessions:
        return ""
    head = ("", "session", "agent", "started", "ended", "reason", "intent")
    return table(head, [_row(session, screen.now_ms) for session in listed.sessions], screen)


def _row(session: SessionInfo, now_ms: int) -> tuple[str, ...]:
    mark = green("●") if session.status == "active" else "○"
    reason = session.end_reason if session.end_reason and session.end_reason != "normal" else ""
    started, ended = ago(session.started_at, now_ms), ago(session.ended_at, now_ms)
    return mark, session.id, f"@{session.address}", started, ended, reason, session.intent
