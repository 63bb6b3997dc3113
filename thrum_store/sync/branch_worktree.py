"""The branch a-sync and its worktree, which holds the logs: making, completing and locking them.

Git gives each worktree an entry, a directory under `worktrees/` of the git directory. Only our own entry is touched; no
entry is ever pruned, because that of a worktree on an unplugged drive holds the user's HEAD and index.
"""

from __future__ import annotations

import os
import shlex

from thrum_store.machine.host import failpoint
from thrum_store.repository.git_files import first_line
from thrum_store.repository.git_runner import GitFailed, GitRunner
from thrum_store.repository.paths import INIT_LOCK

from . import admit_branch
from .admit_branch import BRANCH, FIRST_COMMIT, FOREIGN, FRESH, GO, REF, STORES, ForeignBranch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from thrum_store.machine.host import Host
    from thrum_store.repository.paths import Paths

LOCK_REASON = "the logs of thrum, with messages that no remote has yet; `git worktree unlock` it only to delete them"
_PLACE = os.path.join(os.sep, "thrum-sync", BRANCH, ".git")  # as the place in every entry of ours ends
_THRUMS = (STORES, FRESH, GO)
_MIGRATE = f"the branch {BRANCH} holds messages of the Go program: `thrum migrate` brings them in"


# --- before anything is written ---------------------------------------------------------------------------------------


def check(paths: Paths, git: GitRunner, host: Host) -> list[str]:
    """Refuse a branch a-sync that is not thrum's; return warnings. Writes nothing. Raises ForeignBranch."""
    admit_branch.check_name(git)
    if git.asks("rev-parse", "--verify", "--quiet", f"{REF}^{{tree}}") is None:
        _check_lost_tip(paths, host)
        kind = next((layout for _, _, layout in _tips(git) if layout in _THRUMS), "")
    else:
        hint = f"{admit_branch.renaming([BRANCH], admit_branch.branches_of(git))}, then `thrum init`"
        kind = admit_branch.check(git, git.run("rev-parse", "--verify", REF), f"the branch {BRANCH}", hint)
        check_not_checked_out(paths, git)
    return [*([_MIGRATE] if kind == GO else []), *_foreign_remotes(git)]


def _check_lost_tip(paths: Paths, host: Host) -> None:
    """Refuse a branch whose tip is lost, unless the logs are there: then the branch is made from them again."""
    loose = _loose(paths)
    if os.path.isfile(loose) and not host.storage.listing(paths.logs):
        raise ForeignBranch(
            f"the branch {BRANCH} names a commit that this clone does not have, so nobody can tell whose it is",
            hint=f"fetch or restore that commit, or remove the branch: `rm {shlex.quote(loose)}`",
        )


def _loose(paths: Paths) -> str:
    return os.path.join(paths.common, *REF.split("/"))


def check_not_checked_out(paths: Paths, git: GitRunner) -> None:
    """Refuse to move a branch that the user has checked out. Raises ForeignBranch, which names the worktree."""
    for entry in git.run("worktree", "list", "--porcelain").split("\n\n"):
        lines = entry.split("\n")
        place = lines[0].removeprefix("worktree ")
        if f"branch {REF}" in lines and not _is_ours(place, paths) and os.path.isdir(place):
            raise ForeignBranch(
                f"the branch {BRANCH} is checked out in {place}, and each sync would change it under your hands",
                hint=f"`git -C {shlex.quote(place)} switch --detach`, then repeat the command",
            )


def _is_ours(place: str, paths: Paths) -> bool:
    """Return whether a worktree is the one of a-sync, also of a repository that was moved since."""
    named = os.path.join(place, ".git").endswith(_PLACE)
    return named or os.path.realpath(place) == os.path.realpath(paths.sync)


# --- the remotes' branches that git has fetched -----------------------------------------------------------------------


