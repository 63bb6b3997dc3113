"""Applies events to the view. The only way in: a local send, a sync and a rebuild all end here.

`Projection` applies events of any shards inside of one transaction. The same set of events gives the same rows,
in any order between shards, any batches and with repeats: only `number` and `received_ms` tell the order of arrival.
The rules of each event type stand in `events/`.
"""

from __future__ import annotations

from thrum_store import values
from thrum_store.log.events import EVENT_TYPES, TIMES, authentic, original
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.values import NamedTuple

from .database import SegmentStats, ShardIds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from thrum_store.log.segments import Reading

    from .database import Connection

    Columns = tuple[str, ...]
    Row = tuple[object, ...]
    from collections.abc import Mapping
    from typing import Any, Protocol

    from thrum_store.log.events import Data, Draft, Event

    from .queries.purge import ShardPurge

    class Rules(Protocol):
        """The rules of an event type; its docstring gives the meaning of such an event."""

        schema: Mapping[str, str]  # field -> one of SHAPES; `?` marks a field that may be missing
        sample: Mapping[str, Any]  # data of such an event, for the tests

        @staticmethod
        def apply(projection: Projection, event: Event, author: int) -> None:
            """Change the view for this event; `author` is the id of the event's shard."""

        @staticmethod
        def carried(purge: ShardPurge) -> list[Draft]:
            """Return copies of the purged events of this type that must still hold."""
            ...


# --- rows -------------------------------------------------------------------------------------------------------------
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
        """Write the buffered rows."""
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
    return None if value is None else values.compact(value)


def fast_json() -> Callable[[object], str | None]:
    """Return `as_json` for lists of texts: it takes 30 ms to load and is five times as fast. Numbers may differ."""
    from orjson import dumps

    return lambda value: None if value is None else dumps(value).decode()


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


# --- events -----------------------------------------------------------------------------------------------------------
# How far numbering went; whether any receipt waits for its delivery; whether any agent was ever deleted.
_START = (
    "SELECT coalesce((SELECT ingest FROM counter), 0), EXISTS (SELECT 1 FROM receipts),"
    " EXISTS (SELECT 1 FROM deletions)"
)


