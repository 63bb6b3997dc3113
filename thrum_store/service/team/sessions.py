"""Sessions: the work periods of agents."""

from __future__ import annotations

from thrum_store import identity, presence_state
from thrum_store.errors import Invalid, UnknownSession
from thrum_store.identity import Caller
from thrum_store.log.events import Draft
from thrum_store.presence_state import PresenceState
from thrum_store.service import message_parts
from thrum_store.service.message_parts import acting
from thrum_store.store import Store, use_case
from thrum_store.values import Record, maybe_rfc3339, rfc3339
from thrum_store.view.queries import lookup
from thrum_store.view.queries.lookup import Agent, Session

REASONS = ("normal", "crash")
SUPERSEDED = "crash_recovered"  # the end reason of a session that was still open when the next one started


class SessionStarted(Record):
    """A session that was started."""

    id: str
    address: str
    started_at: str

    JSON = "* session_id=id"


class EndSession(Record):
    """Request to end the session `id` (None: the open one)."""

    id: str | None = None
    reason: str = "normal"


class Retained(Record):
    """The purge at the end of a session: how many messages older than `days` it took, or the problem that kept it."""

    days: int
    messages: int
    problem: str = ""


class SessionEnded(Record):
    """A session that was ended. `retention`: the purge of what is too old, where retention.days is set."""

    id: str
    ended_at: str
    duration_ms: int
    retention: Retained | None = None

    JSON = "* session_id=id"


class ListSessions(Record):
    """Request for sessions: of one agent (a name), or only open ones."""

    agent: str | None = None
    active: bool = False


class SessionInfo(Record):
    """A session. `status` is active or ended; `intent` is the last one that was set in it."""

    id: str
    address: str
    started_at: str
    ended_at: str | None
    end_reason: str | None
    last_seen_at: str | None
    intent: str
    status: str

    JSON = "* session_id=id"


class SessionList(Record):
    """Sessions, the newest first."""

    sessions: tuple[SessionInfo, ...]


@use_case
def start(store: Store, caller: Caller) -> SessionStarted:
    """Start a session; an open one ends as crash_recovered. Raises NotRegistered, WorktreeMismatch."""
    agent = acting(store, caller)
    with store.writing(agent.name) as shard:
        drafts = [Draft("session.start", {})]
        if (left := lookup.open_session(store.view, agent.id)) is not None:
            drafts.insert(0, Draft("session.end", {"session": left.id, "reason": SUPERSEDED}))
        event = shard.append(*drafts)[-1]
    _remember(store, caller, agent, event.id)
    return SessionStarted(event.id, agent.name, rfc3339(event.ms))


@use_case
def end(store: Store, caller: Caller, request: EndSession) -> SessionEnded:
    """End a session of the caller, then purge what is older than the setting retention.days allows.

    Raises Invalid, UnknownSession, NotRegistered, WorktreeMismatch.
    """
    if request.reason not in REASONS:
        raise Invalid(f"{request.reason!r} is not a reason", hint=f"use {' or '.join(REASONS)}")
    agent = acting(store, caller)
    with store.writing(agent.name) as shard:
        wanted = request.id or agent.session
        session = lookup.session(store.view, wanted) if wanted else None
        if session is None or session.agent != agent.id:
            message = f"you have no session {wanted!r}" if wanted else "no session is open"
            raise UnknownSession(message, hint="start one: `thrum session start`")
        if session.ended_ms is not None:
            raise UnknownSession(f"session {session.id} has ended already", hint="start one: `thrum session start`")
        (event,) = shard.append(Draft("session.end", {"session": session.id, "reason": request.reason}))
    _remember(store, caller, agent, "")
    from thrum_store.service.upkeep import retention  # a start of a session does not need it

    outcome = retention.retain(store)
    duration_ms = max(event.ms - session.started_ms, 0)
    return SessionEnded(session.id, rfc3339(event.ms), duration_ms, None if outcome is None else Retained(*outcome))


@use_case
def list_sessions(store: Store, request: ListSessions) -> SessionList:
    """List the sessions of all agents of all stores. Raises NotFound for an unknown agent."""
    wanted = None if request.agent is None else _agent(store, request.agent)
    known = {agent.id: agent for agent in lookup.listed(store.view)}
    last = presence_state.everyone(store.paths, store.host, store.own)
    rows = lookup.sessions(store.view, wanted, request.active)
    return SessionList(tuple(_info(row, known[row.agent], last) for row in rows if row.agent in known))


@use_case
def owner(store: Store, session_id: str) -> str:
    """Return the name of this store's agent whose session it is. Raises UnknownSession."""
    session = lookup.session(store.view, session_id)
    for agent in lookup.listed(store.view):
        if session is not None and agent.own and agent.id == session.agent:
            return agent.name
    raise UnknownSession(f"no session {session_id!r} of an agent of this store", hint="`thrum session list`")


def _agent(store: Store, name: str) -> int:
    matches = lookup.named(store.view, identity.agent_name(name))
    if not matches:
        raise message_parts.unknown_agent(name)
    return matches[0].id


def _info(session: Session, agent: Agent, last: dict[tuple[str, str], PresenceState]) -> SessionInfo:
    values = last.get((agent.store, agent.name), presence_state.NOTHING).of(session.id)
    is_last = session.id == agent.session
    return SessionInfo(
        id=session.id,
        address=identity.address_of(agent.name, agent.store, own=agent.own),
        started_at=rfc3339(session.started_ms),
        ended_at=maybe_rfc3339(session.ended_ms),
        end_reason=session.reason,
        last_seen_at=rfc3339(agent.seen_ms) if is_last else maybe_rfc3339(session.ended_ms),
        intent=values.intent,
        status="active" if session.ended_ms is None else "ended",
    )


def _remember(store: Store, caller: Caller, agent: Agent, session_id: str) -> None:
    """Write the session into this worktree's identity file, if there is one; the role is the registered one."""
    if identity.load(store.paths, caller.name) is not None:
        registered = caller._replace(role=agent.role, module=agent.module, display=agent.display)
        identity.save(store.paths, registered, session_id, host=store.host)
