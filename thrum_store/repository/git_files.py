"""The small files of git, read as git reads them: where a worktree begins, its git directories, and its branch.

Reading them takes no start of git (3 ms) and no pathlib (7 ms). Hooks load this module at each tool call.
"""

from __future__ import annotations

import os


def branch_at(git_dir: str) -> str:
    """Return the branch that HEAD names, a short commit id if it is detached, and "" without a HEAD."""
    try:
        head = first_line(os.path.join(git_dir, "HEAD"))
    except OSError:
        return ""
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref:") else head[:12]


def first_line(path: str) -> str:
    """Return the content of a one-line file without surrounding white space. Raises OSError."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().strip()


def worktree_root(directory: str) -> str | None:
    """Return the closest directory around `directory` that has a `.git`, or None."""
    while not os.path.exists(os.path.join(directory, ".git")):
        above = os.path.dirname(directory)
        if above == directory:
            return None
        directory = above
    return directory


def git_dir_of(root: str) -> str:
    """Return the git directory of a worktree: its `.git`, or the directory that this file names."""
    dot_git = os.path.join(root, ".git")
    if os.path.isdir(dot_git):
        return dot_git
    target = first_line(dot_git).removeprefix("gitdir:").strip()
    return os.path.realpath(os.path.join(root, target))


def common_dir_of(git_dir: str) -> str:
    """Return the git directory that all worktrees share."""
    pointer = os.path.join(git_dir, "commondir")
    if not os.path.exists(pointer):
        return git_dir
    return os.path.realpath(os.path.join(git_dir, first_line(pointer)))