class Projection:
    """Applies events to the view on an open transaction; `finish` settles late deliveries and deletions."""

    def __init__(
        self, connection: Connection, shards: ShardIds, own: str, now_ms: int, *, rebuilding: bool = False
    ) -> None:
        self.db = connection
        self.shards = shards
        self.own = own
        self.now_ms = now_ms
        self.rebuilding = rebuilding  # then an event counts as received when it was sent
        self.rows = MessageRows(connection, together=rebuilding)
        self.as_json = fast_json() if rebuilding else as_json
        ingest, receipts, deletions = connection.execute(_START).fetchone()
        self.ingest = int(ingest)  # the number that was given last
        self.receipts_wait = bool(receipts)
        self.recipients: set[str] = set()  # whose bells to ring
        self.deleted_messages: list[tuple[int]] = []  # whose deliveries go at the end
        self.wide_messages: set[int] = set()  # to a role, a group or everyone
        self.audience_ms: int | None = None  # from when on messages may reach others than before
        self.deletions_since = self.ingest if deletions else None  # deliveries up to here were settled before
        self.floors: Mapping[Shard, int] = {}  # messages of other stores up to here are hidden on this machine
        self._said_ms: dict[int, int] = {}

    def apply(self, event: Event) -> None:
        """Apply one event, after the earlier ones of its shard. One of an unknown type changes nothing."""
        shard = self.shards.known(event.store, event.agent) or self.shards.of(Shard(event.store, event.agent))
        rules = _CHECKED.get(event.type) or _checked(event.type)
        if rules is not None:
            reason = "its id belongs to another event" if self._forged(event) else malformed(event.type, event.data)
            if reason:
                self.db.execute("INSERT OR IGNORE INTO rejected VALUES (?, ?, ?)", (shard, event.seq, reason))
            else:
                if event.type != "message.create":
                    self.rows.flush()
                rules.apply(self, original(event), shard)
        self._said_ms[shard] = max(self._said_ms.get(shard, 0), min(event.ms, self.now_ms))

    def _forged(self, event: Event) -> bool:
        return event.store != self.own and not authentic(event)

    def absorb(self, shard: Shard, reading: Reading) -> None:
        """Apply all of a reading of a shard, and end the transaction."""
        for event in reading.events:
            self.apply(event)
        roll_segment(self.db, self.shards.of(shard), reading)
        self.advance(shard, reading.head, reading.damage or None, stats_of(reading))
        self.finish()

    def advance(
        self, shard: Shard, head: ShardPosition, frozen: str | None = None, stats: SegmentStats | None = None
    ) -> None:
        """Save the position of the shard, the reason if it is frozen, and the statistics of its last segment."""
        number = self.shards.of(shard)
        counters = stats[2:] if stats else (0, 0, 0, 0)
        self.db.execute(
            "UPDATE shards SET segment = ?, position = ?, seq = ?, hash = ?, frozen = ?, said_ms = max(said_ms, ?),"
            " events = events + ?, messages = messages + ?, bytes = bytes + ?, latest_ms = max(latest_ms, ?)"
            " WHERE id = ?",
            (*head, frozen, self._said_ms.get(number, 0), *counters, number),
        )

    def finish(self) -> None:
        """Settle late deliveries and deletions: the last step of the transaction."""
        self.rows.flush()
        if self.deleted_messages:
            self.db.executemany("DELETE FROM deliveries WHERE message = ?", self.deleted_messages)
        if (self.wide_messages or self.audience_ms is not None) and self._several_stores():
            from . import late_delivery  # only where a message may reach another store

            late_delivery.settle(self.db, self.wide_messages, self.audience_ms, self._deliver_late)
            self.rows.flush()  # these deliveries, too, may be taken from a deleted agent
        if self.deletions_since is not None:
            self._empty_deleted_mailboxes(self.deletions_since)
        self.db.execute("INSERT OR REPLACE INTO counter (id, ingest) VALUES (1, ?)", (self.ingest,))

    def _several_stores(self) -> bool:
        (stores,) = self.db.execute("SELECT count(*) FROM (SELECT DISTINCT store FROM shards LIMIT 2)").fetchone()
        return int(stores) > 1

    def _empty_deleted_mailboxes(self, since: int) -> None:
        """Take mail from before a deletion out of the deleted agent's mailbox; its receipts wait as before.

        Deliveries up to the number `since` are in order. An agent that registers under the same name later begins with
        an empty mailbox, in whichever order the deletion and the mail arrive.
        """
        rows = self.db.execute(
            "SELECT d.recipient, d.number, m.id, d.read_ms FROM deletions x"
            " CROSS JOIN deliveries d ON d.recipient = x.agent AND d.number > ?"  # in this order: `deletions` is small
            " CROSS JOIN messages m ON m.number = d.message WHERE m.sent_ms <= x.ms",
            (since,),
        ).fetchall()
        self.db.executemany("DELETE FROM deliveries WHERE recipient = ? AND number = ?", [row[:2] for row in rows])
        self.db.executemany(
            "INSERT OR IGNORE INTO receipts VALUES (?, ?, ?)",
            [(message, reader, ms) for reader, _, message, ms in rows if ms is not None],
        )

    # what the rules of several types need

    def next_number(self) -> int:
        """Return the next ingest number."""
        self.ingest += 1
        return self.ingest

    def audience_changed(self, ms: int) -> None:
        """Note a registration or membership of this time: messages from then on may reach others."""
        self.audience_ms = ms if self.audience_ms is None else min(self.audience_ms, ms)

    def deliver(self, recipients: list[int], number: int, message: int, message_id: str, *, late: bool) -> None:
        """Put a message into mailboxes under an ingest number; receipts that came before it count."""
        early = self._early_receipts(message_id) if self.receipts_wait else {}
        if early or late:
            self.rows.deliveries(
                [(recipient, number, message, int(late), early.get(recipient)) for recipient in recipients]
            )
            read = [(message_id, recipient) for recipient in recipients if recipient in early]
            self.db.executemany("DELETE FROM receipts WHERE message = ? AND reader = ?", read)
        else:
            self.rows.new_deliveries(recipients, number)
        if not self.rebuilding:
            self.recipients.update(map(self.shards.agent, recipients))

    def _deliver_late(self, recipient: int, message: int, message_id: str) -> None:
        self.deliver([recipient], self.next_number(), message, message_id, late=True)

    def _early_receipts(self, message_id: str) -> dict[int, int]:
        sql = "SELECT reader, ms FROM receipts WHERE message = ?"
        return dict(self.db.execute(sql, (message_id,)).fetchall())

    def keep_indexed_text(self, condition: str, *bound: object) -> None:
        """Keep the text of messages that the search index knows: an entry is removed with the text it was made from."""
        if not self.rebuilding:
            self.db.execute(
                "INSERT OR IGNORE INTO reworded SELECT number, content FROM messages"
                f" WHERE {condition} AND deleted_ms IS NULL AND number IN (SELECT id FROM words_docsize)",
                bound,
            )


