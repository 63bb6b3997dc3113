"""The caller's own identity."""

from __future__ import annotations

from thrum_store import identity, presence_state
from thrum_store.identity import Caller
from thrum_store.store import Store, use_case
from thrum_store.values import Record, rfc3339
from thrum_store.view.queries import lookup


class WhoAmI(Record):
    """The caller by identity file, environment and store; `registered`: the store knows it."""

    address: str
    role: str
    module: str
    display: str
    branch: str
    worktree: str
    session: str | None
    session_start: str | None
    intent: str
    identity_file: str | None
    source: str
    registered: bool

    JSON = "* session_id=session"


@use_case
def whoami(store: Store, caller: Caller) -> WhoAmI:
    """Return the caller and its open session, registered or not."""
    agent = lookup.own(store.view, caller.name)
    file = (
        identity.shown_path(store.paths, caller.name) if identity.load(store.paths, caller.name) is not None else None
    )
    return WhoAmI(
        address=caller.name,
        role=caller.role or (agent.role if agent else ""),
        module=caller.module or (agent.module if agent else ""),
        display=caller.display or (agent.display if agent else ""),
        branch=store.paths.branch,
        worktree=caller.worktree,
        session=agent.session if agent else None,
        session_start=rfc3339(agent.session_ms) if agent and agent.session_ms is not None else None,
        intent=presence_state.load(store.paths.var, store.host, agent.name).of(agent.session).intent if agent else "",
        identity_file=file,
        source=caller.source,
        registered=agent is not None,
    )
