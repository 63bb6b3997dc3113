"""The small files beside the shards: who a store is, what it signed, and what it lets others know.

They lie in the logs' directory like the shards, `<store>/store.json` and `<store>/heads.json`, and outlive the view.
"""

from __future__ import annotations

import os

from thrum_store.store import Store

from .refusal import AdmissionError
from .signed_heads import SignedHeads, StoreCertificate, identified, mark, verified

CARD, HEADS, LIVE = "store.json", "heads.json", "live.json"


def read(store: Store, whose: str, path: str) -> bytes:
    """A file of a store, by its path below it; empty where there is none."""
    try:
        return store.host.storage.read(os.path.join(store.paths.logs, whose, path))
    except FileNotFoundError:
        return b""


def keep(store: Store, whose: str, path: str, data: bytes) -> None:
    """Keeps a file of a store, in place of what was there."""
    target = os.path.join(store.paths.logs, whose, path)
    store.host.storage.directory(os.path.dirname(target))
    store.host.storage.replace(target, data)


def card(store: Store, whose: str, offered: bytes = b"") -> StoreCertificate:
    """Who a store is: as we know it, else as it was offered. Raises Refusal."""
    return identified(read(store, whose, CARD) or offered, whose)


def heads(store: Store, whose: str) -> SignedHeads | None:
    """The last heads that we know of a store; None where there are none, or where the file has rotted."""
    data = read(store, whose, HEADS)
    try:
        return verified(data, card(store, whose)) if data else None
    except AdmissionError:
        return None  # they come again with the next look at a branch that has them


def listed(store: Store, whose: str, told: SignedHeads) -> dict[str, bytes]:
    """The files that a store signed and that we have, by their path below it."""
    found = {path: read(store, whose, path) for path in told.files}
    return {path: data for path, data in found.items() if data and mark(data) == told.files[path]}
