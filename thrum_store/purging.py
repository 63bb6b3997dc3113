"""Carrying out cuts: the view forgets what they cover, then the disk does. Repeated, it finishes what was left."""

from __future__ import annotations

import os

from . import database
from .log import Shard
from .store import Store
from .view import Progress


def pending(store: Store) -> list[Shard]:
    """The shards of which purged events are still on the disk."""
    return [shard for shard in store.log.cuts.all() if store.log.pending(shard)]


def carry_out(store: Store, progress: Progress | None = None) -> None:
    """Makes a view without what was purged, and removes it from the logs. Call it under sync.lock.

    In this order, because a view is made again from the logs and never the other way. The view that held the purged
    messages goes as well: whoever still reads it goes over to the new one with its next look.
    """
    shards = pending(store)
    store.rebuild(progress)
    for shard in shards:
        with store.shard_lock(shard), store.committing():
            store.log.trim(shard)
    counts = os.path.basename(database.current(store.paths.var, store.host) or "")
    for name in store.host.storage.listing(store.paths.var):
        if database.is_generation(name) and not name.startswith(counts):
            store.host.storage.remove(os.path.join(store.paths.var, name))
