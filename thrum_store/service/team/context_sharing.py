"""Sharing a saved context: a copy in the branch a-sync, for other worktrees and machines."""

from __future__ import annotations

from dataclasses import dataclass

from thrum_store.errors import NotRegistered
from thrum_store.store import Store, use_case
from thrum_store.sync.cycle import synchronize
from thrum_store.sync.wire import signed_files
from thrum_store.view.queries import agents

from .contexts import in_worktree, shared_path


@dataclass(frozen=True)
class Shared:
    """Whether an agent's context went into the branch a-sync: shared, unchanged, or nothing where none was saved."""

    agent_id: str
    status: str
    size: int


@use_case
def share(store: Store, agent: str) -> Shared:
    """Puts the agent's context of this worktree into the branch a-sync; a sync carries it on.

    Raises Invalid, and NotRegistered for an agent that this store does not have.
    """
    found = in_worktree(store.paths, store.host, agent)
    if agents.own(store.view, agent) is None:
        raise NotRegistered(agent)
    data = (found.content or "").encode()
    if not data or signed_files.read(store, store.own, shared_path(agent)) == data:
        return Shared(agent, "unchanged" if data else "nothing", len(data))
    signed_files.save(store, store.own, shared_path(agent), data)
    synchronize(store, local_only=True)
    return Shared(agent, "shared", len(data))
