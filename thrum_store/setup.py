"""Set-up of a repository (`thrum init`), in an order that can be interrupted and repeated.

The file with the store's id, `var/store.json`, is written last, so a store that exists is complete.
"""

from __future__ import annotations

import os
from shlex import quote

from . import values
from .errors import Forbidden, Invalid, NotInitialized, StorageFailed, ThrumError
from .identity import StoreId, short_id
from .log import keys
from .machine.host import REAL, Host, failpoint
from .machine.kernel import this_computer
from .repository import claims, config, former_place, guest_places, ignore_file, obstacles, relocation, worktrees
from .repository.git_runner import GitRunner
from .repository.ignore_file import IGNORED
from .repository.ownership import OwnersFiles
from .repository.paths import INIT_LOCK, KEYS, LOCKS, STORE_FILE, STORE_KEY, Paths, system
from .store import open_store
from .sync import branch_worktree
from .sync.admit_branch import BRANCH, ForeignBranch
from .sync.cycle import adopt, synchronize
from .values import Record
from .view.database import check_sqlite


class Initialize(Record):
    """A request to set a repository up. `stealth` changes no tracked file; `dry_run` changes nothing at all.

    `take_over` makes this the host whose store is in the repository, in the place of one that is gone.
    """

    stealth: bool = False
    dry_run: bool = False
    take_over: bool = False


class Initialized(Record):
    """A repository after its set-up; `steps` are sentences, in order."""

    repository: str
    store: str
    created: bool
    dry_run: bool
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def initialize(paths: Paths, request: Initialize, host: Host = REAL) -> Initialized:
    """Set a repository up, or complete an interrupted or older set-up; nothing is overwritten.

    Everything is checked before the first write (`check`), and what an interruption leaves the next run completes.
    """
    warnings = tuple(check(paths, request, host))
    if request.dry_run:
        existed = paths.initialized
        return Initialized(paths.root, _store_of(paths, host), not existed, True, _planned(paths, request), warnings)
    with OwnersFiles(paths, host.clock):
        return _initialized(paths, request, host, warnings)


def _initialized(paths: Paths, request: Initialize, host: Host, warnings: tuple[str, ...]) -> Initialized:
    steps = _published(paths, host) if request.take_over else []
    paths = claims.claimed(paths, host, take_over=request.take_over)
    existed, cleaned = paths.initialized, not os.path.isdir(paths.thrum)
    hidden = ignore_file.hide(paths, host)
    if paths.guest:
        guest_places.note(paths.guest, paths, host)
    elif former_place.in_former_place(paths):
        paths = _relocated(paths, steps, host)
    elif existed and cleaned:
        steps.append(f"found the store again, in {os.path.relpath(paths.var, paths.root)}: keys and messages are whole")
    host.storage.directory(paths.var)
    with host.lock(paths.in_var(INIT_LOCK)):
        steps += _completed(paths, request, host, hidden=hidden)
    if paths.guest:
        claims.announce(paths, host)
    steps += _restored(paths, host) if existed else _history(paths, host)
    steps += filter(None, [claims.sentence(paths, host)])
    return Initialized(paths.root, _store_of(paths, host), not existed, False, tuple(steps), warnings)


def _published(paths: Paths, host: Host) -> list[str]:
    """Publish what a guest holds before it takes another store over, which then has its messages."""
    if not (paths.guest and paths.initialized):
        return []
    with open_store(paths, host) as store:
        synchronize(store, local_only=True)
    return [f"this host keeps the store in the repository now; its own one stays in {paths.guest}"]


def _completed(paths: Paths, request: Initialize, host: Host, *, hidden: bool) -> list[str]:
    """Make what is missing: the user's own files and .thrum after everything that can fail in git, the store last."""
    steps = branch_worktree.complete(paths, GitRunner(paths.root), host)
    if not request.stealth and ignore_file.hide_in_clones(paths, host):
        steps.append(f"added {IGNORED} to .gitignore")
    elif hidden and (request.stealth or not ignore_file.is_shared(paths)):
        steps.append(f"added {IGNORED} to .git/info/exclude")
    failpoint("init.ignored")
    steps += [*_linked(paths, host), *_directories(paths, host), *_config(paths, host)]
    failpoint("init.directories")
    return steps + _store(paths, host)


def check(paths: Paths, request: Initialize, host: Host = REAL, *, tracked: bool = False) -> list[str]:
    """Check everything that a set-up needs before its first write; return warnings.

    Raises Unsupported for a SQLite that cannot be used, Forbidden if git tracks `.thrum` (unless `tracked`),
    ForeignBranch if a-sync is somebody else's, GoDaemonRunning, Invalid or Forbidden if a file is in the way, and
    BareRepository or BrokenWorktree if git does not work in this place.
    """
    check_sqlite()
    worktrees.must_work(paths, host)
    if os.path.isdir(paths.former_var) and not former_place.is_linked(paths):
        from .repository import go_daemon  # only where another program made it

        go_daemon.check(paths, (), host, then="thrum init")
    git = GitRunner(paths.root)
    if not tracked and git.asks("ls-files", "--", ".thrum"):
        raise Forbidden(
            "git tracks .thrum, which must stay out of commits",
            hint="run `git rm -r --cached .thrum`, commit, and try again",
        )
    ignore_file.check(paths, stealth=request.stealth)
    for place in {paths.thrum} if paths.guest else {paths.thrum, paths.local, os.path.dirname(paths.sync)}:
        _check_place(place)
    return branch_worktree.check(paths, git, host)