def _remotes(git: GitRunner) -> list[str]:
    """Return the remotes, first the one that a sync uses."""
    preferred = git.asks("config", "--get", "thrum.remote") or "origin"
    return sorted(filter(None, git.run("remote").split("\n")), key=lambda name: (name != preferred, name))


def _tips(git: GitRunner) -> Iterator[tuple[str, str, str]]:
    """Yield remote, commit and layout of each fetched branch a-sync."""
    for remote in _remotes(git):
        commit = git.asks("rev-parse", "--verify", "--quiet", f"refs/remotes/{remote}/{BRANCH}^{{commit}}")
        if commit:
            yield remote, commit, admit_branch.layout(git, commit)


def _fetched(git: GitRunner) -> str:
    """Return the first fetched branch that is thrum's, or an empty text."""
    return next((commit for _, commit, layout in _tips(git) if layout in _THRUMS), "")


def _foreign_remotes(git: GitRunner) -> list[str]:
    """Return a sentence for each remote that a sync could not use."""
    sentences = [
        f"the branch {BRANCH} of {remote!r} is not thrum's: {admit_branch.contents(git, commit)}. It stays as it is, "
        "and no message goes there"
        for remote, commit, layout in _tips(git)
        if layout == FOREIGN
    ]
    for remote in _remotes(git):
        below = git.run("for-each-ref", "--count=1", "--format=%(refname)", f"refs/remotes/{remote}/{BRANCH}/")
        if below:
            name = below.removeprefix(f"refs/remotes/{remote}/")
            sentences.append(
                f"{remote!r} has a branch {name}, beside which it cannot have {BRANCH}: no message goes there"
            )
    return sentences


# --- making -----------------------------------------------------------------------------------------------------------


def complete(paths: Paths, git: GitRunner, host: Host) -> list[str]:
    """Make the branch and its worktree where they are missing, and lock the worktree; return sentences."""
    steps: list[str] = []
    if git.asks("rev-parse", "--verify", "--quiet", f"{REF}^{{tree}}") is None:
        drop_lost_tip(paths, git, host)
        tip, step = _first_commit(git)
        git.run("update-ref", "--no-deref", REF, tip, "")
        steps.append(step)
    failpoint("init.branch")
    return steps + complete_worktree(paths, git, host)


def keep(paths: Paths, host: Host) -> None:
    """Complete branch and worktree if the worktree is gone, or not locked yet: an older version did not lock it."""
    if paths.guest or (os.path.exists(os.path.join(paths.sync, ".git")) and is_locked(paths, host)):
        return
    git = GitRunner(paths.root)
    admit_branch.check_name(git)
    with host.lock(paths.in_var(INIT_LOCK)):
        complete(paths, git, host)


def complete_worktree(paths: Paths, git: GitRunner, host: Host) -> list[str]:
    """Make the worktree of the branch, or git's link to it, where they are missing; lock it; return sentences.

    A guest has none: its logs lie in a directory of its own.
    """
    if paths.guest:
        return []
    steps: list[str] = []
    if not is_linked(paths, host):
        entries = _own_entries(paths, host)
        if os.path.isdir(paths.sync) and host.storage.listing(paths.sync):
            _link(paths, entries[0] if entries else _new_entry(paths, git, host), host)
            steps.append("linked the worktree .git/thrum-sync/a-sync with git again")
        else:
            _add(git, paths.sync)
            steps.append("created the worktree .git/thrum-sync/a-sync")
    failpoint("init.worktree")
    _lock(paths, host)
    ours = GitRunner(paths.sync)
    if ours.asks("symbolic-ref", "--quiet", "HEAD") != REF:
        ours.run("symbolic-ref", "HEAD", REF)
    return steps


def is_linked(paths: Paths, host: Host) -> bool:
    """Return whether the worktree of the branch and its entry name each other."""
    try:
        pointer = first_line(os.path.join(paths.sync, ".git")).removeprefix("gitdir:").strip()
    except OSError:
        return False
    entry = os.path.realpath(os.path.join(paths.sync, pointer))
    return any(entry == os.path.realpath(own) and _names_us(paths, own) for own in _own_entries(paths, host))


