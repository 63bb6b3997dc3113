"""The worktrees of this clone, as git's own pointer files tell them: no git is started for it."""

from __future__ import annotations

import os

from thrum_store.machine.host import Host

from .paths import Paths

MAIN = "main"  # how `Paths.worktree` names the first one


def places(paths: Paths, host: Host) -> dict[str, str]:
    """The roots of the worktrees that exist now, by name; the one of the branch a-sync is none of them."""
    found: dict[str, str] = {}
    if os.path.basename(paths.common) == ".git":
        found[MAIN] = os.path.dirname(paths.common)
    inside = os.path.join(paths.common, "worktrees")
    for name in host.storage.listing(inside):
        root = _root(os.path.join(inside, name), host)
        if root is not None and root != paths.sync:
            found[name] = root
    return found


def _root(admin: str, host: Host) -> str | None:
    try:
        pointer = host.storage.read(os.path.join(admin, "gitdir")).decode("utf-8", "surrogateescape").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    dot_git = os.path.normpath(os.path.join(admin, pointer))
    return os.path.dirname(dot_git) if os.path.isfile(dot_git) else None


def branch(paths: Paths, host: Host, name: str) -> str:
    """The branch a worktree is on, a short commit id where it is detached; empty where there is no such worktree."""
    git_dir = paths.common if name == MAIN else os.path.join(paths.common, "worktrees", name)
    try:
        head = host.storage.read(os.path.join(git_dir, "HEAD")).decode("utf-8", "surrogateescape").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref:") else head[:12]
