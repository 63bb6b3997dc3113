"""session.*: the caller is the agent that is named, else the one whose session is named."""

from __future__ import annotations

from dataclasses import dataclass

from thrum_mcp.daemon.rpc.request_context import RequestContext, method
from thrum_store.errors import UnknownSession
from thrum_store.model import Caller
from thrum_store.service.team import heartbeat, sessions
from thrum_store.service.team.heartbeat import Alive, Heartbeat, IntentSet, TaskSet
from thrum_store.service.team.sessions import EndSession, ListSessions, SessionEnded, SessionList, SessionStarted
from thrum_store.view.queries import agents

from .messages import Tag, text


@dataclass(frozen=True)
class StartParams:
    """Whose session to start."""

    agent_id: str | None = None
    scopes: tuple[Tag, ...] = ()
    refs: tuple[Tag, ...] = ()
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class EndParams:
    """Which session to end; `reason` is normal or crash."""

    session_id: str | None = None
    reason: str = "normal"
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class ListParams:
    """Which sessions."""

    agent_id: str | None = None
    active_only: bool = False


@dataclass(frozen=True)
class HeartbeatParams:
    """A sign of life, and what changes with it."""

    session_id: str | None = None
    add_scopes: tuple[Tag, ...] = ()
    remove_scopes: tuple[Tag, ...] = ()
    add_refs: tuple[Tag, ...] = ()
    remove_refs: tuple[Tag, ...] = ()
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class IntentParams:
    """What an agent says it is doing; empty takes it back."""

    intent: str
    session_id: str | None = None
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class TaskParams:
    """Which task an agent is at; empty takes it back."""

    current_task: str
    session_id: str | None = None
    caller_agent_id: str | None = None


def _caller(desk: RequestContext, name: str | None, session_id: str | None) -> Caller:
    if name is not None or session_id is None:
        return desk.caller(name)
    session = agents.session(desk.store.view, session_id)
    owners = [one.name for one in agents.listed(desk.store.view) if one.own and session and one.id == session.agent]
    if not owners:
        raise UnknownSession(f"there is no session {session_id!r} of an agent here", hint="`thrum session list`")
    return desk.caller(owners[0])


def _start(desk: RequestContext, params: StartParams) -> SessionStarted:
    """Starts a session; one that is still open ends as crash_recovered."""
    caller = desk.caller(params.agent_id or params.caller_agent_id)
    started = sessions.start(desk.store_of(caller), caller)
    if params.scopes or params.refs:
        scopes, refs = (tuple(text(tag) for tag in tags) for tags in (params.scopes, params.refs))
        heartbeat.heartbeat(desk.store_of(caller), caller, Heartbeat(add_scopes=scopes, add_refs=refs))
    return started


def _end(desk: RequestContext, params: EndParams) -> SessionEnded:
    """Ends a session, and its subscriptions with it."""
    caller = _caller(desk, params.caller_agent_id, params.session_id)
    return sessions.end(desk.store_of(caller), caller, EndSession(params.session_id, params.reason))


def _list(desk: RequestContext, params: ListParams) -> SessionList:
    """Sessions, the newest first."""
    return sessions.list_sessions(desk.store, ListSessions(params.agent_id, params.active_only))


def _heartbeat(desk: RequestContext, params: HeartbeatParams) -> Alive:
    """Notes that an agent lives, and what its worktree holds."""
    tags = (params.add_scopes, params.remove_scopes, params.add_refs, params.remove_refs)
    request = Heartbeat(*(tuple(text(tag) for tag in some) for some in tags))
    caller = _caller(desk, params.caller_agent_id, params.session_id)
    return heartbeat.heartbeat(desk.store_of(caller), caller, request)


def _intent(desk: RequestContext, params: IntentParams) -> IntentSet:
    """Says what an agent is doing."""
    return heartbeat.set_intent(desk.store, _caller(desk, params.caller_agent_id, params.session_id), params.intent)


def _task(desk: RequestContext, params: TaskParams) -> TaskSet:
    """Says which task an agent is at."""
    return heartbeat.set_task(desk.store, _caller(desk, params.caller_agent_id, params.session_id), params.current_task)


METHODS = {
    "session.start": method(_start),
    "session.end": method(_end),
    "session.list": method(_list),
    "session.heartbeat": method(_heartbeat),
    "session.setIntent": method(_intent),
    "session.setTask": method(_task),
}
