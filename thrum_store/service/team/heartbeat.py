"""Signs of life: heartbeats with what git says, intent, task. None of it is an event (design §2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from thrum_store import model, presence_state
from thrum_store.errors import UnknownSession
from thrum_store.model import Caller
from thrum_store.presence_state import PresenceState
from thrum_store.repository import changes
from thrum_store.repository.changes import Changes, FileChange
from thrum_store.repository.git_runner import GitRunner
from thrum_store.service.addressing import acting
from thrum_store.store import Store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import agents
from thrum_store.view.queries.agents import Agent


@dataclass(frozen=True)
class Heartbeat:
    """What a sign of life changes: scopes and refs of the session, as `type:value`."""

    add_scopes: tuple[str, ...] = ()
    remove_scopes: tuple[str, ...] = ()
    add_refs: tuple[str, ...] = ()
    remove_refs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alive:
    """An agent that was seen, and what its worktree holds."""

    session_id: str
    agent_id: str
    last_seen_at: str
    branch: str
    unmerged_commits: int
    file_changes: tuple[FileChange, ...]
    uncommitted_files: tuple[str, ...]
    scopes: tuple[str, ...]
    refs: tuple[str, ...]


@dataclass(frozen=True)
class IntentSet:
    """What an agent says it is doing; empty where it took that back."""

    session_id: str
    intent: str
    intent_updated_at: str


@dataclass(frozen=True)
class TaskSet:
    """Which task an agent is at; empty where it took that back."""

    session_id: str
    current_task: str
    task_updated_at: str


@use_case
def heartbeat(store: Store, caller: Caller, request: Heartbeat) -> Alive:
    """Notes that the caller is there and what git says about its worktree, whose index stays untouched.

    Raises Invalid for a bad scope or ref, UnknownSession where none is open, NotRegistered, WorktreeMismatch.
    """
    agent = acting(store, caller)
    changed = {
        "scopes": (model.tags(request.add_scopes, "scope"), model.tags(request.remove_scopes, "scope")),
        "refs": (model.tags(request.add_refs, "ref"), model.tags(request.remove_refs, "ref")),
    }
    session = _session(agent)
    here = changes.look(GitRunner(store.paths.root))
    with store.writing(agent.name):
        last = _last(store, agent)
        tags = {field: _merged(getattr(last, field), *both) for field, both in changed.items()}
        now = store.host.clock.wall_ms()
        last = replace(last, changes=here, changes_ms=now, scopes=tags["scopes"], refs=tags["refs"])
        _keep(store, agent, last, now)
    return _alive(session, agent, last, now, here)


@use_case
def set_intent(store: Store, caller: Caller, text: str) -> IntentSet:
    """Says what the caller is doing; an empty text takes it back.

    Raises Invalid, UnknownSession where none is open, NotRegistered, WorktreeMismatch.
    """
    agent, intent = acting(store, caller), model.label(text, "intent")
    session = _session(agent)
    with store.writing(agent.name):
        now = store.host.clock.wall_ms()
        _keep(store, agent, replace(_last(store, agent), intent=intent, intent_ms=now), now)
    return IntentSet(session, intent, rfc3339(now))


@use_case
def set_task(store: Store, caller: Caller, text: str) -> TaskSet:
    """Says which task the caller is at; an empty text takes it back. Raises as `set_intent` does."""
    agent, task = acting(store, caller), model.label(text, "task")
    session = _session(agent)
    with store.writing(agent.name):
        now = store.host.clock.wall_ms()
        _keep(store, agent, replace(_last(store, agent), task=task, task_ms=now), now)
    return TaskSet(session, task, rfc3339(now))


def _session(agent: Agent) -> str:
    if agent.session is None:
        raise UnknownSession("no session is open", hint="start one: `thrum session start`")
    return agent.session


def _last(store: Store, agent: Agent) -> PresenceState:
    return presence_state.load(store.paths.var, store.host, agent.name).of(agent.session)


def _keep(store: Store, agent: Agent, values: PresenceState, now: int) -> None:
    """The file first: it is what a new view is told."""
    presence_state.save(store.paths.var, store.host, agent.name, replace(values, seen_ms=now))
    with store.committing():
        agents.seen(store.view, store.own, agent.name, now)


def _merged(have: tuple[str, ...], added: tuple[model.Tag, ...], removed: tuple[model.Tag, ...]) -> tuple[str, ...]:
    gone = {str(tag) for tag in removed}
    return tuple(tag for tag in dict.fromkeys((*have, *map(str, added))) if tag not in gone)


def _alive(session: str, agent: Agent, last: PresenceState, now: int, here: Changes) -> Alive:
    return Alive(
        session_id=session,
        agent_id=agent.name,
        last_seen_at=rfc3339(now),
        branch=here.branch,
        unmerged_commits=len(here.unmerged_commits),
        file_changes=here.file_changes,
        uncommitted_files=here.uncommitted_files,
        scopes=last.scopes,
        refs=last.refs,
    )