class _Checked(NamedTuple):
    """The rules of an event type in the form that is quick to apply."""

    apply: Callable[[Projection, Event, int], None]
    required: tuple[str, ...]
    checks: dict[str, Callable[[Any], bool]]


_CHECKED: dict[str, _Checked] = {}  # of the types that were met so far


def rules_of(event_type: str) -> type[Rules]:
    """Return the rules of a known event type, from the file named like its first word, loaded at first use."""
    subject = event_type.partition(".")[0]
    file = __import__(f"{__package__}.events.{subject}", fromlist=("RULES",))  # `importlib` would load `typing`
    rules: type[Rules] = file.RULES[event_type]
    return rules


def _checked(event_type: str) -> _Checked | None:
    if event_type not in EVENT_TYPES:
        return None
    rules = rules_of(event_type)
    required = tuple(field for field in rules.schema if not field.endswith("?"))
    checks = {field.removesuffix("?"): SHAPES[shape] for field, shape in rules.schema.items()}
    _CHECKED[event_type] = _Checked(rules.apply, required, checks)
    return _CHECKED[event_type]


def malformed(event_type: str, data: Data) -> str:
    """Return why the data does not fit the schema of its type, or an empty text."""
    checked = _CHECKED.get(event_type) or _checked(event_type)
    if checked is None:
        return ""
    for name in checked.required:
        if name not in data:
            return f"{event_type} lacks {name!r}"
    checks = checked.checks
    for name, value in data.items():
        if name in checks and not checks[name](value):
            return f"{event_type} has a malformed {name!r}"
    return ""


_ONLY_TEXT = {str}
_TWO_TEXTS = [str, str]


def _is_text(value: Any) -> bool:
    return value.__class__ is str


def _is_object(value: Any) -> bool:
    return value.__class__ is dict


def _is_texts(value: Any) -> bool:
    return value.__class__ is list and {*map(type, value)} <= _ONLY_TEXT


def _is_pairs(value: Any) -> bool:
    return value.__class__ is list and all(map(_is_pair, value))


def _is_pair(value: Any) -> bool:
    return value.__class__ is list and [*map(type, value)] == _TWO_TEXTS


def _is_origin(value: Any) -> bool:
    return value.__class__ is list and [part.__class__ for part in value] == [int, int] and abs(value[1]) <= TIMES


SHAPES: dict[str, Callable[[Any], bool]] = {
    "text": _is_text,
    "object": _is_object,
    "texts": _is_texts,  # a list of texts
    "pairs": _is_pairs,  # a list of [type, value]
    "origin": _is_origin,  # sequence and milliseconds of the purged event that this one carries forward
}
