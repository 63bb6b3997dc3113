"""The part of the Go program's data that is here already: the logs name it, and a file names what was purged since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from thrum_store.log.events import Event, fast_parser, original
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.repository.paths import IMPORTED
from thrum_store.store import Store
from thrum_store.view.queries import imported, lookup, shards

MARK = "go"  # the field of an imported event that names its origin


class Already(NamedTuple):
    """Our id of each imported event (`made`), "" where it was purged since, and messages that bear no such mark.

    `messages`: our ids by old ids; `versions`: the edits of those that an earlier version imported. `settled`: all of
    it was shown and noted, so no import was interrupted.
    """

    made: dict[str, str]
    messages: dict[str, str]
    versions: dict[str, int]
    agents: dict[str, imported.Known]
    elsewhere: dict[str, str]  # messages that another store imported: our id by old id
    settled: bool


def look(store: Store) -> Already:
    """Return what was imported before. All logs of this store are read, in linear time."""
    noted = dict.fromkeys(_noted(store), "")
    marked = {event.data[MARK]: original(event).id for event in _own_events(store) if MARK in event.data}
    rows = imported.messages(store.view, store.own)
    unmarked = {row.old_id: row for row in rows if row.own and not row.marked}
    return Already(
        made={**noted, **marked},
        messages={old_id: row.id for old_id, row in unmarked.items()},
        versions={old_id: row.version for old_id, row in unmarked.items()},
        agents=imported.agents(store.view, store.own),
        elsewhere={row.old_id: row.id for row in rows if row.wide and row.marked and not row.own},
        settled=marked.keys() <= noted.keys(),
    )


def note(store: Store, origins: Iterable[str]) -> None:
    """Write down what was imported, so that a purge removes it for good."""
    lines = "".join(f"{origin}\n" for origin in sorted(origins))
    store.host.storage.replace(store.paths.in_var(IMPORTED), lines.encode())


def unread(store: Store, reader: str) -> set[str]:
    """Return the ids of an agent's unread messages, registered or not yet."""
    number = shards.number(store.view, store.own, reader)
    return set() if number is None else set(lookup.unread_ids(store.view, number))


def _noted(store: Store) -> list[str]:
    try:
        return store.host.storage.read(store.paths.in_var(IMPORTED)).decode().split("\n")[:-1]
    except FileNotFoundError:
        return []


def _own_events(store: Store) -> Iterator[Event]:
    for shard in store.log.shards():
        if shard.store == store.own:
            yield from _events(store, shard)


def _events(store: Store, shard: Shard) -> Iterator[Event]:
    head, parse = ShardPosition(), fast_parser()
    while True:
        reading = store.log.read(shard, head, parse)
        yield from reading.events
        if reading.head == head or reading.damage:
            return
        head = reading.head
