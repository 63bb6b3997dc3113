"""Where everything is. Found by reading a few small files of git, without starting git (3 ms) or pathlib (7 ms).

All worktrees of one clone share one store, because they share git's common directory. Only identities and contexts
belong to a single worktree.
"""

import os
from typing import NamedTuple

from thrum_store.errors import Invalid, NotARepository, NotInitialized, Refused

from . import gitfiles


class Paths(NamedTuple):
    """The places of one store, as seen from one worktree. All are absolute."""

    root: str  # this worktree
    git_dir: str  # this worktree's own git directory
    common: str  # the git directory that all worktrees share
    thrum: str  # the shared .thrum
    local: str  # this worktree's .thrum: identities, contexts, redirect

    @property
    def var(self) -> str:
        """What is local to this machine and can be made again."""
        return os.path.join(self.thrum, "var")

    @property
    def identities(self) -> str:
        """The identity files of this worktree; they never follow the redirect."""
        return os.path.join(self.local, "identities")

    @property
    def sync(self) -> str:
        """The worktree of the branch a-sync."""
        return os.path.join(self.common, "thrum-sync", "a-sync")

    @property
    def logs(self) -> str:
        """The logs: one directory per store, in it one per agent."""
        return os.path.join(self.sync, "v1")

    @property
    def bells(self) -> str:
        """The FIFOs of those who wait."""
        return os.path.join(self.var, "bells")

    @property
    def worktree(self) -> str:
        """This worktree's name: git's own for a linked one, `main` for the first; it survives a move."""
        if self.git_dir == self.common:
            return "main"
        return os.path.basename(self.git_dir)

    @property
    def branch(self) -> str:
        """The branch this worktree is on, read from HEAD; a short commit id where it is detached."""
        try:
            head = gitfiles.line(os.path.join(self.git_dir, "HEAD"))
        except OSError:
            return ""
        return head.removeprefix("ref: refs/heads/") if head.startswith("ref:") else head[:12]

    @property
    def initialized(self) -> bool:
        """Whether there is a store here."""
        return os.path.exists(os.path.join(self.var, "store.json"))


def find(start: str = ".") -> Paths:
    """The places around `start`, whether there is a store or not.

    Raises NotARepository, or Invalid where `start` does not exist or a redirect leads to another repository.
    """
    here = os.path.realpath(start)
    if not os.path.isdir(here):
        raise Invalid(f"there is no directory {start!r}", hint="name an existing one with --repo PATH")
    root = gitfiles.worktree_root(here)
    if root is None:
        raise NotARepository(start if start != "." else here)
    git_dir = gitfiles.git_dir(root)
    common = gitfiles.common_dir(git_dir)
    thrum = gitfiles.shared(common)
    local = os.path.join(root, ".thrum")
    return Paths(root, git_dir, common, _redirected(local, thrum), local)


def initialized(start: str = ".") -> Paths:
    """Like `find`, and raises NotInitialized where there is no store yet, or Refused where it is another user's."""
    paths = find(start)
    if not paths.initialized:
        if os.path.isdir(paths.thrum) and not os.access(paths.thrum, os.X_OK):
            raise Refused(f"{paths.thrum} is another user's", hint="each user works in a clone of their own")
        raise NotInitialized(paths.root)
    return paths


def _redirected(local: str, shared: str) -> str:
    """The redirect says where the store is; it may only name the one that git says as well (reliability G12)."""
    pointer = os.path.join(local, "redirect")
    if not os.path.isfile(pointer):
        return shared
    target = gitfiles.line(pointer)
    if os.path.realpath(target) != os.path.realpath(shared):
        raise Invalid(
            f"{pointer} leads to {target}, which is not the store of this repository",
            hint=f"remove that file, or let `thrum setup` write it anew; this store is {shared}",
        )
    return shared
