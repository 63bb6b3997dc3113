"""The restore of a backup: what is lost here comes back, and nothing that is here is replaced.

The logs of the archive are admitted like those of a branch: signed by their own store for this repository, chained, and
only where ours end earlier. So a newer log stays, and a second run finishes an interrupted one.
"""

from __future__ import annotations

import os

from thrum_store.errors import Conflict, Invalid
from thrum_store.log import purge_marks
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.host import Host, failpoint
from thrum_store.repository import config
from thrum_store.repository.config import GitSettings
from thrum_store.repository.former_stores import signed_ends
from thrum_store.repository.ownership import OwnersFiles
from thrum_store.repository.paths import SYNC_LOCK, Paths
from thrum_store.store import Retry, Store
from thrum_store.sync import state
from thrum_store.sync.cycle import synchronize
from thrum_store.sync.incoming import Incoming
from thrum_store.sync.remote.branch import BranchTip
from thrum_store.sync.remote.repository_id import Repository
from thrum_store.sync.repair import restore as repair
from thrum_store.sync.repair.damage import examine
from thrum_store.sync.repair.proof import Proof
from thrum_store.sync.state import State, sentence, shard_of
from thrum_store.sync.trust import trust_in
from thrum_store.sync.wire.signed_heads import SignedHeads
from thrum_store.values import NamedTuple, Record, plural
from thrum_store.view.queries.shards import lengths

from . import archived_branch, history, place, rotation, saved_files, signer
from .archive import KEY, MANIFEST, Archive, Counts, opened
from .archived_branch import TIP, ArchivedBranch
from .place import CURRENT, BackupPlace
from .signer import Signer

_PATIENCE = 30.0  # seconds for a sync to end
_ROUNDS = 400  # looks at one archive, until the quota of bytes of a look is no longer used up


class Restore(Record):
    """A request to restore `archive` (a path or a name that `status` lists; without it the last backup)."""

    archive: str | None = None
    directory: str | None = None
    with_keys: bool = False


class Offered(Record):
    """A backup that could be restored, before anything is changed."""

    path: str
    timestamp: str
    repo_name: str
    store: str
    counts: Counts
    with_keys: bool


class Restored(Record):
    """A restore. `signer`: kept, continued (as the restored store) or new; `reason` says why a new one.

    `events` came back, in `logs` logs; `newer` events are here that the backup lacks. `kept` files are here, and differ
    from the backup's. `key_unused`: the backup has the key of its store, and --with-keys was not given.
    """

    path: str
    timestamp: str
    events: int
    logs: int
    newer: int
    files: tuple[str, ...]
    kept: tuple[str, ...]
    homeless: tuple[str, ...]
    store: str
    restored_store: str
    signer: str
    reason: str
    key_unused: bool
    warnings: tuple[str, ...]


class _Source(NamedTuple):
    """An archive, its logs as a branch, the repository that they must be signed for, and the heads of each store."""

    archive: Archive
    branch: ArchivedBranch
    repository: Repository
    heads: dict[str, SignedHeads]


class _Admitted(NamedTuple):
    """The logs that got events, with their number; `unknown`: some are our own, and nothing here knew of them."""

    back: dict[Shard, int]
    unknown: bool
    warnings: list[str]
    newer: int = 0


_NOWHERE = ShardPosition()


def source(paths: Paths, host: Host, request: Restore) -> str:
    """Return the path of the archive to restore. Raises Invalid if there is none."""
    target = place.chosen(paths, host, request.directory)
    if request.archive is not None:
        return _named(target, request.archive, host)
    last = place.last(target, host)
    if last:
        return last
    names = rotation.archives(target, host)
    if not names:
        hint = "name an archive: `thrum backup restore PATH`, or make a backup: `thrum backup`"
        raise Invalid(f"there is no backup in {target.home}", hint=hint)
    return os.path.join(target.archives, names[-1])


def _named(target: BackupPlace, archive: str, host: Host) -> str:
    """Return the path of an archive by its name, its path, or the folder that its snapshot lies in."""
    if archive in rotation.archives(target, host):
        return os.path.join(target.archives, archive)
    path = os.path.abspath(archive)
    inside = (os.path.join(path, *more) for more in ((), (CURRENT,), (target.repository, CURRENT)))
    return next((folder for folder in inside if os.path.isfile(os.path.join(folder, MANIFEST))), path)


def offered(paths: Paths, host: Host, request: Restore) -> Offered:
    """Look at the archive that would be restored, every file of it. Raises ArchiveRefused, Invalid."""
    with opened(source(paths, host, request), host) as archive:
        archive.check()
        if request.with_keys:
            signer.private_key(archive)
        known = archive.manifest
        return Offered(
            archive.path, known.timestamp, known.repo_name, known.store, known.counts, KEY in known.files
        )  # fmt: skip


def restore(store: Store, request: Restore) -> Restored:
    """Restore a backup. Raises ArchiveRefused, or Conflict if it only has what is here already, and less."""
    return Retry(store.repair).use_case(lambda: _restore(store, request))


def _restore(store: Store, request: Restore) -> Restored:
    with opened(source(store.paths, store.host, request), store.host) as archive:
        archive.check()
        if request.with_keys:
            signer.private_key(archive)
        branch = ArchivedBranch(store, archive)
        repository = Repository(branch.git, store.paths.var, store.host)
        logs = _Source(archive, branch, repository, archived_branch.signed(archive, repository))
        asks = request.with_keys or archive.manifest.store == store.own
        if asks:
            synchronize(store, local_only=True, patience=_PATIENCE)
        lock = store.host.lock(store.paths.in_var(SYNC_LOCK))
        lock.acquire(_PATIENCE)
        try:
            with OwnersFiles(store.paths, store.host.clock):
                return _restored(store, request, logs, signer.gathered(store) if asks else "")
        finally:
            lock.release()


