"""The store that signs after a restore: two signers with one key would fork it, so a doubt begins a new store.

A store goes on if this clone has everything that it may have signed: the branch was asked just now, the clone that made
the backup is this place or gone, and nobody wrote here under another store meanwhile. Else the restored store is only
read, like that of any other clone.
"""

from __future__ import annotations

import os

from thrum_store import values
from thrum_store.errors import StorageFailed, ThrumError
from thrum_store.identity import short_id
from thrum_store.log import keys
from thrum_store.log.segments import Shard
from thrum_store.machine.kernel import same, this_computer
from thrum_store.repository import config
from thrum_store.repository.former_stores import former_stores, signed_ends
from thrum_store.repository.paths import STORE_FILE, system
from thrum_store.store import Store
from thrum_store.sync import state
from thrum_store.sync.cycle import Cycle
from thrum_store.sync.remote.branch import Branch
from thrum_store.sync.repair import rekey
from thrum_store.values import NamedTuple

from .archive import KEY, Archive, opened
from .place import CURRENT

KEPT, CONTINUED, NEW = "kept", "continued", "new"


class Signer(NamedTuple):
    """The store that signs now: the one from before (kept), the restored one (continued), or a new one; and why."""

    store: str
    choice: str
    reason: str


def gathered(store: Store) -> str:
    """Take in what the branch of the remote has; return why that failed, "" if it did not. Only under sync.lock.

    Nothing is sent. Peers are other clones that the branch connects; there are no others yet.
    """
    probe = Branch(store.paths, store.host, "")
    try:
        remote = config.git_settings(probe.git).remote
        if not remote:
            return "" if not probe.git.run("remote") else "none of its remotes is chosen to sync with"
        branch = Branch(store.paths, store.host, remote)
        branch.fetch()
        Cycle(store, local_only=True).adopt(branch.tracking)
    except ThrumError as error:
        return error.message
    return ""


def private_key(archive: Archive) -> bytes:
    """Return the key in an archive. Raises ArchiveRefused if there is none, or it is another store's."""
    if KEY not in archive.manifest.files:
        raise archive.refused(
            "it holds no key", "leave --with-keys out, or make backups with `thrum backup --with-keys`"
        )
    try:
        key = bytes.fromhex(archive.read(KEY).decode("ascii").strip())
        owner = keys.store_id(keys.public(key))
    except ValueError:
        owner, key = "", b""
    if owner != archive.manifest.store:
        raise archive.refused("its key is not the key of its store")
    return key


def settled(store: Store, archive: Archive, unreached: str, *, with_keys: bool, unknown: bool) -> Signer:
    """Decide who signs, and switch if needed. Only under sync.lock.

    `unreached`: why the branch could not be asked. `unknown`: our own logs got
    events from the archive that nothing here knew of, so there may have been more.
    """
    owner = archive.manifest.store
    if store.own == owner:
        doubt = (unreached or _newer_backup(archive, store)) if unknown else ""
        if not doubt:
            return Signer(store.own, KEPT, "")
        rekey.begin_anew(store)
        _forget_branch(store)
        return Signer(store.own, NEW, f"it may have signed more than the backup has: {doubt}")
    if not with_keys:
        return Signer(store.own, KEPT, "")
    doubt = unreached or _newer_backup(archive, store) or _doubt(store, archive)
    if doubt:
        return Signer(store.own, NEW, doubt)
    rekey.take_up(store, owner, private_key(archive))
    _forget_branch(store)
    return Signer(owner, CONTINUED, "")


def _forget_branch(store: Store) -> None:
    remembered = state.load(store.paths.var, store.host)
    remembered.forget_branch()
    state.save(store.paths.var, store.host, remembered)


def _doubt(store: Store, archive: Archive) -> str:
    """Return why the store of an archive may be signed elsewhere, "" if it cannot be."""
    owner, manifest = archive.manifest.store, archive.manifest
    if owner in former_stores(store.paths, store.host):
        return "another copy of this clone signs as that store"
    if any("." not in name for name in store.host.storage.listing(os.path.join(store.paths.logs, store.own))):
        return f"agents have written here as store {short_id(store.own)} already"
    if not same(manifest.computer, this_computer(system())):
        return "the backup comes from another computer, where that store may still be in use"
    if manifest.place != os.path.realpath(store.paths.var) and _store_at(manifest.place, store) == owner:
        return f"that store is still in use in {values.safe_line(manifest.place)}"
    missing = [
        name for name, seq in signed_ends(store.log.root, owner, store.host.storage).items()
        if store.head(Shard(owner, name))[0].seq < seq
    ]  # fmt: skip
    return f"events of @{missing[0]} that it signed are in neither the backup nor the branch" if missing else ""


def _newer_backup(archive: Archive, store: Store) -> str:
    """Return a sentence if the last backup beside an archive has more events of the same store, else ""."""
    current = os.path.join(os.path.dirname(os.path.dirname(archive.path)), CURRENT)
    try:
        with opened(current, store.host) as last:
            newer = last.manifest
    except ThrumError:
        return ""
    if newer.store != archive.manifest.store or newer.counts.events <= archive.manifest.counts.events:
        return ""
    return f"{current} is a newer backup, which you may restore instead"


def _store_at(place: str, store: Store) -> str:
    try:
        return str(values.loads(store.host.storage.read(os.path.join(place, STORE_FILE)))["store"])
    except (FileNotFoundError, StorageFailed, ValueError, KeyError, TypeError):
        return ""
