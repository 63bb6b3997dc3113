"""Sessions: an agent's work periods."""

from __future__ import annotations

from dataclasses import dataclass

from .. import identity
from ..errors import Invalid, UnknownSession
from ..events import Draft
from ..model import Caller
from ..queries import agents
from ..store import Store, use_case
from ..times import rfc3339
from .callers import acting

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


def _remember(store: Store, caller: Caller, session_id: str) -> None:
    """Notes the session in this worktree's identity file, where there is one."""
    if identity.load(store.paths, caller.name) is not None:
        identity.save(store.paths, caller, session_id, host=store.host)
