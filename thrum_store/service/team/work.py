"""Who works on what: work contexts as last told, and who has a file, as git says it now."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from thrum_store import presence_state
from thrum_store.errors import Invalid, NotFound
from thrum_store.presence_state import NOTHING, PresenceState
from thrum_store.repository import changes, worktrees
from thrum_store.repository.changes import Changes, Commit, FileChange
from thrum_store.repository.git_runner import GitFailed, GitRunner
from thrum_store.service import results
from thrum_store.store import Store, use_case
from thrum_store.times import maybe_rfc3339
from thrum_store.view.queries import agents
from thrum_store.view.queries.agents import Agent

from . import presence


@dataclass(frozen=True)
class WorkContext:
    """What an agent works on. `git_updated_at` says when git was asked; None where it never was."""

    session_id: str | None
    agent_id: str
    status: str
    branch: str
    worktree: str
    worktree_path: str
    unmerged_commits: tuple[Commit, ...]
    uncommitted_files: tuple[str, ...]
    changed_files: tuple[str, ...]
    file_changes: tuple[FileChange, ...]
    git_updated_at: str | None
    current_task: str
    task_updated_at: str | None
    intent: str
    intent_updated_at: str | None


@dataclass(frozen=True)
class WantContexts:
    """Which contexts: of an agent (a name or a role), on a branch, with a file, … None means any."""

    agent: str | None = None
    branch: str | None = None
    file: str | None = None
    role: str | None = None
    module: str | None = None
    directory: str = "."  # where the caller stands, for a relative `file`


@dataclass(frozen=True)
class WorkContexts:
    """Work contexts, of active agents first."""

    contexts: tuple[WorkContext, ...]


@dataclass(frozen=True)
class WhoHas:
    """Who has a file; contexts hold only files that match."""

    file: str
    contexts: tuple[WorkContext, ...]


@use_case
def contexts(store: Store, wanted: WantContexts) -> WorkContexts:
    """The work contexts as the agents last told them. Raises NotFound for an agent or role that nobody has."""
    found = _all(store)
    if wanted.agent is not None:
        bare = wanted.agent.removeprefix("@")
        found = [(agent, told) for agent, told in found if bare in (agent.name, agent.role, told.agent_id)]
        if not found:
            raise NotFound(f"there is no agent or role {bare!r}", hint="`thrum agent list` shows who there is")
    found = [pair for pair in found if wanted.role in (None, pair[0].role) and wanted.module in (None, pair[0].module)]
    kept = [told for _, told in found if wanted.branch in (None, told.branch)]
    if wanted.file is not None:
        spellings = _spellings(store, wanted.file, wanted.directory)
        kept = [told for told in kept if any(_matches(path, spellings) for path in _files(told))]
    return WorkContexts(tuple(kept))


@use_case
def who_has(store: Store, file: str, directory: str = ".") -> WhoHas:
    """Who has changed a file: git is asked in each worktree of this machine, for others what they told last.

    `file` may be a path in any spelling, a directory, or only the end of a path. Raises Invalid where it is empty.
    """
    spellings = _spellings(store, file, directory)
    fresh = _asked(store)
    found: list[WorkContext] = []
    for agent, told in _all(store):
        now = fresh.get(agent.worktree) if agent.own else None
        context = told if now is None else _with(told, now, store.host.clock.wall_ms())
        only = _narrowed(context, spellings)
        if only is not None and _holds(store, agent):
            found.append(only)
    return WhoHas(file, tuple(found))


def context_of(agent: Agent, last: PresenceState, status: str, branch: str = "") -> WorkContext:
    """An agent's work context; `branch` where it is known better than what was told last."""
    last = last.of(agent.session)
    told = last.changes or Changes("")
    return WorkContext(
        session_id=agent.session,
        agent_id=results.address_of(agent.name, agent.store, own=agent.own),
        status=status,
        branch=branch or told.branch,
        worktree=agent.worktree,
        worktree_path=told.worktree_path,
        unmerged_commits=told.unmerged_commits,
        uncommitted_files=told.uncommitted_files,
        changed_files=told.changed_files,
        file_changes=told.file_changes,
        git_updated_at=maybe_rfc3339(last.changes_ms),
        current_task=last.task,
        task_updated_at=maybe_rfc3339(last.task_ms),
        intent=last.intent,
        intent_updated_at=maybe_rfc3339(last.intent_ms),
    )


