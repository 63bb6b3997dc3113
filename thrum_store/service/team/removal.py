"""Removal of this store's agents: one by name, or all that are no longer used."""

from __future__ import annotations

import os

from thrum_store import identity, presence_state
from thrum_store.errors import Forbidden, Invalid, NeedsConfirmation
from thrum_store.log.events import Draft
from thrum_store.repository import worktrees
from thrum_store.repository.git_files import MAIN
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.worktrees import Worktree
from thrum_store.service import message_parts
from thrum_store.store import Store, use_case
from thrum_store.values import Record, rfc3339
from thrum_store.view.queries import lookup, mailbox
from thrum_store.view.queries.lookup import Agent

from . import contexts, presence

_DAY_MS = 86_400_000
_STALE_DAYS = 30


class AgentDeleted(Record):
    """A deleted agent, and how many of its messages went with it."""

    address: str
    deleted: bool
    messages: int


class Cleanup(Record):
    """Request to clean up agents not seen for `threshold` days. `force` deletes them; else they are only listed.

    `only` names those that were listed before: others are left alone.
    """

    threshold: int = _STALE_DAYS
    force: bool = False
    dry_run: bool = False
    only: tuple[str, ...] | None = None


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
def planned(store: Store, name: str) -> AgentDeleted:
    """Return what `delete` would delete. Raises NotFound, and Forbidden for an agent of another store."""
    agent = _own(store, name)
    return AgentDeleted(agent.name, False, mailbox.authored(store.view, agent.id))


@use_case
def delete(store: Store, name: str, *, by: str = "", force: bool = False) -> AgentDeleted:
    """Delete an agent of this store: registration, identity, context, and its messages in every mailbox.

    Its log stays until a purge; the same name can be registered again. Without `force` only the caller `by` and agents
    that nobody uses are deleted. Raises NeedsConfirmation, NotFound, and Forbidden for an agent of another store.
    """
    agent = _own(store, name)
    count = mailbox.authored(store.view, agent.id)
    if not force and agent.name != by and not _Use(store, by).is_over(agent, _STALE_DAYS):
        along = f" and {count} of its messages" if count else ""
        raise NeedsConfirmation(
            f"{agent.name!r} is another agent, and it is in use; this deletes it{along}",
            hint=f"to confirm: `thrum agent delete {agent.name} --yes`",
        )
    with store.writing(agent.name) as shard:
        _remove_files(store, agent)  # first: after an error or a kill the agent is still there, to be deleted again
        shard.append(Draft("agent.delete", {"by": by}))
    return AgentDeleted(agent.name, True, count)


def _remove_files(store: Store, agent: Agent) -> None:
    worktree = worktrees.home(store.paths, agent.name, agent.worktree)
    home = worktrees.places(store.paths, store.host).get(worktree)
    if home is not None:
        local = store.paths.local_of(worktree, home)
        store.host.storage.remove(os.path.join(local, "identities", f"{agent.name}.json"))
        contexts.remove(store.host, local, agent.name)
    contexts.withdraw(store, agent.name)
    presence_state.forget(store.paths.var, store.host, agent.name)


@use_case
def cleanup(store: Store, request: Cleanup, *, by: str = "") -> CleanedUp:
    """List this store's unused agents, in all worktrees; delete them with `force`.

    The caller `by`, agents that are active in an existing worktree and those of other machines stay. Raises Invalid.
    """
    if request.force and request.dry_run:
        raise Invalid("--dry-run and --force are mutually exclusive", hint="use --dry-run first, then --force")
    if request.threshold < 1:
        raise Invalid(f"a threshold of {request.threshold} days is too low", hint="use 1 or more")
    orphans = tuple(_orphans(store, request, by))
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


class _Use:
    """The use of agents at this moment: who is active, and whose worktree is there."""

    def __init__(self, store: Store, by: str) -> None:
        self._store, self._by, self._now = store, by, presence.now(store)
        self._trees = {tree.name: tree for tree in worktrees.listed(store.paths, store.host)}

    def days(self, agent: Agent) -> int:
        """Return for how many whole days an agent was not seen."""
        return max(self._now.now_ms - agent.seen_ms, 0) // _DAY_MS

    def has_no_worktree(self, agent: Agent) -> bool:
        """Return whether git lists no worktree of an agent, or one that is not there; some agents have none."""
        tree = self._tree(agent)
        return bool(agent.worktree) and (tree is None or _is_gone(tree))

    def is_over(self, agent: Agent, threshold: int) -> bool:
        """Return whether nobody uses an agent: its worktree is gone, or it was not seen for that many days."""
        if not agent.own or agent.kind == "user" or agent.name == self._by or self._now.listens(agent):
            return False
        unused = self.days(agent) >= threshold or self.has_no_worktree(agent)
        return self._was_left(agent) or (unused and self._now.status(agent) == "offline")

    def _was_left(self, agent: Agent) -> bool:
        """Return whether the worktree was removed after the agent was last seen, so that it cannot work any more.

        One that was moved, or that is out of sight from a container, may still have an active agent.
        """
        tree = self._tree(agent)
        if tree is None:
            return bool(agent.worktree)
        try:
            changed_ms = os.stat(os.path.dirname(tree.root)).st_mtime_ns // 1_000_000
        except OSError:
            return False
        return _is_gone(tree) and changed_ms >= agent.seen_ms

    def _tree(self, agent: Agent) -> Worktree | None:
        return self._trees.get(worktrees.home(self._store.paths, agent.name, agent.worktree))


def _is_gone(tree: Worktree) -> bool:
    """Return whether a worktree is not there; a locked one may come back, as on a disk that is not always mounted."""
    return tree.away and tree.name != MAIN and not os.path.exists(os.path.join(tree.git_dir, "locked"))


def _orphans(store: Store, request: Cleanup, by: str) -> list[Orphan]:
    use = _Use(store, by)
    branches = set(GitRunner(store.paths.root).run("for-each-ref", "--format=%(refname:short)", "refs/heads").split())
    return [
        _orphan(store, agent, use, branches)
        for agent in lookup.listed(store.view)
        if use.is_over(agent, request.threshold) and (request.only is None or agent.name in request.only)
    ]


def _orphan(store: Store, agent: Agent, use: _Use, branches: set[str]) -> Orphan:
    status = presence_state.load(store.paths.var, store.host, agent.name).changes
    branch = worktrees.branch(store.paths, agent.worktree) or (status.branch if status else "")
    return Orphan(
        address=agent.name,
        role=agent.role,
        module=agent.module,
        worktree=agent.worktree,
        branch=branch,
        last_seen_at=rfc3339(agent.seen_ms),
        worktree_missing=use.has_no_worktree(agent),
        branch_missing=bool(branch) and branch not in branches,
        days_since_last_seen=use.days(agent),
        message_count=mailbox.authored(store.view, agent.id),
    )
