"""Answers of git in each worktree of this clone, and the worktrees that it cannot answer for.

An agent may be editing in a worktree that did not answer: only if all did can anybody say that nobody is.
"""

from __future__ import annotations

from thrum_store.repository import worktrees
from thrum_store.repository.git_runner import GitFailed, GitRunner
from thrum_store.values import NamedTuple, Record
from thrum_store.view.queries import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from thrum_store.repository.worktrees import Worktree
    from thrum_store.store import Store


class Unanswered(Record):
    """A worktree that git cannot answer for, with the reason and a way out."""

    worktree: str
    worktree_path: str
    reason: str
    hint: str


class Answers(NamedTuple):
    """The answers by worktree, and the worktrees without one."""

    known: dict[str, Any]
    unanswered: tuple[Unanswered, ...]


def ask(store: Store, question: Callable[[GitRunner], object]) -> Answers:
    """Ask git in each worktree. One that is away counts as long as an agent is registered in it."""
    known: dict[str, Any] = {}
    unanswered: list[Unanswered] = []
    inhabited = {agent_home(store, agent) for agent in lookup.listed(store.view) if agent.own}
    for tree in worktrees.listed(store.paths, store.host):
        if tree.reason:
            unanswered += [] if tree.away and tree.name not in inhabited else [_silent(tree, tree.reason, tree.hint)]
            continue
        try:
            known[tree.name] = question(GitRunner(tree.root))
        except (GitFailed, OSError) as error:
            unanswered.append(_silent(tree, *_words(error)))
    return Answers(known, tuple(unanswered))


def works(git: GitRunner) -> str:
    """Read the index of a worktree, as each question about its files does. Raises GitFailed."""
    return git.run("ls-files", "-z", "--", ".thrum")


def agent_home(store: Store, agent: lookup.Agent) -> str:
    """Return the worktree that an agent works in."""
    return worktrees.home(store.paths, agent.name, agent.worktree) if agent.own else agent.worktree


def _silent(tree: Worktree, reason: str, hint: str) -> Unanswered:
    return Unanswered(tree.name, tree.root, reason, hint)


def _words(error: GitFailed | OSError) -> tuple[str, str]:
    if isinstance(error, GitFailed):
        return " ".join(error.message.split()), error.hint or ""
    return str(error.strerror or error), "run `thrum doctor`"
