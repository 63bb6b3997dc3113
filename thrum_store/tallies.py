"""What the segments of the logs hold, counted as they are read: a purge is foreseen by it without reading them."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from .log import Reading

_ADD = (
    "INSERT INTO segments (id, segment, seq, events, messages, bytes, latest_ms) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id, segment) DO UPDATE SET seq = excluded.seq, events = events + excluded.events,"
    " messages = messages + excluded.messages, bytes = bytes + excluded.bytes,"
    " latest_ms = max(latest_ms, excluded.latest_ms)"
)


class Tally(NamedTuple):
    """Up to which sequence a segment was read, what was found in it, and the latest time that an event there gives."""

    segment: int
    seq: int
    events: int
    messages: int
    bytes: int
    latest_ms: int


def of(reading: Reading) -> Tally:
    """What a reading adds to its segment."""
    if not reading.events:
        return Tally(reading.head.segment, reading.head.seq, 0, 0, 0, 0)
    kinds = [event.kind for event in reading.events]
    latest = max(event.ms for event in reading.events)
    size = reading.ends[-1] - reading.start
    return Tally(reading.head.segment, reading.head.seq, len(kinds), kinds.count("message.create"), size, latest)


def add(view: sqlite3.Connection, shard: int, found: Tally) -> None:
    """Notes it in the row of the shard's segment, inside of the transaction that shows the events."""
    if found.events:
        view.execute(_ADD, (shard, *found))
