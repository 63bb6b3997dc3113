"""What a purge may not take along, although it stands in the same logs: said again behind the cut.

Registrations, the open session, groups and their members keep their ids and times, so that everything that refers to
them goes on. Receipts stay for messages that stay. An event that says something again holds `again`, the sequence and
the time of the one it stands for (docs/decisions/0008).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from .log.events import Draft, Event, original
from .log.segments import Shard
from .store import Store
from .view import database
from .view.generations import Progress
from .view.queries import carry_forward as truths

_REGISTRATIONS = ("agent.register", "agent.delete")
_ADDITIONS = ("group.create", "group.member.add")
_REMOVALS = ("group.delete", "group.member.remove")


def still_true(store: Store, below: list[Event], above: list[Event], stays: Callable[[str], bool]) -> list[Draft]:
    """What to say again when the events `below` go and `above` stay; `stays` tells whether a message does.

    All of them are of one own shard, in order.
    """
    drafts = [_again(event) for event in _registrations(below, above)]
    drafts += [_again(event) for event in below if event.type == "session.start" and _is_open(store, event)]
    drafts += [_again(event) for event in below if event.type in _ADDITIONS and _is_alive(store, event)]
    drafts += [_again(event) for event in below if event.type in _REMOVALS and _is_needed(store, event)]
    receipts = (_receipt(event, stays) for event in below if event.type == "message.read")
    return [*drafts, *(draft for draft in receipts if draft is not None)]


def _again(event: Event) -> Draft:
    seq = event.seq if original(event) is event else event.data["again"][0]
    return Draft(event.type, {**event.data, "again": [seq, original(event).ms]})


def _registrations(below: Iterable[Event], above: Iterable[Event]) -> list[Event]:
    """The last one that goes and all that stay: the last one in the log is the one that counts."""
    gone = [event for event in below if event.type in _REGISTRATIONS]
    kept = [event for event in above if event.type in _REGISTRATIONS]
    if not gone or (gone[-1].type == "agent.delete" and not kept):
        return []
    return [gone[-1], *kept]


def _is_open(store: Store, event: Event) -> bool:
    return truths.is_open(store.view, original(event).id)


def _is_alive(store: Store, event: Event) -> bool:
    return truths.is_alive(store.view, original(event).id)


def _is_needed(store: Store, event: Event) -> bool:
    return any(truths.is_known(store.view, added) for added in event.data["added"])


def _receipt(event: Event, stays: Callable[[str], bool]) -> Draft | None:
    kept = [message for message in event.data["messages"] if stays(message)]
    if not kept:
        return None
    draft = _again(event)
    return Draft(draft.type, {**draft.data, "messages": kept})


def pending(store: Store) -> list[Shard]:
    """The shards of which purged events are still on the disk."""
    return [shard for shard in store.purged_log.marks.all() if store.purged_log.pending(shard)]


def carry_out(store: Store, progress: Progress | None = None) -> None:
    """Makes a view without what was purged, and removes it from the logs. Call it under sync.lock.

    In this order, because a view is made again from the logs and never the other way. The view that held the purged
    messages goes as well: whoever still reads it goes over to the new one with its next look.
    """
    shards = pending(store)
    store.rebuild(progress)
    for shard in shards:
        with store.shard_lock(shard), store.committing():
            store.purged_log.trim(shard)
    counts = os.path.basename(database.current(store.paths.var, store.host) or "")
    for name in store.host.storage.listing(store.paths.var):
        if database.is_generation(name) and not name.startswith(counts):
            store.host.storage.remove(os.path.join(store.paths.var, name))
