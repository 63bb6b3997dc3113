"""The reasons why no worktree is around a place, as errors that name the command that works from there."""

from __future__ import annotations

import os
import shlex

from thrum_store.errors import Forbidden, Invalid, NotARepository, NotInitialized, ThrumError

from .git_files import BrokenPointer, Location, branch_at, content, discover
from .git_places import linked_roots, root_of


class BareRepository(NotARepository):
    """Raised if the directory is in a bare repository, which has no worktree of its own."""

    code = "bare_repository"

    def __init__(self, git_dir: str, hint: str) -> None:
        ThrumError.__init__(self, f"{git_dir} is a bare repository: go to one of its worktrees", hint=hint)


class BrokenWorktree(NotARepository):
    """Raised if git cannot follow the `.git` file of a worktree."""

    code = "broken_worktree"

    def __init__(self, message: str, hint: str) -> None:
        ThrumError.__init__(self, message, hint=hint)


def around_git_dir(start: str, absolute: str) -> Location:
    """Return the worktree of the git directory around a place; git lets nobody work inside of one.

    Raises BareRepository, BrokenWorktree, NotARepository, or Invalid if there is no such directory.
    """
    if not os.path.isdir(absolute):
        raise Invalid(f"there is no directory {start!r}", hint="name an existing one with --repo PATH")
    try:
        location = discover(absolute)
    except BrokenPointer as error:
        raise broken(error.filename, error.target) from None
    except OSError as error:
        raise NotARepository(absolute, f"{error.filename}: {error.strerror}") from None
    if location is None:
        raise _nowhere(start if start != "." else absolute, absolute)
    root = root_of(location)
    if root is None:
        raise bare(location)
    return location._replace(root=root)


def without_store(root: str, thrum: str, var: str) -> Forbidden | NotInitialized:
    """Return the error for a repository whose store is missing, or out of this user's reach."""
    for directory in (thrum, os.path.dirname(var), var):
        if os.path.isdir(directory) and not os.access(directory, os.X_OK):
            return closed(directory, f"you may not enter {directory}", f"{directory} belongs to another user")
    return NotInitialized(root)


def closed(directory: str, message: str, if_another: str = "") -> Forbidden:
    """Return the error for a directory that refuses us: by its mode if it is ours, because of its owner if not."""
    from thrum_store.machine.storage_errors import opening  # only where it failed

    command = opening(directory)
    return Forbidden(message if command else if_another or message, hint=command or "work in a clone of your own")


def strange(root: str, thrum: str, target: str) -> Invalid:
    """Return the error for a redirect to a store that is not this repository's."""
    return Invalid(
        f"{os.path.join(root, '.thrum', 'redirect')} leads to {target}, which is not the store of this repository",
        hint=f"`thrum setup {shlex.quote(root)}` writes it anew; this store is {thrum}",
    )


def bare(location: Location) -> ThrumError:
    roots = linked_roots(location.common)
    branch = branch_at(location.common) or "main"
    place = os.path.join(os.pardir, branch.rpartition("/")[2])
    add = shlex.join(["git", "-C", location.common, "worktree", "add", place, branch])
    hint = f"`cd {shlex.quote(roots[0])}`" if roots else f"make one: `{add}`"
    return BareRepository(location.common, hint)


# --- a pointer that leads nowhere ---------------------------------------------------------------------------------


def broken(dot_git: str, target: str) -> BrokenWorktree:
    """Return the error for a `.git` file that leads to no git directory."""
    root = os.path.dirname(dot_git)
    if not target:
        message = f"git cannot follow {dot_git}, because it names no git directory"
        return BrokenWorktree(message, hint=_repair_anywhere(root))
    if _is_of_windows(target):
        return BrokenWorktree(f"git cannot follow {dot_git} to {target}, a path of Windows", hint=_from_windows(target))
    git_dir = os.path.join(root, target)
    return BrokenWorktree(f"git cannot follow {dot_git} to {target}", hint=_repair(root, os.path.normpath(git_dir)))


def _is_of_windows(target: str) -> bool:
    return target[1:3] in (":/", ":\\") or target.startswith(("\\\\", "//"))


def _from_windows(target: str) -> str:
    """Return a hint for a worktree that git for Windows made: seen from WSL, its drives are below /mnt."""
    unix = f"/mnt/{target[0].lower()}{target[2:]}".replace("\\", "/")
    repository = unix.partition("/.git")[0]
    if os.path.isdir(os.path.join(repository, ".git")):
        add = f"git -C {shlex.quote(repository)} worktree add PATH"
        return f"work on it with Windows' git, or add another one with the git of this system: `{add}`"
    return "work on it with Windows' git, or add another one with the git of this system: `git worktree add PATH`"


def _repair(root: str, git_dir: str) -> str:
    """Return the hint that leads a worktree back to its repository, which was probably moved."""
    if f"{os.sep}modules{os.sep}" in git_dir:
        return f"`git -C {shlex.quote(os.path.dirname(root))} submodule update --init` makes it again"
    common, _, name = git_dir.partition(f"{os.sep}worktrees{os.sep}")
    moved = _moved(root, common, name) if name else None
    if moved is None:
        return _repair_anywhere(root)
    return f"`git -C {shlex.quote(moved)} worktree repair {shlex.quote(root)}`"


def _repair_anywhere(root: str) -> str:
    return f"if its repository was moved, name its new place: `git -C REPOSITORY worktree repair {shlex.quote(root)}`"


def _moved(root: str, common: str, name: str) -> str | None:
    """Return the repository that has this worktree, if it lies beside its old place or beside the worktree."""
    old = os.path.dirname(common) if os.path.basename(common) == ".git" else common
    for above in dict.fromkeys((os.path.dirname(old), os.path.dirname(root))):
        for place in _directories(above):
            for git_dir in (os.path.join(place, ".git"), place):
                pointer = _pointer(os.path.join(git_dir, "worktrees", name))
                if pointer is not None and os.path.normpath(pointer) == os.path.join(root, ".git"):
                    return place
    return None


def _directories(above: str) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(above) if entry.is_dir()]
    except OSError:
        return []


def _pointer(git_dir: str) -> str | None:
    try:
        text = content(os.path.join(git_dir, "gitdir"))
    except OSError:
        return None
    return None if text is None else os.path.join(git_dir, text)


# --- no repository ------------------------------------------------------------------------------------------------


def _nowhere(name: str, absolute: str) -> NotARepository:
    """Return the error for a place outside of any repository: git skips a `.git` that it cannot use."""
    directory = absolute
    while not os.path.lexists(os.path.join(directory, ".git")):
        if directory == os.path.dirname(directory):
            return NotARepository(name)
        directory = os.path.dirname(directory)
    dot_git = os.path.join(directory, ".git")
    if not os.access(dot_git, os.R_OK | os.X_OK):
        return NotARepository(name, f"you may not read {dot_git}")
    if os.environ.get("GIT_CEILING_DIRECTORIES") and directory != absolute:
        return NotARepository(
            name, "GIT_CEILING_DIRECTORIES ends git's search below it", "`unset GIT_CEILING_DIRECTORIES`"
        )
    if os.stat(directory).st_dev != os.stat(absolute).st_dev:
        across = "`export GIT_DISCOVERY_ACROSS_FILESYSTEM=1`"
        return NotARepository(name, f"git does not look for {dot_git} in another file system", across)
    return NotARepository(name, f"{dot_git} is no git directory")
