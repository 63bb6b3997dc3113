"""The worktrees of this clone, read from git's own pointer files without starting git.

A worktree is known by its git directory. Its directory may have been moved, removed, or be out of sight in a container;
then `reason` says so, because nobody can tell what is edited in it.
"""

from __future__ import annotations

import os

from thrum_store.values import NamedTuple

from .git_files import LINKED_MAIN, MAIN, BrokenPointer, Location, branch_at, content, discover, worktree_name
from .git_places import first_root, format_of, leads_to, linked_git_dirs, linked_root
from .paths import FIRST_WORKTREE, SYNC_HOME, redirect_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Host

    from .paths import Paths


class Worktree(NamedTuple):
    """A worktree that git lists. `root` is where git looks for it; "" if nothing says where it is."""

    name: str
    git_dir: str
    root: str
    reason: str = ""  # why git cannot work in it
    hint: str = ""
    away: bool = False  # its directory was removed, moved, or is out of sight


def listed(paths: Paths, host: Host) -> list[Worktree]:
    """Return all worktrees but the one of the branch a-sync; the first one is first, unless there is none."""
    first = _first(paths, host)
    linked = [_linked(paths, git_dir) for git_dir in linked_git_dirs(paths.common)]
    return ([first] if first is not None else []) + [tree for tree in linked if not _is_ours(tree, paths)]


def places(paths: Paths, host: Host) -> dict[str, str]:
    """Return the roots of the worktrees in which git can work now, by name, without the one of the branch a-sync."""
    return {tree.name: tree.root for tree in listed(paths, host) if not tree.reason}


def branch(paths: Paths, name: str) -> str:
    """Return the branch of a worktree, a short commit id if it is detached, and "" if there is no such worktree."""
    if name == MAIN:
        return branch_at(paths.common)
    return next((branch_at(path) for path in linked_git_dirs(paths.common) if _name(path, paths) == name), "")


def home(paths: Paths, agent: str, registered: str) -> str:
    """Return the worktree of an agent: a linked one that git calls `main` was once registered as the first one is.

    Then the agent lives where its identity file is.
    """
    linked = os.path.join(paths.common, "worktrees", MAIN)
    if registered != MAIN or not os.path.isdir(linked):
        return registered
    first, other = _first_root(paths), linked_root(linked)
    return LINKED_MAIN if _lives_in(other, agent) and not _lives_in(first, agent) else MAIN


def must_work(paths: Paths, host: Host) -> None:
    """Refuse a place in which git does not work. Raises BareRepository, BrokenWorktree."""
    from .obstacles import BrokenWorktree, bare  # only for `init`

    own = next((tree for tree in listed(paths, host) if tree.git_dir == paths.git_dir), None)
    if own is None:
        raise bare(Location("", paths.git_dir, paths.common))
    if own.reason:
        raise BrokenWorktree(f"git cannot work in {paths.root}: {own.reason}", own.hint)


def join(paths: Paths, host: Host) -> list[str]:
    """Let this worktree name the shared store, also after a move of the repository; return sentences."""
    remember_first(paths, host)
    if paths.local == paths.thrum or redirect_of(paths) == paths.thrum:
        return []
    host.storage.replace(os.path.join(paths.local, "redirect"), os.fsencode(paths.thrum) + b"\n")
    return [f"this worktree shares {paths.thrum}"]


def remember_first(paths: Paths, host: Host) -> None:
    """Record where the first worktree is, if this is the first one and git's directory does not say so."""
    if paths.git_dir == paths.common and _elsewhere(paths) != paths.root:
        host.storage.replace(paths.in_var(FIRST_WORKTREE), os.fsencode(paths.root) + b"\n")


# --- the first worktree -----------------------------------------------------------------------------------------------


