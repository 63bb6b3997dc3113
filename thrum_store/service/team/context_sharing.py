"""Sharing of a saved context through the branch a-sync, with other worktrees and machines, and its withdrawal."""

from __future__ import annotations

from thrum_store.errors import NotRegistered
from thrum_store.repository.paths import shared_context
from thrum_store.store import Store, use_case
from thrum_store.sync.cycle import synchronize
from thrum_store.sync.wire import signed_files
from thrum_store.values import Record
from thrum_store.view.queries import lookup

from . import contexts
from .contexts import in_worktree


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
    if not data or signed_files.read(store, store.own, shared_context(agent)) == data:
        return Shared(agent, "unchanged" if data else "nothing", len(data))
    signed_files.save(store, store.own, shared_context(agent), data)
    synchronize(store, local_only=True)
    return Shared(agent, "shared", len(data))


class Cleared(Record):
    """A removed context. `existed`: there was one; `shared`: a shared copy left the tip of a-sync with it."""

    address: str
    existed: bool
    shared: bool


@use_case
def clear(store: Store, agent: str) -> Cleared:
    """Remove the agent's context from this worktree, and the copy that it shared from the tip of the branch a-sync.

    The preamble and the history of the branch stay. Raises Invalid for a malformed name.
    """
    existed, path = contexts.forget(store, agent), shared_context(agent)
    signed = signed_files.heads(store, store.own)
    shared = bool(signed_files.read(store, store.own, path)) or (signed is not None and path in signed.files)
    if shared:
        contexts.withdraw(store, agent)
        synchronize(store, local_only=True)
    return Cleared(agent, existed, shared)
