"""Writes the rows of the view: messages with their deliveries and tags, shards, and statistics per segment."""

from __future__ import annotations

from thrum_store import json_codec
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from thrum_store.log.segments import Reading

    from .database import Connection

    Columns = tuple[str, ...]
    Row = tuple[object, ...]

_ALWAYS = "number, id, author, seq, sent_ms, received_ms, format, content, audience, recipients, wide"
_NEW = "INSERT INTO deliveries (recipient, number, message, late) VALUES (?1, ?2, ?2, 0)"
_DELIVERY = "INSERT INTO deliveries (recipient, number, message, late, read_ms) VALUES (?, ?, ?, ?, ?)"
_TAG = "INSERT OR IGNORE INTO tags (field, type, value, message) VALUES (?, ?, ?, ?)"
_BATCH = 1000
_STATEMENTS: dict[Columns, str] = {}


def _insert_message(others: Columns) -> str:
    """Return the INSERT of a message that has these columns as well: the driver takes longest over a None."""
    sql = _STATEMENTS.get(others)
    if sql is None:
        columns = f"{_ALWAYS}, {', '.join(others)}" if others else _ALWAYS
        sql = f"INSERT OR IGNORE INTO messages ({columns}) VALUES (?{', ?' * columns.count(',')})"
        _STATEMENTS[others] = sql
    return sql


class MessageRows:
    """Writes rows at once, or while a view is rebuilt a thousand at a time; call `flush` before reading the tables."""

    def __init__(self, connection: Connection, *, together: bool) -> None:
        self._db = connection
        self._together = together  # ids were verified then, so none can be taken already
        self._waiting: dict[str, list[Row]] = {}
        self._messages = 0  # among them

    def message(self, row: Row, others: Columns) -> bool:
        """Write a message: the values of the usual columns, then of the `others`. Return False if its id is taken."""
        sql = _insert_message(others)
        if not self._together:
            return self._db.execute(sql, row).rowcount > 0
        if self._messages >= _BATCH:
            self.flush()
        self._messages += 1
        self._waiting.setdefault(sql, []).append(row)
        return True

    def new_deliveries(self, recipients: list[int], number: int) -> None:
        """Write unread deliveries of a message to the recipients that it names."""
        self._write(_NEW, [(recipient, number) for recipient in recipients])

    def deliveries(self, rows: list[Row]) -> None:
        """Write deliveries of one message that came late, or were read before."""
        self._write(_DELIVERY, rows)

    def tags(self, field: str, pairs: Iterable[Iterable[str]], number: int) -> None:
        """Write the scopes, refs or wide addresses of a message."""
        self._write(_TAG, [(field, *pair, number) for pair in pairs])

    def flush(self) -> None:
        """Write the rows that wait."""
        if self._waiting:
            for sql, rows in self._waiting.items():
                self._db.executemany(sql, rows)
            self._waiting.clear()
            self._messages = 0

    def _write(self, sql: str, rows: list[Row]) -> None:
        if self._together:
            self._waiting.setdefault(sql, []).extend(rows)
        else:
            self._db.executemany(sql, rows)


def as_json(value: object) -> str | None:
    """Return a value as a column holds it: compact JSON, or NULL for None."""
    return None if value is None else json_codec.compact(value)


def fast_json() -> Callable[[object], str | None]:
    """Return `as_json` for lists of texts: it takes 30 ms to load and is five times as fast. Numbers may differ."""
    from orjson import dumps

    return lambda value: None if value is None else dumps(value).decode()


class ShardIds:
    """The ids under which a view keeps its shards. They are given once, so one connection remembers them."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._ids: dict[tuple[str, str], int] = {}
        self._agents: dict[int, str] = {}

    def known(self, store: str, agent: str) -> int | None:
        """Return the id of a shard that was asked for before."""
        return self._ids.get((store, agent))

    def of(self, shard: Shard) -> int:
        """Return the id of a shard; a shard that is mentioned before it has an event gets a row."""
        number = self._ids.get(shard)
        if number is None:
            row = self._db.execute("SELECT id FROM shards WHERE store = ? AND agent = ?", shard).fetchone()
            number = self._ids[shard] = int(row[0]) if row else self._new(shard)
            self._agents[number] = shard.agent
        return number

    def agent(self, number: int) -> str:
        """Return the name of the agent whose shard has this id."""
        name = self._agents.get(number)
        if name is None:
            (name,) = self._db.execute("SELECT agent FROM shards WHERE id = ?", (number,)).fetchone()
            self._agents[number] = name
        return name

    def forget(self) -> None:
        """Forget all ids: a transaction that was undone may have given some to others."""
        self._ids.clear()
        self._agents.clear()

    def _new(self, shard: Shard) -> int:
        sql = "INSERT INTO shards (store, agent, hash) VALUES (?, ?, ?) RETURNING id"
        (row,) = self._db.execute(sql, (*shard, ShardPosition().hash)).fetchone()
        return int(row)


class SegmentStats(NamedTuple):
    """Statistics of a segment, collected while reading, so that a purge can be previewed without reading logs again.

    `seq`: the last sequence that was read. `latest_ms`: the latest time of an event.
    """

    segment: int
    seq: int
    events: int = 0
    messages: int = 0
    bytes: int = 0
    latest_ms: int = 0


def stats_of(reading: Reading) -> SegmentStats:
    """Return the statistics that a reading adds to its segment."""
    events, head = reading.events, reading.head
    if not events:
        return SegmentStats(head.segment, head.seq)
    messages = sum(event.type == "message.create" for event in events)
    latest = max(event.ms for event in events)
    return SegmentStats(head.segment, head.seq, len(events), messages, reading.ends[-1] - reading.start, latest)


_ADD = (
    "INSERT INTO segments (id, segment, seq, events, messages, bytes, latest_ms) {}"
    " ON CONFLICT (id, segment) DO UPDATE SET seq = excluded.seq, events = events + excluded.events,"
    " messages = messages + excluded.messages, bytes = bytes + excluded.bytes,"
    " latest_ms = max(latest_ms, excluded.latest_ms)"
)
_OVER = "id = ? AND segment != ? AND events"
_BEGINNING = 1024  # bytes in which a segment's first event begins: its header is shorter


def roll_segment(view: Connection, shard: int, reading: Reading) -> None:
    """When a read starts a new segment, move the finished one's counters from the shard's row to `segments`."""
    if reading.start < _BEGINNING:
        counters = f"SELECT id, segment, seq, events, messages, bytes, latest_ms FROM shards WHERE {_OVER}"
        view.execute(_ADD.format(counters), (shard, reading.head.segment))
        view.execute(
            f"UPDATE shards SET events = 0, messages = 0, bytes = 0, latest_ms = 0 WHERE {_OVER}",
            (shard, reading.head.segment),
        )


def save_rebuilt(view: Connection, shard: int, stats: list[SegmentStats], segment: int) -> SegmentStats:
    """Write the statistics that a rebuild collected; return those of `segment`, which the shard's row counts."""
    last = SegmentStats(segment, 0)
    for part in stats:
        if part.segment == segment:
            events, messages, size = (last[at] + part[at] for at in (2, 3, 4))
            last = SegmentStats(segment, part.seq, events, messages, size, max(last.latest_ms, part.latest_ms))
        elif part.events:
            view.execute(_ADD.format("VALUES (?, ?, ?, ?, ?, ?, ?)"), (shard, *part))
    return last
