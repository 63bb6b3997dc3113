"""Carry-forward: a purge appends copies of events that must still hold, after the purge mark.

Registrations, the open session, groups and their members keep their ids and times, so that everything that refers to
them goes on. Receipts stay for messages that stay. A copy holds `again`, the sequence and the time of its original
(docs/decisions/0008). The rule of each event type stands in `view/events/`.
"""

from __future__ import annotations

import os

from .log.events import EVENT_TYPES
from .view import database
from .view.projection import rules_of
from .view.queries.purge import ShardPurge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .log.events import Draft, Event
    from .log.segments import Shard
    from .store import Store
    from .view.rebuild import Progress

# Those of agents first: the deletion of an agent would end a session that begins before it.
_ORDER = sorted(EVENT_TYPES, key=lambda event_type: not event_type.startswith("agent."))


def carried(store: Store, below: list[Event], above: list[Event], stays: Callable[[str], bool]) -> list[Draft]:
    """Return the copies to append if the events `below` are removed; `stays` tells whether a message remains.

    All of them are of one own shard, in order.
    """
    purge = ShardPurge(store.view, below, above, stays)
    return [draft for event_type in _ORDER for draft in rules_of(event_type).carried(purge)]


def pending(store: Store) -> list[Shard]:
    """Return the shards whose purged events are still on the disk."""
    return [shard for shard in store.purged_log.marks.all() if store.purged_log.pending(shard)]


def remove_purged(store: Store, progress: Progress | None = None) -> None:
    """Rebuild the view without the purged events, then remove them from the logs. Call it under sync.lock.

    In this order, because a view is made again from the logs and never the other way. The view that held the purged
    messages goes as well: a process that still reads it switches to the new one with its next look.
    """
    shards = pending(store)
    store.rebuild(progress)
    for shard in shards:
        with store.shard_lock(shard), store.committing():
            store.purged_log.trim(shard)
    current = os.path.basename(database.current(store.paths.var, store.host) or "")
    for name in store.host.storage.listing(store.paths.var):
        if database.is_generation(name) and not name.startswith(current):
            store.host.storage.remove(os.path.join(store.paths.var, name))
