"""Damage reports: the part of a log that is whole from its beginning, and the damage after it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from thrum_store import values
from thrum_store.identity import short_id
from thrum_store.log.events import Event, InvalidLine, decode, fast_parser, fingerprint, plain_parser
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.repository.former_stores import signed_ends
from thrum_store.repository.paths import DAMAGED, LOST
from thrum_store.store import Store
from thrum_store.values import NamedTuple
from thrum_store.view.queries import shards


class DamageReport(NamedTuple):
    """The end of the whole part of a log, the damage after it (empty: none), and the last event that ever existed."""

    head: ShardPosition
    why: str
    last: int

    @property
    def lost(self) -> list[int]:
        """The first and the last event that cannot be read; empty if all can."""
        return [self.head.seq + 1, self.last] if self.last > self.head.seq else []


def examine(store: Store, shard: Shard) -> DamageReport:
    """Read a log from its first event on. Raises StorageFailed."""
    parse, head = fast_parser(), ShardPosition()
    while True:
        reading = store.log.read(shard, head, parse)
        progressed, head = reading.head != head, reading.head
        if reading.damage or reading.torn or not progressed:
            break
    last = max(head.seq, store.head(shard)[0].seq, _published(store, shard), *_sequences(store, shard, head))
    if reading.damage:
        return DamageReport(head, reading.damage, max(last, head.seq + 1))
    return DamageReport(head, "the rest of it is gone" if last > head.seq else "", last)


def _published(store: Store, shard: Shard) -> int:
    """Return the last event of one of our logs that we signed."""
    if shard.store != store.own:
        return 0
    return signed_ends(store.log.root, store.own, store.host.storage).get(shard.agent, 0)


def _sequences(store: Store, shard: Shard, head: ShardPosition) -> list[int]:
    return [0, *(seq for seq, _ in _lines_behind(store, shard, head))]


def _lines_behind(store: Store, shard: Shard, head: ShardPosition) -> Iterator[tuple[int, bytes]]:
    """Yield sequence and bytes of the readable lines after `head` that the chain does not reach."""
    for number in store.purged_log.numbers(shard):
        if number >= head.segment:
            start = head.offset if number == head.segment else 0
            for line in content(store, shard, number)[start:].split(b"\n"):
                event = event_in(line)
                if event is not None and event.seq > head.seq and event[:2] == shard:
                    yield event.seq, line


def event_in(line: bytes) -> Event | None:
    """Return the event in a line, for any place; None if there is none."""
    try:
        return decode(line, plain_parser)
    except InvalidLine:
        return None


def content(store: Store, shard: Shard, number: int) -> bytes:
    """Return the bytes of a segment; empty if it is missing."""
    try:
        return store.host.storage.read(store.log.segment(shard, number))
    except FileNotFoundError:
        return b""


def keep(store: Store, shard: Shard, number: int) -> None:
    """Save a copy of a segment in `.git/thrum-sync/var/damaged` for people to look at."""
    data = content(store, shard, number)
    if data:
        directory = store.paths.in_var(DAMAGED)
        store.host.storage.directory(directory)
        name = f"{short_id(shard.store)}.{shard.agent}-{number}-{fingerprint(data)[:8]}"
        store.host.storage.replace(os.path.join(directory, name), data)


def export(store: Store, shard: Shard, damage: DamageReport) -> None:
    """Save the remains of lost events in `.git/thrum-sync/var/lost`: their own lines, else the messages in the view."""
    first, last = damage.lost
    messages = shards.messages_after(store.view, shard.store, shard.agent, first - 1)
    lines = {seq: values.spaced({"n": seq, **fields}).encode() for seq, fields in messages.items()}
    lines |= dict(_lines_behind(store, shard, damage.head))
    directory = store.paths.in_var(LOST)
    store.host.storage.directory(directory)
    name = f"{short_id(shard.store)}.{shard.agent}-{first}-{last}.jsonl"
    if name not in store.host.storage.listing(directory):  # the first export knew the most
        store.host.storage.replace(os.path.join(directory, name), b"".join(lines[seq] + b"\n" for seq in sorted(lines)))
