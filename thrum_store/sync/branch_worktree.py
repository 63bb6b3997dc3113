"""The branch a-sync and its worktree, which holds the logs: how `init` makes them."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.repository.git_runner import GitRunner
    from thrum_store.repository.paths import Paths

BRANCH = "a-sync"
_REF = f"refs/heads/{BRANCH}"


def complete(paths: Paths, git: GitRunner) -> list[str]:
    """Make the branch and its worktree where they are missing; return sentences."""
    steps: list[str] = []
    if git.asks("rev-parse", "--verify", "--quiet", _REF) is None:
        tip, step = _first_commit(git)
        git.run("update-ref", _REF, tip, "")
        steps.append(step)
    if not os.path.exists(os.path.join(paths.sync, ".git")):
        git.run("worktree", "prune")
        git.run("worktree", "add", "--force", "--no-checkout", "--quiet", paths.sync, BRANCH)
        steps.append("created the worktree .git/thrum-sync/a-sync")
    return steps


def _first_commit(git: GitRunner) -> tuple[str, str]:
    """Return the commit that the branch begins with (a remote's branch, or an empty tree), and a sentence."""
    known = git.run("for-each-ref", "--format=%(objectname)", f"refs/remotes/*/{BRANCH}").split()
    if known:
        return known[0], f"adopted the branch {BRANCH} of the remote"
    tree = git.run("mktree")
    return git.run("commit-tree", tree, "-m", "thrum: first commit"), f"created the orphan branch {BRANCH}"