def with_branches(store: Store, found: Iterable[Agent]) -> list[tuple[Agent, WorkContext]]:
    """Agents with their work contexts; the branch of this machine's worktrees is read anew."""
    last = presence_state.everyone(store.paths, store.host, store.own)
    now = presence.now(store)
    branches: dict[str, str] = {}
    told: list[tuple[Agent, WorkContext]] = []
    for agent in found:
        if agent.own and agent.worktree not in branches:
            branches[agent.worktree] = worktrees.branch(store.paths, agent.worktree)
        branch = branches[agent.worktree] if agent.own else ""
        told.append((agent, context_of(agent, last.get((agent.store, agent.name), NOTHING), now.status(agent), branch)))
    return told


def _all(store: Store) -> list[tuple[Agent, WorkContext]]:
    found = with_branches(store, agents.listed(store.view))
    return sorted(found, key=lambda pair: pair[1].status != "active")


def _asked(store: Store) -> dict[str, Changes]:
    """What git says now, by worktree; one that git refuses to look at is left out."""
    found: dict[str, Changes] = {}
    for name, root in worktrees.places(store.paths, store.host).items():
        try:
            found[name] = changes.look(GitRunner(root))
        except GitFailed as error:
            store.warnings.append(f"git could not look into {root}: {error.message}")
    return found


def _with(told: WorkContext, now: Changes, now_ms: int) -> WorkContext:
    return replace(
        told,
        branch=now.branch or told.branch,
        worktree_path=now.worktree_path,
        unmerged_commits=now.unmerged_commits,
        uncommitted_files=now.uncommitted_files,
        changed_files=now.changed_files,
        file_changes=now.file_changes,
        git_updated_at=maybe_rfc3339(now_ms),
    )


def _holds(store: Store, agent: Agent) -> bool:
    """Of several agents in one worktree, those in a session; where none is, the one registered last."""
    if agent.session is not None:
        return True
    others = [one for one in agents.listed(store.view) if one.store == agent.store]
    beside = [one for one in others if one.worktree == agent.worktree]
    return not any(one.session for one in beside) and beside[0].id == agent.id


def _files(told: WorkContext) -> tuple[str, ...]:
    return (*told.changed_files, *told.uncommitted_files)


def _narrowed(told: WorkContext, spellings: frozenset[str]) -> WorkContext | None:
    """The context with only the files that match, or None where none does."""
    uncommitted = tuple(path for path in told.uncommitted_files if _matches(path, spellings))
    file_changes = tuple(change for change in told.file_changes if _matches(change.path, spellings))
    if not uncommitted and not file_changes:
        return None
    changed = tuple(change.path for change in file_changes)
    return replace(told, uncommitted_files=uncommitted, file_changes=file_changes, changed_files=changed)


def _spellings(store: Store, file: str, directory: str) -> frozenset[str]:
    """How git may write this path: from the root of a worktree, as given, and as seen from where the caller stands."""
    if not file.strip():
        raise Invalid("no file was named", hint="write `thrum who-has PATH`")
    absolute = os.path.realpath(os.path.join(directory, file))
    roots = {store.paths.root, *worktrees.places(store.paths, store.host).values()}
    inside = {os.path.relpath(absolute, root) for root in roots if absolute.startswith(root + os.sep)}
    given = os.path.normpath(file)
    if not os.path.isabs(given) and not given.startswith(os.pardir):
        inside.add(given)
    return frozenset(_composed(one.rstrip(os.sep)) for one in inside)


def _matches(path: str, spellings: frozenset[str]) -> bool:
    """Whether a path is one of these, ends in one, or lies in one."""
    path = _composed(path)
    return any(path == one or path.endswith("/" + one) or path.startswith(one + "/") for one in spellings)


def _composed(text: str) -> str:
    """One form for letters with accents: macOS writes them in two parts."""
    return unicodedata.normalize("NFC", text)
