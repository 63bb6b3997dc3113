"""The making of a backup: a copy of logs, contexts, identities and settings, checked by a rebuild before it counts.

The copy is made beside the last one and takes its place in one step, so an interruption leaves the last one. Nothing
waits for it but a sync: the logs are copied up to the ends that were signed at its beginning.
"""

from __future__ import annotations

import os
from importlib import metadata
from shlex import quote

from thrum_store import values
from thrum_store.errors import Conflict, Invalid, StorageFailed
from thrum_store.identity import DISTRIBUTION, short_id
from thrum_store.log.purged_log import PurgedLog
from thrum_store.log.segments import Shard
from thrum_store.machine.blocking_lock import NoLock
from thrum_store.machine.host import Lock, failpoint
from thrum_store.machine.kernel import this_computer
from thrum_store.repository.former_stores import former_stores
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.ownership import OwnersFiles
from thrum_store.repository.paths import BACKUP_LOCK, SYNC_LOCK, system
from thrum_store.store import Retry, Store
from thrum_store.sync import outgoing, state
from thrum_store.sync.remote.repository_id import Repository
from thrum_store.sync.wire.signed_files import HEADS
from thrum_store.values import NamedTuple, Record, rfc3339
from thrum_store.view import rebuild
from thrum_store.view.queries import shards as shards_read
from thrum_store.view.queries.shards import lengths

from . import archive, copying, history, place, rotation
from .archive import KEY, LOCAL, LOGS, MANIFEST, Counts, Manifest
from .copying import Copied, Writer
from .place import BackupPlace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[int], None]

_PATIENCE = 30.0  # seconds for a sync to end


class BackUp(Record):
    """A request for a backup, into `directory` or where config.json says; `with_keys` adds the private key."""

    directory: str | None = None
    with_keys: bool = False


class BackedUp(Record):
    """A finished backup. `archived` is the file that holds the one before; `removed` are archives that were too old."""

    version: int
    timestamp: str
    thrum_version: str
    repo_name: str
    counts: Counts
    store: str
    directory: str
    with_keys: bool
    archived: str | None
    removed: tuple[str, ...]
    warnings: tuple[str, ...]


def back_up(store: Store, request: BackUp, progress: Progress | None = None) -> BackedUp:
    """Make a backup and check it; then move the last one into an archive, and remove archives that are too old.

    Raises Conflict where another clone keeps its backups, Invalid, Forbidden, DiskFull, StorageFailed, StoreBusy: then
    the last backup is as it was.
    """
    return Retry(store.repair).use_case(lambda: _backed_up(store, request, progress))


def _backed_up(store: Store, request: BackUp, progress: Progress | None) -> BackedUp:
    target = place.chosen(store.paths, store.host, request.directory)
    rule = rotation.retention(store.paths, store.host)
    lock = _lock(store, BACKUP_LOCK)
    lock.acquire()
    try:
        with OwnersFiles(store.paths, store.host.clock):
            place.prepare(target, store.host)
            warnings = _refuse_strangers(store, target)
            made = _made(store, target, request, progress)
            made.warnings.extend(warnings)
            archived = rotation.put_in_place(store.host, target, made.folder)
            removed = rotation.rotate(target, store.host, rule)
            if _is_writable(store):
                history.succeeded(store.paths, store.host, made.manifest.timestamp, target.directory)
    finally:
        lock.release()
    return _result(target, made, archived, removed)


class _Made(NamedTuple):
    folder: str
    manifest: Manifest
    warnings: list[str]


def _result(target: BackupPlace, made: _Made, archived: str | None, removed: list[str]) -> BackedUp:
    manifest = made.manifest
    return BackedUp(
        manifest.version, manifest.timestamp, manifest.thrum_version, manifest.repo_name, manifest.counts,
        manifest.store, target.current, manifest.with_keys, archived, tuple(removed), tuple(made.warnings),
    )  # fmt: skip


def _refuse_strangers(store: Store, target: BackupPlace) -> list[str]:
    """Refuse a place where another clone keeps its backups, or that is no backup. Raises Conflict, Invalid.

    A last backup that is damaged, or that the Go program made, is moved aside; return a warning about it.
    """
    if not os.path.isdir(target.current):
        return []
    if store.host.storage.size(os.path.join(target.current, MANIFEST)) < 0:
        raise Invalid(
            f"{target.current} is no backup of thrum", hint="choose another directory: `thrum backup --dir DIR`"
        )
    try:
        with archive.opened(target.current, store.host) as known:
            known.check()
            owner = known.manifest.store
    except archive.ArchiveRefused as error:
        aside = place.move_aside(target, store.host)
        return [f"the last backup is kept in {aside}, because it is not one that can be restored: {error.reason}"]
    ours = {store.own, *former_stores(store.paths, store.host), *history.restored(store.paths, store.host)}
    if owner not in ours:
        raise Conflict(
            f"{target.current} is the backup of another clone (store {short_id(owner)}), and stays as it is",
            hint=f"choose another directory: `thrum backup --dir {quote(f'{target.directory}/{short_id(store.own)}')}`",
        )
    return []