def _check_place(path: str) -> None:
    """Refuse a directory that cannot be made or written."""
    if os.path.lexists(path) and not os.path.isdir(path):
        raise Invalid(
            f"{path} is not a directory, and thrum needs that name",
            hint=f"`mv {quote(path)} {quote(path + '.before')}`",
        )
    existing = path if os.path.isdir(path) else os.path.dirname(path)
    if not os.access(existing, os.W_OK | os.X_OK):
        raise obstacles.closed(existing, f"you may not write in {existing}")


def _relocated(paths: Paths, steps: list[str], host: Host) -> Paths:
    """Move the store out of `.thrum/var`; where that fails, it stays and works from there."""
    try:
        return relocation.relocate(paths, steps.append, host)
    except ThrumError as error:
        steps.append(f"the store stays in .thrum/var, which `git clean -fdx` removes, because: {error.message}")
        return paths


def _linked(paths: Paths, host: Host) -> list[str]:
    """Let `.thrum/var` lead to the store, for processes of older versions."""
    try:
        step = former_place.link(paths, host)
    except StorageFailed as error:
        step = f"older versions of thrum will not find this store, because: {error.message}"
    return [step] if step else []


def _restored(paths: Paths, host: Host) -> list[str]:
    """Bring back what was lost of the logs, from their second copies."""
    try:
        with open_store(paths, host) as store:
            store.restore_logs()
    except ThrumError as error:
        return [f"the logs could not be looked at, because: {error.message}"]
    return []


def _history(paths: Paths, host: Host) -> list[str]:
    """Read the events that git has fetched already, so that a fresh clone has its history. No remote is asked."""
    try:
        with open_store(paths, host) as store:
            taken = (synchronize(store, local_only=True) if paths.guest else adopt(store)).taken
    except ForeignBranch:  # a remote's: `Initialized.warnings` says so, and no sync will read it
        return []
    except ThrumError as error:
        return [f"the history of the branch comes with the first sync, because: {error.message}"]
    return [f"read {taken:,} events of its history"] if taken else []


def _planned(paths: Paths, request: Initialize) -> tuple[str, ...]:
    if paths.initialized:
        return ()
    if paths.guest:
        return (claims.sentence(paths),)
    ignore_file = ".git/info/exclude" if request.stealth else ".gitignore"
    return (
        f"would create {paths.thrum}",
        f"would add `{IGNORED}` to {ignore_file}",
        f"would create the branch {BRANCH} and its worktree {paths.sync}",
        "would make the keys of this store",
    )


def _directories(paths: Paths, host: Host) -> list[str]:
    steps: list[str] = []
    if not os.path.isdir(paths.identities):
        steps.append(f"created {paths.local if paths.guest else os.path.relpath(paths.local, paths.root)}/")
    host.storage.directory(paths.thrum)
    for path in (paths.identities, paths.in_var(LOCKS), paths.in_var(KEYS), paths.bells):
        host.storage.directory(path)
        os.chmod(path, 0o700)
    return steps if paths.guest else steps + worktrees.join(paths, host)


def _config(paths: Paths, host: Host) -> list[str]:
    step = config.create(paths, host)
    if step.startswith("brought"):
        kept = config.in_file(paths, host, config.LOCAL_ONLY)
        step += f": local_only is {str(kept is None or kept.value).lower()}"
    return [step] if step else []


def _store(paths: Paths, host: Host) -> list[str]:
    store_file = paths.in_var(STORE_FILE)
    if host.storage.size(store_file) >= 0:
        return []
    private, public = keys.generate()
    own, now = keys.store_id(public), host.clock.wall_ms()
    host.storage.replace(paths.in_var(STORE_KEY), private.hex().encode() + b"\n")
    host.storage.directory(os.path.join(paths.logs, own))
    certificate = keys.certificate(private, public, claims.nick(this_computer(system())), now)
    host.storage.replace(os.path.join(paths.logs, own, "store.json"), certificate)
    host.storage.replace(
        store_file, values.compact({"created": now, "store": own, **_mark(paths, host)}).encode() + b"\n"
    )
    return [f"made the keys of this store ({short_id(own)}…)"]


def _mark(paths: Paths, host: Host) -> dict[str, bool]:
    """Return what store.json says of other kernels: a store that they may see is marked."""
    claim = None if paths.guest else claims.read(paths, host)
    return {claims.MARK: True} if claim is not None and claim.shared else {}


def begin_guest(paths: Paths) -> tuple[str, ...]:
    """Make the store of a guest: the repository is set up, and this host came later. Return sentences."""
    return initialize(paths, Initialize()).steps


def _store_of(paths: Paths, host: Host) -> str:
    try:
        return StoreId(paths, host).now()
    except NotInitialized:
        return ""
