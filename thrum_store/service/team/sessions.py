"""Sessions: an agent's work periods."""

from __future__ import annotations

from dataclasses import dataclass

from thrum_store import identity, presence_state
from thrum_store.errors import Invalid, NotFound, UnknownSession
from thrum_store.log.events import Draft
from thrum_store.model import Caller
from thrum_store.presence_state import PresenceState
from thrum_store.service import results
from thrum_store.service.addressing import acting
from thrum_store.store import Store, use_case
from thrum_store.times import maybe_rfc3339, rfc3339
from thrum_store.view.queries import agents
from thrum_store.view.queries.agents import Agent, Session

REASONS = ("normal", "crash")
SUPERSEDED = "crash_recovered"  # what a session ends with when the next one starts before it ended


@dataclass(frozen=True)
class SessionStarted:
    """A session that is open now."""

    session_id: str
    agent_id: str
    started_at: str


@dataclass(frozen=True)
class EndSession:
    """Which session to end (None: the open one), and why."""

    session_id: str | None = None
    reason: str = "normal"


@dataclass(frozen=True)
class SessionEnded:
    """A session that is over."""

    session_id: str
    ended_at: str
    duration_ms: int


@dataclass(frozen=True)
class ListSessions:
    """Which sessions: of one agent (a name), or only those that are open."""

    agent: str | None = None
    active: bool = False


@dataclass(frozen=True)
class SessionInfo:
    """A session. `status` is active or ended; `intent` is what its agent said last in it."""

    session_id: str
    agent_id: str
    started_at: str
    ended_at: str | None
    end_reason: str | None
    last_seen_at: str | None
    intent: str
    status: str


@dataclass(frozen=True)
class SessionList:
    """Sessions, the newest first."""

    sessions: tuple[SessionInfo, ...]


@use_case
def start(store: Store, caller: Caller) -> SessionStarted:
    """Starts a session; one that is still open ends as crash_recovered. Raises NotRegistered, WorktreeMismatch."""
    agent = acting(store, caller)
    with store.writing(agent.name) as shard:
        drafts = [Draft("session.start", {})]
        if (left := agents.open_session(store.view, agent.id)) is not None:
            drafts.insert(0, Draft("session.end", {"session": left.id, "reason": SUPERSEDED}))
        event = shard.append(*drafts)[-1]
    _remember(store, caller, event.id)
    return SessionStarted(event.id, agent.name, rfc3339(event.ms))


@use_case
def end(store: Store, caller: Caller, request: EndSession) -> SessionEnded:
    """Ends a session of the caller. Raises Invalid, UnknownSession, NotRegistered, WorktreeMismatch."""
    if request.reason not in REASONS:
        raise Invalid(f"{request.reason!r} is not a reason", hint=f"use {' or '.join(REASONS)}")
    agent = acting(store, caller)
    with store.writing(agent.name) as shard:
        wanted = request.session_id or agent.session
        session = agents.session(store.view, wanted) if wanted else None
        if session is None or session.agent != agent.id:
            what = f"there is no session {wanted!r} of yours" if wanted else "no session is open"
            raise UnknownSession(what, hint="start one: `thrum session start`")
        if session.ended_ms is not None:
            raise UnknownSession(f"session {session.id} ended already", hint="start one: `thrum session start`")
        (event,) = shard.append(Draft("session.end", {"session": session.id, "reason": request.reason}))
    _remember(store, caller, "")
    return SessionEnded(session.id, rfc3339(event.ms), max(event.ms - session.started_ms, 0))


@use_case
def list_sessions(store: Store, request: ListSessions) -> SessionList:
    """The sessions of all agents, of all stores. Raises NotFound for an agent that nobody is."""
    wanted = None if request.agent is None else _agent(store, request.agent)
    known = {agent.id: agent for agent in agents.listed(store.view)}
    last = presence_state.everyone(store.paths, store.host, store.own)
    found = agents.sessions(store.view, wanted, request.active)
    return SessionList(tuple(_info(one, known[one.agent], last) for one in found if one.agent in known))


@use_case
def owner(store: Store, session_id: str) -> str:
    """Return the name of this store's agent whose session it is. Raises UnknownSession."""
    session = agents.session(store.view, session_id)
    for agent in agents.listed(store.view):
        if session is not None and agent.own and agent.id == session.agent:
            return agent.name
    raise UnknownSession(f"no session {session_id!r} of an agent of this store", hint="`thrum session list`")


def _agent(store: Store, name: str) -> int:
    found = agents.named(store.view, name.removeprefix("@"))
    if not found:
        raise NotFound(f"there is no agent {name!r}", hint="`thrum agent list` shows who there is")
    return found[0].id


def _info(session: Session, agent: Agent, last: dict[tuple[str, str], PresenceState]) -> SessionInfo:
    told = last.get((agent.store, agent.name), presence_state.NOTHING).of(session.id)
    is_last = session.id == agent.session
    return SessionInfo(
        session_id=session.id,
        agent_id=results.address_of(agent.name, agent.store, own=agent.own),
        started_at=rfc3339(session.started_ms),
        ended_at=maybe_rfc3339(session.ended_ms),
        end_reason=session.reason,
        last_seen_at=rfc3339(agent.seen_ms) if is_last else maybe_rfc3339(session.ended_ms),
        intent=told.intent,
        status="active" if session.ended_ms is None else "ended",
    )


def _remember(store: Store, caller: Caller, session_id: str) -> None:
    """Notes the session in this worktree's identity file, where there is one."""
    if identity.load(store.paths, caller.name) is not None:
        identity.save(store.paths, caller, session_id, host=store.host)
