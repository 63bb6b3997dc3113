"""Sharing of a saved context through the branch a-sync, with other worktrees and machines."""

from __future__ import annotations

from thrum_store.errors import NotRegistered
from thrum_store.store import Store, use_case
from thrum_store.sync.cycle import synchronize
from thrum_store.sync.wire import signed_files
from thrum_store.values import Record
from thrum_store.view.queries import lookup

from .contexts import in_worktree, shared_path


class Shared(Record):
    """The result of sharing a context. `status`: shared, unchanged, or nothing if none was saved."""

    address: str
    status: str
    size: int


@use_case
def share(store: Store, agent: str) -> Shared:
    """Copy the agent's context of this worktree into the branch a-sync; the next sync publishes it.

    Raises Invalid, and NotRegistered for an agent that this store does not have.
    """
    context = in_worktree(store.paths, store.host, agent)
    if lookup.own(store.view, agent) is None:
        raise NotRegistered(agent)
    data = (context.content or "").encode()
    if not data or signed_files.read(store, store.own, shared_path(agent)) == data:
        return Shared(agent, "unchanged" if data else "nothing", len(data))
    signed_files.save(store, store.own, shared_path(agent), data)
    synchronize(store, local_only=True)
    return Shared(agent, "shared", len(data))
