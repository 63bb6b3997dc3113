"""The small files of git that say where a repository is, read without starting git (3 ms).

A hook looks here at every tool call of an agent, so this module imports nothing but `os`.
"""

from __future__ import annotations

import os


def worktree_root(here: str) -> str | None:
    """The worktree around the absolute path `here`; None outside of any."""
    while not os.path.exists(os.path.join(here, ".git")):
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above
    return here


def git_dir(root: str) -> str:
    """A worktree's own git directory: its `.git`, or where that file points to."""
    dot_git = os.path.join(root, ".git")
    if os.path.isdir(dot_git):
        return dot_git
    target = line(dot_git).removeprefix("gitdir:").strip()
    return os.path.realpath(os.path.join(root, target))


def common_dir(own: str) -> str:
    """The git directory that all worktrees share, from the one of a single worktree."""
    pointer = os.path.join(own, "commondir")
    if not os.path.exists(pointer):
        return own
    return os.path.realpath(os.path.join(own, line(pointer)))


def shared(common: str) -> str:
    """.thrum beside the first worktree's .git; inside of git's directory where that has no worktree beside it."""
    if os.path.basename(common) == ".git":
        return os.path.join(os.path.dirname(common), ".thrum")
    return os.path.join(common, ".thrum")


def line(path: str) -> str:
    """A file of one line, without what surrounds it."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().strip()
