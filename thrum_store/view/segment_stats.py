"""What the segments of the logs hold, counted as they are read: a purge is foreseen by it without reading them."""

import sqlite3
from typing import NamedTuple

from thrum_store.log.segments import Reading

_ADD = (
    "INSERT INTO segments (id, segment, seq, events, messages, bytes, latest_ms) {}"
    " ON CONFLICT (id, segment) DO UPDATE SET seq = excluded.seq, events = events + excluded.events,"
    " messages = messages + excluded.messages, bytes = bytes + excluded.bytes,"
    " latest_ms = max(latest_ms, excluded.latest_ms)"
)
_VALUES = _ADD.format("VALUES (?, ?, ?, ?, ?, ?, ?)")
_OVER = "id = ? AND segment != ? AND events"
_MOVE = _ADD.format(f"SELECT id, segment, seq, events, messages, bytes, latest_ms FROM shards WHERE {_OVER}")
_CLEAR = f"UPDATE shards SET events = 0, messages = 0, bytes = 0, latest_ms = 0 WHERE {_OVER}"
_BEGINNING = 1024  # bytes in which a segment's first event begins: its header is shorter


class SegmentStats(NamedTuple):
    """Up to which sequence a segment was read, what was found in it, and the latest time that an event there gives."""

    segment: int
    seq: int
    events: int
    messages: int
    bytes: int
    latest_ms: int


NOTHING = SegmentStats(0, 0, 0, 0, 0, 0)


def of(reading: Reading) -> SegmentStats:
    """What a reading adds to its segment."""
    if not reading.events:
        return SegmentStats(reading.head.segment, reading.head.seq, 0, 0, 0, 0)
    kinds = [event.type for event in reading.events]
    latest = max(event.ms for event in reading.events)
    size = reading.ends[-1] - reading.start
    return SegmentStats(reading.head.segment, reading.head.seq, len(kinds), kinds.count("message.create"), size, latest)


def keep(view: sqlite3.Connection, shard: int, found: list[SegmentStats], segment: int) -> SegmentStats:
    """Notes what a rebuild found, segment by segment; returns what is of the last one, which the shard's row counts."""
    last = SegmentStats(segment, 0, 0, 0, 0, 0)
    for one in found:
        if one.segment == segment:
            last = _together(last, one)
        elif one.events:
            view.execute(_VALUES, (shard, *one))
    return last


def _together(one: SegmentStats, more: SegmentStats) -> SegmentStats:
    events, messages, size = (one[at] + more[at] for at in (2, 3, 4))
    return SegmentStats(more.segment, more.seq, events, messages, size, max(one.latest_ms, more.latest_ms))


def turn(view: sqlite3.Connection, shard: int, reading: Reading) -> None:
    """Where a reading begins a segment, what the shard's row counted of the one before goes into that one's own row."""
    if reading.start < _BEGINNING:
        view.execute(_MOVE, (shard, reading.head.segment))
        view.execute(_CLEAR, (shard, reading.head.segment))