def _first(paths: Paths, host: Host) -> Worktree | None:
    """Return the first worktree, or None for a bare repository: one that never had an index."""
    root = _first_root(paths)
    try:
        bare_by = format_of(paths.common).bare_by
    except OSError as error:
        return _unreadable(Worktree(MAIN, paths.common, root or ""), error)
    if bare_by:
        if not os.path.exists(os.path.join(paths.common, "index")):
            return None
        return _bare(Worktree(MAIN, paths.common, root or ""), bare_by)
    if root is None:
        reason = "nothing says where the first worktree is"
        return Worktree(MAIN, paths.common, "", reason, "run `thrum init` in it", away=True)
    return Worktree(MAIN, paths.common, root)


def _unreadable(tree: Worktree, error: OSError) -> Worktree:
    return tree._replace(reason=f"{error.filename}: {error.strerror}", hint="look at its owner and its mode")


def _bare(tree: Worktree, bare_by: str) -> Worktree:
    reason = "core.bare is set, so git takes its repository for a bare one"
    return tree._replace(reason=reason, hint=f"`git config --file {_quoted(bare_by)} core.bare false`")


def _first_root(paths: Paths) -> str | None:
    """Return the root of the first worktree: this one, or as it is known elsewhere."""
    return paths.root if paths.git_dir == paths.common else _elsewhere(paths)


def _elsewhere(paths: Paths) -> str | None:
    """Return the root of the first worktree as the other ones know it: by the record, or by git's directory."""
    recorded = content(paths.in_var(FIRST_WORKTREE))
    if recorded and leads_to(recorded, paths.common):
        return recorded
    return first_root(paths.common)


# --- linked worktrees -------------------------------------------------------------------------------------------------


def _name(git_dir: str, paths: Paths) -> str:
    return worktree_name(git_dir, paths.common)


def _is_ours(tree: Worktree, paths: Paths) -> bool:
    """Return whether a worktree is the one of the branch a-sync, also after a move of the repository."""
    inside = os.path.join(SYNC_HOME, "a-sync")
    return tree.root == os.path.join(paths.common, inside) or (tree.away and tree.root.endswith(f"{os.sep}{inside}"))


def _linked(paths: Paths, git_dir: str) -> Worktree:
    """Return a linked worktree, after a look at both pointers between it and its git directory."""
    name = _name(git_dir, paths)
    root = paths.root if git_dir == paths.git_dir else linked_root(git_dir)
    try:
        bare_by = format_of(paths.common, git_dir).bare_by
    except OSError as error:
        return _unreadable(Worktree(name, git_dir, root or ""), error)
    if root is not None and bare_by:
        return _bare(Worktree(name, git_dir, root), bare_by)
    if git_dir == paths.git_dir:
        return Worktree(name, git_dir, paths.root)  # it is here, wherever git thinks that it is
    if root is None:
        return Worktree(name, git_dir, "", "git has lost its place", "`git worktree prune` forgets it", away=True)
    if not os.path.isdir(root):
        hint = "`git worktree repair NEW-PATH` if it was moved, `git worktree prune` if it was removed"
        return Worktree(name, git_dir, root, f"{root} is not there, or out of sight from here", hint, away=True)
    return _checked(Worktree(name, git_dir, os.path.realpath(root)))


def _checked(tree: Worktree) -> Worktree:
    repair = f"`git worktree repair {_quoted(tree.root)}`"
    try:
        location = discover(tree.root)
    except BrokenPointer as error:
        return tree._replace(reason=f"git cannot follow {error.filename} to {error.target or 'anything'}", hint=repair)
    except OSError as error:
        return _unreadable(tree, error)
    if location is None or location.root != tree.root:
        return tree._replace(reason=f"{tree.root} has no .git that git can use", hint=repair, away=True)
    if location.git_dir != tree.git_dir:
        reason = f"{tree.root} belongs to another clone, {location.common}"
        return tree._replace(reason=reason, hint="`git worktree prune` forgets it", away=True)
    return tree


def _quoted(path: str) -> str:
    import shlex  # only where something is wrong

    return shlex.quote(path)


def _lives_in(root: str | None, agent: str) -> bool:
    return root is not None and os.path.exists(os.path.join(root, ".thrum", "identities", f"{agent}.json"))
