"""Restoration of our own certificate, signed heads and shared contexts, which a command of git can remove or set back.

Without them nobody admits our events: others refuse a store without its certificate, and heads that count from 1 again
as replayed. They come back from our branch; a certificate that was never published is made again from the key.
"""

from __future__ import annotations

from thrum_store import values
from thrum_store.errors import StorageFailed
from thrum_store.log import keys
from thrum_store.log.events import fingerprint
from thrum_store.machine.kernel import this_computer
from thrum_store.repository import claims
from thrum_store.repository.paths import STORE_FILE, STORE_KEY, system
from thrum_store.store import Store
from thrum_store.sync.remote.branch import Branch, BranchTip
from thrum_store.sync.state import State
from thrum_store.sync.wire import signed_files
from thrum_store.sync.wire.signed_files import CERTIFICATE, HEADS
from thrum_store.sync.wire.signed_heads import AdmissionError, verify_heads
from thrum_store.sync.wire.tree import StoreFiles

_PATHS = (CERTIFICATE, HEADS)


def settle(store: Store, state: State, branch: Branch, ours: BranchTip) -> None:
    """Bring our certificate back where it is not whole, and the heads of our branch where ours are older.

    If both are those of our last commit, nothing is asked.
    """
    if all(state.files.get(f"v1/{store.own}/{path}") == fingerprint(_read(store, path)) for path in _PATHS):
        return
    offered = _offered(store, branch, ours)
    if not signed_files.is_certificate(_read(store, CERTIFICATE), store.own):
        published = offered.get(CERTIFICATE, b"")
        whole = signed_files.is_certificate(published, store.own)
        signed_files.save(store, store.own, CERTIFICATE, published if whole else _made_again(store))
    heads, known = offered.pop(HEADS, b""), signed_files.heads(store, store.own)
    if _counter(store, heads) > (known.ctr if known else 0):
        signed_files.save(store, store.own, HEADS, heads)
        _restore_contexts(store, offered)
    state.look_again()  # the remote may have newer heads of ours than our branch


def _read(store: Store, path: str) -> bytes:
    return signed_files.read(store, store.own, path)


def _offered(store: Store, branch: Branch, ours: BranchTip) -> dict[str, bytes]:
    """Return our certificate, heads and shared contexts as our branch has them, by path."""
    files = branch.listing(ours, store.log).stores.get(store.own, StoreFiles()).files
    oids = {path: blob.oid for path, blob in files.items() if path in _PATHS or signed_files.is_context(path)}
    contents = branch.blobs(oids.values())
    return {path: contents[oid] for path, oid in oids.items() if oid in contents}


def _restore_contexts(store: Store, offered: dict[str, bytes]) -> None:
    """Restore the shared contexts that the restored heads sign, and that went with them."""
    heads = signed_files.heads(store, store.own)
    for path, digest in heads.files.items() if heads is not None else ():
        lost = signed_files.is_context(path) and not signed_files.is_kept(store, store.own, path)
        if lost and fingerprint(offered.get(path, b"")) == digest:
            signed_files.save(store, store.own, path, offered[path])


def _counter(store: Store, heads: bytes) -> int:
    try:
        return verify_heads(heads, signed_files.certificate(store, store.own)).ctr if heads else 0
    except AdmissionError:
        return 0


def _made_again(store: Store) -> bytes:
    """Make the certificate of this store as `init` made it, from the store's key."""
    private = bytes.fromhex(store.host.storage.read(store.paths.in_var(STORE_KEY)).decode().strip())
    nick = claims.nick(this_computer(system()))
    return keys.certificate(private, keys.public(private), nick, _created(store))


def _created(store: Store) -> int:
    """Return when this store was made, as far as it is known."""
    try:
        return int(values.loads(store.host.storage.read(store.paths.in_var(STORE_FILE)))["created"])
    except (FileNotFoundError, StorageFailed, ValueError, KeyError, TypeError):
        return store.host.clock.wall_ms()
