"""Checks of `thrum doctor` for worktrees: whether git can work in each, and whether redirects name this store."""

from __future__ import annotations

import os
import shlex
from functools import partial

from thrum_store.repository import worktrees
from thrum_store.repository.git_runner import GitFailed, GitRunner
from thrum_store.repository.paths import redirect_of
from thrum_store.service import git_answers

from .findings import Check, fine, note, problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from thrum_store.machine.host import Host
    from thrum_store.repository.paths import Paths
    from thrum_store.store import Store


def unusable(paths: Paths, host: Host) -> Check | None:
    """Return the problem if git cannot work in this worktree, and then nothing else can be asked of git in it."""
    own = next((tree for tree in worktrees.listed(paths, host) if tree.git_dir == paths.git_dir), None)
    if own is None:
        where = f"{paths.root} belongs to a bare repository, in which git does not work"
        return problem("worktree", where, "go to one of its worktrees: `git worktree list` shows them")
    if own.reason:
        return problem("worktree", f"git cannot work in {paths.root}: {own.reason}", own.hint)
    try:
        git_answers.works(GitRunner(paths.root))
    except GitFailed as error:
        return problem("worktree", f"git cannot work in {paths.root}: {error.message}", error.hint or "")
    return None


def redirect(paths: Paths, host: Host) -> Iterator[Check]:
    """Check that the redirect names this store: a moved repository leaves the old path in it."""
    target = redirect_of(paths)
    if target in ("", paths.thrum) or (os.path.exists(target) and os.path.samefile(target, paths.thrum)):
        return
    message = f"the redirect of this worktree leads to {target}, and its store is {paths.thrum}"
    repair = partial(worktrees.join, paths, host)
    yield problem("redirect", message, f"`thrum setup {shlex.quote(paths.root)}`, or `thrum doctor --fix`", repair)


def answering(store: Store) -> Iterator[Check]:
    """Check that git answers in all worktrees: agents of one that is silent may be editing any file."""
    answers = git_answers.ask(store, git_answers.works)
    own = store.paths.worktree
    for silent in answers.unanswered:
        if silent.worktree != own:  # that was reported above
            message = f"git cannot answer for the worktree {silent.worktree}: {silent.reason}"
            yield note("worktree", message, silent.hint)
    if not answers.unanswered:
        yield fine("worktree", "git answers in every worktree")
