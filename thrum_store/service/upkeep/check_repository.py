"""Checks of `thrum doctor` around the store: layout, permissions, keys, identities, locks, git, space."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from thrum_store import identity, setup, values
from thrum_store.errors import Invalid, StorageFailed
from thrum_store.log import keys
from thrum_store.machine.host import Host
from thrum_store.repository import ignore_file
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import (
    KEYS,
    LOCKS,
    LOG_FILES,
    STORE_FILE,
    STORE_KEY,
    SYNC_LOCK,
    TORN,
    Paths,
)
from thrum_store.setup import Initialize
from thrum_store.sync import branch_worktree
from thrum_store.sync.admit_branch import BRANCH, REF, ForeignBranch

from . import check_worktrees
from .check_permissions import permissions
from .check_place import place
from .findings import Check, fine, guarded, note, problem

_FIX = "`thrum doctor --fix`"
_INIT = "`thrum init` completes it, and so does " + _FIX
_STALE_MS = 10 * 60 * 1000  # an older lock file of git was left by a process that died
_LITTLE = 50 * 1024 * 1024  # bytes of free space


def around(paths: Paths, host: Host, environ: Mapping[str, str]) -> Iterator[Check]:
    """Run every check that needs no open store."""
    yield from guarded("layout", lambda: _layout(paths, host))
    yield from guarded("layout", lambda: place(paths, host))
    yield from guarded("git", lambda: _branch(paths, host))
    yield from guarded("git", lambda: _ignored(paths, host))
    yield from guarded("permissions", lambda: permissions(paths, host))
    yield from guarded("keys", lambda: _key(paths, host))
    yield from guarded("identity", lambda: _identities(paths, environ))
    yield from guarded("locks", lambda: _locks(paths, host))
    yield from guarded("space", lambda: _space(paths))
    yield from guarded("crashes", lambda: _leftovers(paths, host))


def _layout(paths: Paths, host: Host) -> Iterator[Check]:
    repair = partial(setup.initialize, paths, Initialize(stealth=True), host)
    wanted = [paths.identities, paths.in_var(LOCKS), paths.in_var(KEYS), paths.bells]
    missing = [os.path.relpath(path, paths.root) for path in wanted if not os.path.isdir(path)]
    if missing:
        yield problem("layout", f"missing: {', '.join(missing)}", _INIT, repair)
    else:
        yield fine("layout", f"the store is {paths.guest or _short(paths, paths.thrum)}")


def _branch(paths: Paths, host: Host) -> Iterator[Check]:
    """Check the branch a-sync, its worktree, and that git refuses to remove that."""
    repair = partial(setup.initialize, paths, Initialize(stealth=True), host)
    git = GitRunner(paths.root)
    try:
        for warning in branch_worktree.check(paths, git, host):
            yield note("git", warning)
    except ForeignBranch as error:
        yield problem("git", error.message, error.hint or _INIT)
        return
    if git.asks("rev-parse", "--verify", "--quiet", f"{REF}^{{tree}}") is None:
        yield problem("git", f"the branch {BRANCH} is missing", _INIT, repair)
    elif not paths.guest:  # whose logs lie in a directory that is no worktree
        yield from _worktree(paths, host, repair)


def _worktree(paths: Paths, host: Host, repair: Callable[[], object]) -> Iterator[Check]:
    if not os.path.isdir(paths.sync):
        yield problem("git", f"the worktree of {BRANCH} is missing", _INIT, repair)
    elif not branch_worktree.is_linked(paths, host):
        yield problem("git", f"git has lost the worktree of {BRANCH}", _INIT, repair)
    elif _branch_of(paths.sync, GitRunner(paths.root)) != REF:
        yield problem("git", f"the worktree of {BRANCH} is on another branch", _INIT, repair)
    elif not branch_worktree.is_locked(paths, host):
        message = f"the worktree of {BRANCH} is not locked, so `git worktree remove --force` deletes the messages in it"
        yield problem("git", message, _INIT, repair)


def _branch_of(directory: str, git: GitRunner) -> str:
    """Return the ref that a worktree is on, or "". Asked from this one: git may trust no other directory."""
    real = os.path.realpath(directory)
    for entry in git.run("worktree", "list", "--porcelain").split("\n\n"):
        words = [line.partition(" ") for line in entry.split("\n")]
        fields = {name: value for name, _, value in words}
        if os.path.realpath(fields.get("worktree", "")) == real:
            return fields.get("branch", "")
    return ""


def _short(paths: Paths, path: str) -> str:
    return os.path.relpath(path, paths.root)


def _ignored(paths: Paths, host: Host) -> Iterator[Check]:
    obstacle = check_worktrees.unusable(paths, host)
    if obstacle is not None:
        yield obstacle
        return
    git = GitRunner(paths.root)
    if git.run("ls-files", "--", ".thrum"):
        hint = "`git rm -r --cached .thrum`, then commit"
        yield problem("git", ".thrum is tracked by git, so its files are published and can come from strangers", hint)
    elif git.asks("check-ignore", "--quiet", ".thrum/identities/x.json") is None:
        repair = partial(setup.initialize, paths, Initialize(stealth=True), host)
        hint = f"add `.thrum/` to {_short(paths, ignore_file.place(paths))}, or {_FIX}"
        yield problem("git", "git does not ignore .thrum", hint, repair)
    else:
        yield fine("git", f"branch {BRANCH} and its worktree are there; .thrum is ignored")


def _key(paths: Paths, host: Host) -> Iterator[Check]:
    key = _short(paths, paths.in_var(STORE_KEY))
    lost = f"restore {key} from a backup; without it nothing can be synced in this store's name"
    try:
        store_id = values.loads(host.storage.read(paths.in_var(STORE_FILE)))["store"]
        private = bytes.fromhex(host.storage.read(paths.in_var(STORE_KEY)).decode().strip())
        own = keys.store_id(keys.public(private))
    except FileNotFoundError:
        yield problem("keys", "the private key of this store is missing", lost)
        return
    except (ValueError, KeyError, TypeError):
        yield problem("keys", "the private key of this store cannot be read", lost)
        return
    if own != store_id:
        yield problem("keys", "the private key belongs to another store", lost)
    else:
        yield fine("keys", f"store {identity.short_id(own)}")


def _identities(paths: Paths, environ: Mapping[str, str]) -> Iterator[Check]:
    known = identity.names(paths)
    for name in known:
        try:
            identity.load(paths, name)
        except (Invalid, StorageFailed) as error:
            yield problem("identity", error.message, error.hint or "remove that file")
    forced = environ.get("THRUM_NAME")
    if len(known) > 1 and not forced:
        names = ", ".join(known)
        yield note("identity", f"this worktree has several: {names}", f"`export THRUM_NAME={known[0]}` chooses one")
    elif not known and not forced:
        hint = "`thrum quickstart --name NAME --role ROLE --module MODULE`"
        yield note("identity", "no agent is registered in this worktree", hint)
    else:
        yield fine("identity", f"you are @{forced or known[0]}")


def _locks(paths: Paths, host: Host) -> Iterator[Check]:
    held = [path for path in _lock_files(paths, host) if not _free(path, host)]
    for path in held:
        pid = host.storage.read(path, 0, 10).decode("ascii", "replace").strip()
        name = os.path.relpath(path, paths.var)
        yield note("locks", f"{name} is held by process {pid or 'unknown'} now", f"`ps -p {pid}` shows it")
    stale = [path for path in _git_locks(paths) if _age_ms(path, host) > _STALE_MS]
    for path in stale:
        hint = f"if no git is running: `rm {_short(paths, path)}`, or {_FIX}"
        yield problem("locks", f"git left {_short(paths, path)} behind", hint, _removal(paths, path, host))
    if not held and not stale:
        yield fine("locks", "all free")


def _lock_files(paths: Paths, host: Host) -> list[str]:
    inside = paths.in_var(LOCKS)
    files = [os.path.join(paths.var, name) for name in host.storage.listing(paths.var)]
    files += [os.path.join(inside, name) for name in host.storage.listing(inside)]
    return [path for path in files if path.endswith(".lock") and os.path.isfile(path)]


def _free(path: str, host: Host) -> bool:
    """Return whether a lock is free; one that we cannot open is another user's, or read-only."""
    lock = host.lock(path)
    try:
        return lock.try_acquire()
    except StorageFailed:
        return True  # the check of permissions reports it
    finally:
        lock.release()


