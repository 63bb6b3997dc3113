"""The worktrees of this clone, read from git's own pointer files without starting git."""

from __future__ import annotations

import os

from .git_files import branch_at, first_line
from .paths import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Host

MAIN = "main"  # as `Paths.worktree` calls the first one


def places(paths: Paths, host: Host) -> dict[str, str]:
    """Return the roots of the worktrees that exist now, by name, without the one of the branch a-sync."""
    roots: dict[str, str] = {}
    if os.path.basename(paths.common) == ".git":
        roots[MAIN] = os.path.dirname(paths.common)
    for name in host.storage.listing(_linked(paths, "")):
        root = _root(_linked(paths, name))
        if root is not None and root != paths.sync:
            roots[name] = root
    return roots


def branch(paths: Paths, name: str) -> str:
    """Return the branch of a worktree, a short commit id if it is detached, and "" if there is no such worktree."""
    return branch_at(paths.common if name == MAIN else _linked(paths, name))


def _linked(paths: Paths, name: str) -> str:
    return os.path.join(paths.common, "worktrees", name)


def _root(git_dir: str) -> str | None:
    try:
        pointer = first_line(os.path.join(git_dir, "gitdir"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    dot_git = os.path.normpath(os.path.join(git_dir, pointer))
    return os.path.dirname(dot_git) if os.path.isfile(dot_git) else None