def _made(store: Store, target: BackupPlace, request: BackUp, progress: Progress | None) -> _Made:
    """Copy everything into a new folder and check it; remove the folder if anything fails."""
    folder = os.path.join(target.home, f"{place.UNFINISHED}{store.host.entropy.token(4)}")
    try:
        store.host.storage.directory(folder)
        return _filled(store, target, folder, request, progress)
    except BaseException:
        place.remove_folder(folder)
        raise


def _filled(store: Store, target: BackupPlace, folder: str, request: BackUp, progress: Progress | None) -> _Made:
    lock = _lock(store, SYNC_LOCK)
    lock.acquire(_PATIENCE)  # no purge and no repair may change what is copied
    try:
        timestamp = rfc3339(store.host.clock.wall_ms())
        warnings: list[str] = []
        if _is_writable(store):
            store.catch_up()
        heads = _signed(store, warnings)
        copied = Copied(lengths(store.view), {Shard(row.store, row.agent): row.why for row in _frozen(store)})
        writer = Writer(folder, store.host)
        for name, data in copying.files(store, copied, warnings):
            writer.write(name, data)
        if heads:
            writer.write(f"{LOGS}/{store.own}/{HEADS}", heads)
        if request.with_keys:
            writer.write(KEY, copying.private_key(store))
    finally:
        lock.release()
    failpoint("backup.copied")
    events = _checked(store, folder, copied, warnings, progress)
    manifest = _manifest(store, target, timestamp, request, writer.files, events)
    writer.write(MANIFEST, values.readable(values.as_json(manifest), ascii_only=True).encode() + b"\n")
    writer.sync()
    _read_back(store, folder)
    failpoint("backup.checked")
    return _Made(folder, manifest, warnings)


def _read_back(store: Store, folder: str) -> None:
    """Compare the copy on the disk with what was written. Raises StorageFailed."""
    try:
        with archive.opened(folder, store.host) as written:
            written.check()
    except archive.ArchiveRefused as error:
        raise StorageFailed(f"the copy cannot be read back: {error.reason}") from error


def _frozen(store: Store) -> list[shards_read.Frozen]:
    return shards_read.frozen(store.view)


def _signed(store: Store, warnings: list[str]) -> bytes:
    """Sign the ends of our logs, so that a restore can tell that they are ours; warn if that fails.

    Return the heads for the copy alone if the store cannot be written.
    """
    own = {shard.agent: head for shard, head in lengths(store.view).items() if shard.store == store.own}
    remembered = state.load(store.paths.var, store.host)
    try:
        repository = Repository(GitRunner(store.paths.root), store.paths.var, store.host)
        if not _is_writable(store):
            return outgoing.heads_of_copy(store, remembered, own, repository.own)
        outgoing.sign_heads(store, remembered, own, repository.own)
    except (FileNotFoundError, StorageFailed, ValueError) as error:
        why = error.message if isinstance(error, StorageFailed) else "the key of this store cannot be used"
        warnings.append(f"a restore takes only the events that were synced before: {why}")
    return b""


def _is_writable(store: Store) -> bool:
    """Return whether the store's own directory can be written: a disk that fails is often mounted read-only."""
    return os.access(store.paths.var, os.W_OK)


def _lock(store: Store, name: str) -> Lock | NoLock:
    """Return a lock; where nothing can be written, nobody else writes."""
    return store.host.lock(store.paths.in_var(name)) if _is_writable(store) else NoLock()


# --- checking ---------------------------------------------------------------------------------------------------------


def _checked(store: Store, folder: str, copied: Copied, warnings: list[str], progress: Progress | None) -> int:
    """Rebuild a view from the copy and compare it with ours; warn of damaged logs; return the number of events."""
    log = PurgedLog(os.path.join(folder, LOGS), os.path.join(folder, LOCAL), store.host)
    view = rebuild.trial(log, store.own, store.host, progress)
    try:
        ends, stopped = lengths(view), {Shard(row.store, row.agent): row.why for row in shards_read.frozen(view)}
    finally:
        view.close()
    for shard, end in copied.ends.items():
        if ends.get(shard) != end and shard not in stopped:
            stopped[shard] = f"it ends with event {ends[shard].seq if shard in ends else 0} of {end.seq}"
    warnings += [
        f"the log of {shard.agent!r} is damaged, and copied as it is: {why}; `thrum doctor --fix` may repair it"
        for shard, why in stopped.items()
    ]
    return sum(max(end.seq - log.marks.of(shard), 0) for shard, end in ends.items())


def _manifest(
    store: Store, target: BackupPlace, timestamp: str, request: BackUp, files: dict[str, tuple[int, str]], events: int
) -> Manifest:
    counts = Counts(
        events,
        len(store.log.shards()),
        sum(name.startswith(f"{LOCAL}/") for name in files),
        sum(name.startswith(f"{archive.CONFIG}/") for name in files),
    )
    return Manifest(
        archive.VERSION, timestamp, metadata.version(DISTRIBUTION), target.repository, counts, store.own,
        os.path.realpath(store.paths.var), this_computer(system()), request.with_keys, files,
    )  # fmt: skip
