"""The signed files beside the shards: a store's certificate, its signed heads, presence states and shared contexts.

They are kept in the logs' directory, `<store>/store.json` and `<store>/heads.json`, and outlive the view.
"""

from __future__ import annotations

import os

from thrum_store.log.events import fingerprint
from thrum_store.repository.paths import shared_context
from thrum_store.store import Store

from .signed_heads import AdmissionError, SignedHeads, StoreCertificate, verify_certificate, verify_heads

CERTIFICATE, HEADS, PRESENCE = "store.json", "heads.json", "live.json"


def read(store: Store, owner: str, path: str) -> bytes:
    """Return a file of the store `owner` by its path below that store; empty if it is missing."""
    try:
        return store.host.storage.read(os.path.join(store.paths.logs, owner, path))
    except FileNotFoundError:
        return b""


def is_context(path: str) -> bool:
    """Return whether a path below a store is that of a shared context."""
    return path == shared_context(path.partition("/")[0])


def is_kept(store: Store, owner: str, path: str) -> bool:
    """Return whether a file of the store `owner` is on the disk, be it empty."""
    return store.host.storage.size(os.path.join(store.paths.logs, owner, path)) >= 0


def remove(store: Store, owner: str, path: str) -> None:
    """Remove a file of the store `owner`."""
    store.host.storage.remove(os.path.join(store.paths.logs, owner, path))


def save(store: Store, owner: str, path: str, data: bytes) -> None:
    """Replace a file of the store `owner`."""
    target = os.path.join(store.paths.logs, owner, path)
    store.host.storage.directory(os.path.dirname(target))
    store.host.storage.replace(target, data)


def certificate(store: Store, owner: str, offered: bytes = b"") -> StoreCertificate:
    """Return the certificate that we have of a store, else the offered one. Raises AdmissionError."""
    data = read(store, owner, CERTIFICATE)
    return verify_certificate(data if is_certificate(data, owner) else offered or data, owner)


def is_certificate(data: bytes, owner: str) -> bool:
    """Return whether these bytes are the certificate of that store, whole."""
    try:
        verify_certificate(data, owner)
    except AdmissionError:
        return False
    return True


def heads(store: Store, owner: str) -> SignedHeads | None:
    """Return the newest signed heads that we have of a store; None if there are none or the file is damaged."""
    data = read(store, owner, HEADS)
    try:
        return verify_heads(data, certificate(store, owner)) if data else None
    except AdmissionError:
        return None  # the next look at a branch that has them brings them back


def signed_contents(store: Store, owner: str, signed: SignedHeads) -> dict[str, bytes]:
    """Return the files that a store signed and that we have, by their path below the store."""
    contents = {path: read(store, owner, path) for path in signed.files}
    return {path: data for path, data in contents.items() if data and fingerprint(data) == signed.files[path]}