def _git_locks(paths: Paths) -> list[str]:
    admin = os.path.join(paths.common, "worktrees", os.path.basename(paths.sync))
    locks = [] if paths.guest else [os.path.join(admin, name) for name in ("index.lock", "HEAD.lock")]
    locks.append(os.path.join(paths.common, "refs", "heads", f"{BRANCH}.lock"))
    return [path for path in locks if os.path.exists(path)]


def _age_ms(path: str, host: Host) -> int:
    return host.clock.wall_ms() - os.stat(path).st_mtime_ns // 1_000_000


def _removal(paths: Paths, path: str, host: Host) -> Callable[[], None]:
    def remove() -> None:
        with host.lock(paths.in_var(SYNC_LOCK)):
            host.storage.remove(path)

    return remove


def _space(paths: Paths) -> Iterator[Check]:
    try:
        filesystem = os.statvfs(paths.var)
    except OSError as error:
        raise StorageFailed(f"cannot read {paths.var}: {error.strerror}") from error
    free = filesystem.f_bavail * filesystem.f_frsize
    if free < _LITTLE:
        yield problem("space", f"only {free // 1_000_000} MB are free", "make room, or `thrum purge --before 30d`")
    else:
        yield fine("space", f"{free / 1e9:.1f} GB free")


def _leftovers(paths: Paths, host: Host) -> Iterator[Check]:
    torn = host.storage.listing(paths.in_var(TORN))
    if torn:
        directory = _short(paths, paths.in_var(TORN))
        yield note("crashes", f"{len(torn)} unfinished writes of processes that died are in {directory}")
    logs = paths.in_var(LOG_FILES)
    crashes = [name for name in host.storage.listing(logs) if name.startswith("crash-")]
    if crashes:
        yield note(
            "crashes",
            f"{len(crashes)} crash reports are in {_short(paths, logs)}",
            "please report them, then remove them",
        )
