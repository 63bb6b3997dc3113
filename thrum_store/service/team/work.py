"""Work contexts of agents as last reported, and a search for the agents that have changed a file."""

from __future__ import annotations

import os
import unicodedata

from thrum_store import presence_state
from thrum_store.errors import Invalid
from thrum_store.identity import address_of, agent_name
from thrum_store.presence_state import NOTHING, PresenceState
from thrum_store.repository import changes, worktrees
from thrum_store.repository.changes import Changes, Commit, FileChange
from thrum_store.service import git_answers, message_parts
from thrum_store.service.git_answers import Unanswered
from thrum_store.store import Store, use_case
from thrum_store.values import Record, maybe_rfc3339, replaced
from thrum_store.view.queries import lookup
from thrum_store.view.queries.lookup import Agent

from . import presence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class WorkContext(Record):
    """The work of an agent. `git_updated_at`: the time of its git status; None if it has none."""

    session: str | None
    address: str
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

    JSON = "* session_id=session"


class WantContexts(Record):
    """Request for work contexts: of an agent (a name or a role), on a branch, with a file, … None means any."""

    agent: str | None = None
    branch: str | None = None
    file: str | None = None
    role: str | None = None
    module: str | None = None
    directory: str = "."  # the caller's, for a relative `file`


class WorkContexts(Record):
    """Work contexts, those of active agents first."""

    contexts: tuple[WorkContext, ...]


class WhoHas(Record):
    """The contexts of the agents that have changed a file, with matching files only; and who could not be asked."""

    file: str
    contexts: tuple[WorkContext, ...]
    unanswered: tuple[Unanswered, ...] = ()


@use_case
def contexts(store: Store, wanted: WantContexts) -> WorkContexts:
    """Return the last reported work contexts. Raises NotFound for an unknown agent or role."""
    pairs = _all(store)
    if wanted.agent is not None:
        bare = agent_name(wanted.agent)
        pairs = [(agent, work) for agent, work in pairs if bare in (agent.name, agent.role, work.address)]
        if not pairs:
            raise message_parts.unknown_agent(bare, "agent or role")
    pairs = [pair for pair in pairs if wanted.role in (None, pair[0].role) and wanted.module in (None, pair[0].module)]
    kept = [work for _, work in pairs if wanted.branch in (None, work.branch)]
    if wanted.file is not None:
        spellings = _spellings(store, wanted.file, wanted.directory)
        kept = [work for work in kept if any(_matches(path, spellings) for path in _files(work))]
    return WorkContexts(tuple(kept))


@use_case
def who_has(store: Store, file: str, directory: str = ".") -> WhoHas:
    """Search the agents that have changed a file: by git in each worktree of this machine, else by their last report.

    `file` may be a path in any spelling, a directory, or only the end of a path. Raises Invalid if it is empty.
    """
    spellings = _spellings(store, file, directory)
    statuses, unanswered = git_answers.ask(store, changes.look)
    matches: list[WorkContext] = []
    for agent, work in _all(store):
        status = statuses.get(agent.worktree) if agent.own else None
        context = work if status is None else _with_status(work, status, store.host.clock.wall_ms())
        narrowed = _narrowed(context, spellings)
        if narrowed is not None and _holds(store, agent):
            matches.append(narrowed)
    return WhoHas(file, tuple(matches), unanswered)


def others_in_session(store: Store, name: str) -> bool:
    """Return whether any agent but this one is in a session; asks no git."""
    return any(agent.session and agent.name != name for agent in lookup.listed(store.view))


def context_of(agent: Agent, last: PresenceState, presence: str, branch: str = "") -> WorkContext:
    """Return an agent's work context; `branch` replaces the last reported one."""
    last = last.of(agent.session)
    status = last.changes or Changes("")
    return WorkContext(
        session=agent.session,
        address=address_of(agent.name, agent.store, own=agent.own),
        status=presence,
        branch=branch or status.branch,
        worktree=agent.worktree,
        worktree_path=status.worktree_path,
        unmerged_commits=status.unmerged_commits,
        uncommitted_files=status.uncommitted_files,
        changed_files=status.changed_files,
        file_changes=status.file_changes,
        git_updated_at=maybe_rfc3339(last.changes_ms),
        current_task=last.task,
        task_updated_at=maybe_rfc3339(last.task_ms),
        intent=last.intent,
        intent_updated_at=maybe_rfc3339(last.intent_ms),
    )