def is_locked(paths: Paths, host: Host) -> bool:
    """Return whether git refuses to remove or prune the worktree of the branch."""
    return all(host.storage.size(os.path.join(entry, "locked")) >= 0 for entry in _own_entries(paths, host))


def drop_lost_tip(paths: Paths, git: GitRunner, host: Host) -> None:
    """Delete a branch whose commit is lost: it is made from the logs again."""
    if git.asks("rev-parse", "--verify", "--quiet", f"{REF}^{{tree}}") is not None:
        return
    git.asks("update-ref", "--no-deref", "-d", REF)
    if os.path.isfile(_loose(paths)):  # an empty file, which git itself refuses to delete
        host.storage.remove(_loose(paths))


def _first_commit(git: GitRunner) -> tuple[str, str]:
    """Return the commit that the branch begins with (a remote's branch, or an empty tree), and a sentence."""
    fetched = _fetched(git)
    if fetched:
        return fetched, f"adopted the branch {BRANCH} of the remote"
    tree = git.run("mktree")
    return git.run("commit-tree", tree, "-m", FIRST_COMMIT), f"created the orphan branch {BRANCH}"


def _add(git: GitRunner, place: str) -> None:
    """Add the worktree at a free place. Twice `--force` replaces our own entry even if it is locked, and no other."""
    git.run("worktree", "add", "--force", "--force", "--no-checkout", "--quiet", place, BRANCH)


def _own_entries(paths: Paths, host: Host) -> list[str]:
    """Return git's entries for our worktree, those that name it exactly first."""
    directory = os.path.join(paths.common, "worktrees")
    entries = [os.path.join(directory, name) for name in host.storage.listing(directory)]
    exact = [entry for entry in entries if _names_us(paths, entry)]
    moved = [entry for entry in entries if entry not in exact and _place(entry).endswith(_PLACE)]
    return exact + moved


def _place(entry: str) -> str:
    try:
        return os.path.normpath(os.path.join(entry, first_line(os.path.join(entry, "gitdir"))))
    except OSError:
        return ""


def _names_us(paths: Paths, entry: str) -> bool:
    place = _place(entry)
    return bool(place) and os.path.realpath(place) == os.path.realpath(os.path.join(paths.sync, ".git"))


def _link(paths: Paths, entry: str, host: Host) -> None:
    """Let an entry and the worktree name each other."""
    dot_git = os.path.join(paths.sync, ".git")
    host.storage.replace(os.path.join(entry, "gitdir"), os.fsencode(dot_git) + b"\n")
    host.storage.replace(dot_git, b"gitdir: " + os.fsencode(entry) + b"\n")


def _new_entry(paths: Paths, git: GitRunner, host: Host) -> str:
    """Let git make an entry for a worktree beside ours, whose files stay; return the entry."""
    beside = f"{paths.sync}.new"
    dot_git = os.path.join(beside, ".git")
    if os.path.isdir(beside):  # of a run that was killed
        host.storage.remove(dot_git)
    _add(git, beside)
    entry = os.path.realpath(first_line(dot_git).removeprefix("gitdir:").strip())
    host.storage.remove(dot_git)
    os.rmdir(beside)
    if not os.path.isdir(entry):
        raise GitFailed("git did not make an entry for the worktree", hint="try `thrum init` again")
    return entry


def _lock(paths: Paths, host: Host) -> None:
    """Lock our worktree: `git worktree remove --force` and `prune` refuse a locked one."""
    for entry in _own_entries(paths, host)[:1]:
        lock = os.path.join(entry, "locked")
        if host.storage.size(lock) < 0:
            host.storage.replace(lock, LOCK_REASON.encode() + b"\n")
