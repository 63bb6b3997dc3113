"""Heartbeats, intent and task of agents: values that change all the time and are no events."""

from __future__ import annotations

from thrum_store import presence_state
from thrum_store.errors import UnknownSession
from thrum_store.identity import Caller
from thrum_store.presence_state import PresenceState
from thrum_store.repository import changes
from thrum_store.repository.changes import Changes, FileChange
from thrum_store.repository.git_runner import GitRunner
from thrum_store.service import message_parts
from thrum_store.service.message_parts import acting
from thrum_store.store import Store, use_case
from thrum_store.values import Record, replaced, rfc3339
from thrum_store.view.queries import lookup
from thrum_store.view.queries.lookup import Agent


class Heartbeat(Record):
    """Request for a heartbeat: scopes and refs of the session to add or remove, as `type:value`."""

    add_scopes: tuple[str, ...] = ()
    remove_scopes: tuple[str, ...] = ()
    add_refs: tuple[str, ...] = ()
    remove_refs: tuple[str, ...] = ()


class Alive(Record):
    """The result of a heartbeat: the agent's session and the changes in its worktree."""

    session: str
    address: str
    last_seen_at: str
    branch: str
    unmerged_commits: int
    file_changes: tuple[FileChange, ...]
    uncommitted_files: tuple[str, ...]
    scopes: tuple[str, ...]
    refs: tuple[str, ...]

    JSON = "* session_id=session"


class IntentSet(Record):
    """The intent of an agent; empty if it was cleared."""

    session: str
    intent: str
    intent_updated_at: str

    JSON = "* session_id=session"


class TaskSet(Record):
    """The task of an agent; empty if it was cleared."""

    session: str
    current_task: str
    task_updated_at: str

    JSON = "* session_id=session"


@use_case
def heartbeat(store: Store, caller: Caller, request: Heartbeat) -> Alive:
    """Record that the caller is active, and the git status of its worktree, without touching its index.

    Raises Invalid for a bad scope or ref, UnknownSession if none is open, NotRegistered, WorktreeMismatch.
    """
    agent = acting(store, caller)
    changed = {
        "scopes": (message_parts.tags(request.add_scopes, "scope"), message_parts.tags(request.remove_scopes, "scope")),
        "refs": (message_parts.tags(request.add_refs, "ref"), message_parts.tags(request.remove_refs, "ref")),
    }
    session = _session_of(agent)
    status = changes.look(GitRunner(store.paths.root))
    with store.writing(agent.name):
        last = _values(store, agent)
        tags = {field: _merged(getattr(last, field), *both) for field, both in changed.items()}
        now = store.host.clock.wall_ms()
        last = replaced(last, changes=status, changes_ms=now, scopes=tags["scopes"], refs=tags["refs"])
        _keep(store, agent, last, now)
    return _alive(session, agent, last, now, status)


@use_case
def set_intent(store: Store, caller: Caller, text: str) -> IntentSet:
    """Set the intent of the caller; an empty text clears it.

    Raises Invalid, UnknownSession if none is open, NotRegistered, WorktreeMismatch.
    """
    agent, intent = acting(store, caller), message_parts.label(text, "intent")
    session = _session_of(agent)
    with store.writing(agent.name):
        now = store.host.clock.wall_ms()
        _keep(store, agent, replaced(_values(store, agent), intent=intent, intent_ms=now), now)
    return IntentSet(session, intent, rfc3339(now))


@use_case
def set_task(store: Store, caller: Caller, text: str) -> TaskSet:
    """Set the task of the caller; an empty text clears it. Raises as `set_intent` does."""
    agent, task = acting(store, caller), message_parts.label(text, "task")
    session = _session_of(agent)
    with store.writing(agent.name):
        now = store.host.clock.wall_ms()
        _keep(store, agent, replaced(_values(store, agent), task=task, task_ms=now), now)
    return TaskSet(session, task, rfc3339(now))


def _session_of(agent: Agent) -> str:
    if agent.session is None:
        raise UnknownSession("no session is open", hint="start one: `thrum session start`")
    return agent.session


def _values(store: Store, agent: Agent) -> PresenceState:
    return presence_state.load(store.paths.var, store.host, agent.name).of(agent.session)


def _keep(store: Store, agent: Agent, values: PresenceState, now: int) -> None:
    """Save the values: the file first, because a rebuilt view is filled from it."""
    presence_state.save(store.paths.var, store.host, agent.name, replaced(values, seen_ms=now))
    with store.committing():
        lookup.seen(store.view, store.own, agent.name, now)


def _merged(
    have: tuple[str, ...], added: tuple[message_parts.Tag, ...], removed: tuple[message_parts.Tag, ...]
) -> tuple[str, ...]:
    dropped = {str(tag) for tag in removed}
    return tuple(tag for tag in dict.fromkeys((*have, *map(str, added))) if tag not in dropped)


def _alive(session: str, agent: Agent, last: PresenceState, now: int, status: Changes) -> Alive:
    return Alive(
        session=session,
        address=agent.name,
        last_seen_at=rfc3339(now),
        branch=status.branch,
        unmerged_commits=len(status.unmerged_commits),
        file_changes=status.file_changes,
        uncommitted_files=status.uncommitted_files,
        scopes=last.scopes,
        refs=last.refs,
    )
