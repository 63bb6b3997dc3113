"""Removal of this store's agents: one by name, or all that are no longer used."""

from __future__ import annotations

import os

from thrum_store import identity, presence_state
from thrum_store.errors import Forbidden, Invalid, NeedsConfirmation
from thrum_store.log.events import Draft
from thrum_store.repository import worktrees
from thrum_store.repository.git_runner import GitRunner
from thrum_store.service import message_parts
from thrum_store.store import Store, use_case
from thrum_store.values import Record, rfc3339
from thrum_store.view.queries import lookup
from thrum_store.view.queries.lookup import Agent

from . import contexts, presence

_DAY_MS = 86_400_000


class AgentDeleted(Record):
    """A deleted agent, and how many of its messages went with it."""

    address: str
    deleted: bool
    messages: int


class Cleanup(Record):
    """Request to clean up agents not seen for `threshold` days. `force` deletes them; else they are only listed."""

    threshold: int = 30
    force: bool = False
    dry_run: bool = False


class Orphan(Record):
    """An agent that is no longer used: its worktree is gone, or it was not seen for a long time."""

    address: str
    role: str
    module: str
    worktree: str
    branch: str
    last_seen_at: str
    worktree_missing: bool
    branch_missing: bool
    days_since_last_seen: int
    message_count: int


class CleanedUp(Record):
    """The unused agents, and the names of the deleted ones."""

    orphans: tuple[Orphan, ...]
    deleted: tuple[str, ...]
    dry_run: bool


@use_case
def delete(store: Store, name: str, *, by: str = "", force: bool = False) -> AgentDeleted:
    """Delete an agent of this store: registration, identity, context, and its messages in every mailbox.

    Its log stays until a purge; the same name can be registered again. Raises NeedsConfirmation without `force`,
    NotFound, and Forbidden for an agent of another store.
    """
    agent = _own(store, name)
    count = lookup.authored(store.view, agent.id)
    if not force:
        along = f" and {count} of its messages" if count else ""
        raise NeedsConfirmation(
            f"this deletes the agent {agent.name!r}{along}",
            hint=f"to confirm: `thrum agent delete {agent.name} --force`",
        )
    with store.writing(agent.name) as shard:
        shard.append(Draft("agent.delete", {"by": by}))
        presence_state.forget(store.paths.var, store.host, agent.name)
        contexts.withdraw(store, agent.name)
    home = worktrees.places(store.paths, store.host).get(agent.worktree)
    if home is not None:
        local = store.paths.local_of(agent.worktree, home)
        store.host.storage.remove(os.path.join(local, "identities", f"{agent.name}.json"))
        contexts.remove(store.host, local, agent.name)
    return AgentDeleted(agent.name, True, count)


@use_case
def cleanup(store: Store, request: Cleanup, *, by: str = "") -> CleanedUp:
    """List this store's unused agents; delete them with `force`.

    Agents that are active, work in another existing worktree or belong to another machine are kept. Raises Invalid.
    """
    if request.force and request.dry_run:
        raise Invalid("--dry-run and --force exclude each other", hint="use --dry-run first, then --force")
    if request.threshold < 1:
        raise Invalid(f"a threshold of {request.threshold} days is too low", hint="use 1 or more")
    orphans = tuple(_orphans(store, request.threshold, by))
    deleted = [delete(store, orphan.address, by=by, force=True).address for orphan in orphans if request.force]
    return CleanedUp(orphans, tuple(deleted), request.dry_run)


def _own(store: Store, name: str) -> Agent:
    bare = identity.agent_name(name)
    matches = lookup.named(store.view, bare.partition("@")[0])
    mine = next((agent for agent in matches if agent.own and "@" not in bare), None)
    if mine is not None:
        return mine
    if matches:
        raise Forbidden(f"{bare!r} belongs to another store", hint="delete it on its own machine")
    raise message_parts.unknown_agent(bare)


def _orphans(store: Store, threshold: int, by: str) -> list[Orphan]:
    now = presence.now(store)
    places = worktrees.places(store.paths, store.host)
    branches = set(GitRunner(store.paths.root).run("for-each-ref", "--format=%(refname:short)", "refs/heads").split())
    orphans: list[Orphan] = []
    for agent in lookup.listed(store.view):
        missing = agent.worktree not in places
        days = max(now.now_ms - agent.seen_ms, 0) // _DAY_MS
        stale = agent.worktree == store.paths.worktree and days >= threshold
        idle = agent.own and agent.kind != "user" and agent.name != by and now.status(agent) == "offline"
        if idle and (missing or stale):
            orphans.append(_orphan(store, agent, missing, days, branches))
    return orphans


def _orphan(store: Store, agent: Agent, missing: bool, days: int, branches: set[str]) -> Orphan:
    status = presence_state.load(store.paths.var, store.host, agent.name).changes
    branch = worktrees.branch(store.paths, agent.worktree) or (status.branch if status else "")
    return Orphan(
        address=agent.name,
        role=agent.role,
        module=agent.module,
        worktree=agent.worktree,
        branch=branch,
        last_seen_at=rfc3339(agent.seen_ms),
        worktree_missing=missing,
        branch_missing=bool(branch) and branch not in branches,
        days_since_last_seen=days,
        message_count=lookup.authored(store.view, agent.id),
    )