def with_branches(store: Store, listed: Iterable[Agent]) -> list[tuple[Agent, WorkContext]]:
    """Return agents with their work contexts; the branches of this machine's worktrees are current."""
    last = presence_state.everyone(store.paths, store.host, store.own)
    now = presence.now(store)
    branches: dict[str, str] = {}
    pairs: list[tuple[Agent, WorkContext]] = []
    for agent in (row._replace(worktree=git_answers.agent_home(store, row)) for row in listed):
        if agent.own and agent.worktree not in branches:
            branches[agent.worktree] = worktrees.branch(store.paths, agent.worktree)
        branch = branches[agent.worktree] if agent.own else ""
        values = last.get((agent.store, agent.name), NOTHING)
        pairs.append((agent, context_of(agent, values, now.status(agent), branch)))
    return pairs


def _all(store: Store) -> list[tuple[Agent, WorkContext]]:
    pairs = with_branches(store, lookup.listed(store.view))
    return sorted(pairs, key=lambda pair: pair[1].status != "active")


def _with_status(work: WorkContext, status: Changes, now_ms: int) -> WorkContext:
    return replaced(
        work,
        branch=status.branch or work.branch,
        worktree_path=status.worktree_path,
        unmerged_commits=status.unmerged_commits,
        uncommitted_files=status.uncommitted_files,
        changed_files=status.changed_files,
        file_changes=status.file_changes,
        git_updated_at=maybe_rfc3339(now_ms),
    )


def _holds(store: Store, agent: Agent) -> bool:
    """Return whether the changes in a worktree count as this agent's: it is in a session, or registered last there."""
    if agent.session is not None:
        return True
    others = [other for other in lookup.listed(store.view) if other.store == agent.store]
    beside = [other for other in others if git_answers.agent_home(store, other) == agent.worktree]
    return not any(other.session for other in beside) and beside[0].id == agent.id


def _files(work: WorkContext) -> tuple[str, ...]:
    return (*work.changed_files, *work.uncommitted_files)


def _narrowed(work: WorkContext, spellings: frozenset[str]) -> WorkContext | None:
    """Return the context with only its matching files; None if none matches."""
    uncommitted = tuple(path for path in work.uncommitted_files if _matches(path, spellings))
    file_changes = tuple(change for change in work.file_changes if _matches(change.path, spellings))
    if not uncommitted and not file_changes:
        return None
    changed = tuple(change.path for change in file_changes)
    return replaced(work, uncommitted_files=uncommitted, file_changes=file_changes, changed_files=changed)


def _spellings(store: Store, file: str, directory: str) -> frozenset[str]:
    """Return the spellings that git may use for a path: relative to each worktree, and as given."""
    if not file.strip():
        raise Invalid("no file was given", hint="use `thrum who-has PATH`")
    absolute = os.path.realpath(os.path.join(directory, file))
    roots = {store.paths.root, *worktrees.places(store.paths, store.host).values()}
    inside = {os.path.relpath(absolute, root) for root in roots if absolute.startswith(root + os.sep)}
    given = os.path.normpath(file)
    if not os.path.isabs(given) and not given.startswith(os.pardir):
        inside.add(given)
    return frozenset(_composed(path.rstrip(os.sep)) for path in inside)


def _matches(path: str, spellings: frozenset[str]) -> bool:
    """Return whether a path equals one of the spellings, ends in it, or is inside it."""
    path = _composed(path)
    return any(path == end or path.endswith("/" + end) or path.startswith(end + "/") for end in spellings)


def _composed(text: str) -> str:
    """Normalise letters with accents: macOS writes them in two parts."""
    return unicodedata.normalize("NFC", text)
