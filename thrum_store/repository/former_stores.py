"""The stores that this clone was before, and the last events that a store signed."""

from __future__ import annotations

import os

from thrum_store import values
from thrum_store.errors import StorageFailed
from thrum_store.machine.host import Host

from .paths import STORE_FILE, Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Storage


def former_stores(paths: Paths, host: Host) -> frozenset[str]:
    """Return the ids of the stores that this clone was before: it wrote them, and must not any more."""
    try:
        return frozenset(map(str, values.loads(host.storage.read(paths.in_var(STORE_FILE)))["former"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return frozenset()


def signed_ends(logs: str, store: str, storage: Storage) -> dict[str, int]:
    """Return the last event of each log that a store signed, by agent; nothing if that file cannot be read."""
    try:
        shards = values.loads(storage.read(os.path.join(logs, store, "heads.json")))["shards"]
        return {str(agent): int(seq) for agent, (_, seq, _) in shards.items()}
    except (FileNotFoundError, StorageFailed, ValueError, TypeError, KeyError, AttributeError):
        return {}