def _restored(store: Store, request: Restore, logs: _Source, unreached: str) -> Restored:
    archive = logs.archive
    newer = _newer(store, logs.heads)
    admitted = _admit(store, logs)
    failpoint("restore.admitted")
    if not admitted.back and newer and not request.with_keys and not saved_files.lacking(store, archive):
        raise Conflict(
            f"nothing was restored: this store has all that {archive.path} holds, and {plural(newer, 'newer event')}",
            hint="a restore brings back what is lost, and never goes back to an older state",
        )
    chosen = signer.settled(store, archive, unreached, with_keys=request.with_keys, unknown=admitted.unknown)
    failpoint("restore.signed")
    brought = saved_files.bring_back(store, archive)
    warnings = admitted.warnings + saved_files.register(store, archive, brought.restored)
    history.note_restored(store.paths, store.host, archive.manifest.store)
    return _result(archive, admitted._replace(warnings=warnings, newer=newer), brought, chosen)


def _result(archive: Archive, admitted: _Admitted, brought: saved_files.BroughtBack, chosen: Signer) -> Restored:
    return Restored(
        path=archive.path,
        timestamp=archive.manifest.timestamp,
        events=sum(admitted.back.values()),
        logs=len(admitted.back),
        newer=admitted.newer,
        files=tuple(brought.restored),
        kept=tuple(brought.kept),
        homeless=tuple(brought.homeless),
        store=chosen.store,
        restored_store=archive.manifest.store,
        signer=chosen.choice,
        reason=chosen.reason,
        key_unused=KEY in archive.manifest.files
        and chosen.choice == signer.KEPT
        and chosen.store != archive.manifest.store,
        warnings=tuple(admitted.warnings),
    )


def _newer(store: Store, heads: dict[str, SignedHeads]) -> int:
    """Count the events of our logs that the archive lacks."""
    ends = {Shard(owner, agent): end.seq for owner, signed in heads.items() for agent, end in signed.shards.items()}
    return sum(max(head.seq - ends.get(shard, 0), 0) for shard, head in lengths(store.view).items())


def _admit(store: Store, logs: _Source) -> _Admitted:
    """Bring back the logs: damaged ones are repaired, shorter ones extended, as a sync does it with a branch."""
    remembered, known = state.load(store.paths.var, store.host), _known(store)
    if store.own in logs.heads:
        marks = {Shard(store.own, agent): seq for agent, seq in logs.heads[store.own].purge_marks.items()}
        purge_marks.raise_to(store.paths.var, store.host, marks)
    settings = _settings(logs)
    suspects = [
        shard for shard in repair.suspects(store, remembered)
        if trust_in(shard.store, store.own, settings, remembered).accepted
    ]  # fmt: skip
    before = _readable(store, suspects)
    warnings: list[str] = []
    if suspects:
        proof = Proof(store, logs.branch, logs.repository, (TIP,))
        repair.restore(store, remembered, proof, suspects, TIP.commit)
        repairs = {key: done for key, done in remembered.repairs.items() if done.lost and shard_of(key) in suspects}
        warnings += [sentence(key, done) for key, done in repairs.items()]
        state.save(store.paths.var, store.host, remembered)
    warnings += _take(store, logs)
    after = _readable(store, suspects)
    back = {shard: head.seq - before.get(shard, _NOWHERE).seq for shard, head in after.items()}
    back = {shard: count for shard, count in back.items() if count > 0}
    unknown = any(shard.store == store.own and after[shard].seq > known.get(shard, 0) for shard in back)
    return _Admitted(back, unknown, warnings)


def _known(store: Store) -> dict[Shard, int]:
    """Return the last event of each log that anything here knows of: the view, or what we signed ourselves."""
    signed = signed_ends(store.log.root, store.own, store.host.storage)
    ends = {shard: head.seq for shard, head in lengths(store.view).items()}
    return ends | {
        Shard(store.own, name): max(seq, ends.get(Shard(store.own, name), 0)) for name, seq in signed.items()
    }


def _readable(store: Store, suspects: list[Shard]) -> dict[Shard, ShardPosition]:
    """Return the end of each log; of those that may be damaged the end of what can be read."""
    return lengths(store.view) | {shard: examine(store, shard).head for shard in suspects}


def _settings(logs: _Source) -> GitSettings:
    """Return git's settings, by which the stores of an archive are known but for those that are blocked."""
    settings = config.git_settings(logs.branch.git)
    return settings._replace(known=settings.known | (logs.heads.keys() - settings.blocked))


def _take(store: Store, logs: _Source) -> list[str]:
    """Take in the logs of an archive that the user chose; return what was refused."""
    settings = _settings(logs)
    looked = State()  # what an archive has wrong is no concern of the next sync
    for _ in range(_ROUNDS):
        taken = Incoming(store, looked, logs.branch, settings, logs.repository).take(TIP, BranchTip())
        if not taken.more or not taken.events:
            break
    return [
        f"the log of @{shard_of(key).agent} in the backup is left out: {frozen.why}"
        for key, frozen in looked.frozen.items()
    ]
