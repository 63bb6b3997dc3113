"""Queries about mailboxes: received and sent messages, reservations, and arrivals for a wait."""

from __future__ import annotations

from thrum_store.values import NamedTuple

from .lookup import COLUMNS, DELIVERED, JOINS, RESERVED_MS, UNREAD, Row, Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from thrum_store.view.database import Connection

HISTORY_MS = 7 * 24 * 3600 * 1000  # how far back a newcomer sees what went to everyone
HISTORY_LIMIT = 50  # messages
_UNREAD_BY = "EXISTS (SELECT 1 FROM {} WHERE d.message = m.number AND d.recipient = :reader AND d.read_ms IS NULL)"


class Filter(NamedTuple):
    """A choice of messages of a mailbox; None means any. `everything`: the whole store's, as `reader` sees them."""

    reader: int
    unread: bool = False
    scope: tuple[str, str] | None = None
    mentioned: tuple[str, str] | None = None
    author: int | None = None
    thread: str | None = None
    after: int | None = None
    everything: bool = False
    source: Source = DELIVERED
    joined_ms: int | None = None  # when the reader registered, if its mailbox is to show what everyone got before


class Page(NamedTuple):
    """A page of rows with the time each was read (None: unread), and the totals of the filter.

    A message that went to others only has the time it arrived: there is nothing to read. The last `history` rows went
    to everyone before the reader registered.
    """

    rows: list[tuple[Row, int | None]]
    total: int
    unread: int
    history: int = 0


def page(view: Connection, wanted: Filter, size: int, number: int) -> Page:
    """Return page `number` (from 1) of `size` messages, newest first."""
    where, bound = _conditions(wanted)
    if wanted.everything:
        unread_by = _UNREAD_BY.format(wanted.source.sql)
        source, read, order = "messages m", f"CASE WHEN {unread_by} THEN NULL ELSE m.received_ms END", "m.number"
    else:
        source, read, order = f"{wanted.source.sql} JOIN messages m ON m.number = d.message", "d.read_ms", "d.number"
    sql = f"SELECT {read}, {COLUMNS} FROM {source}{JOINS} WHERE {where} ORDER BY {order} DESC LIMIT :n OFFSET :k"
    rows = view.execute(sql, {**bound, "n": size, "k": size * (number - 1)}).fetchall()
    total = _count(view, wanted)
    unread = _count(view, wanted._replace(unread=True, everything=False))
    past = _history(view, wanted)
    shown = past[max(size * (number - 1) - total, 0) :][: size - len(rows)]
    return Page([(Row._make(row[1:]), row[0]) for row in rows + shown], total + len(past), unread, len(shown))


_HISTORY = f"""
SELECT m.received_ms, {COLUMNS} FROM messages m INDEXED BY messages_wide{JOINS}
 WHERE m.wide AND m.sent_ms BETWEEN :joined_ms - {HISTORY_MS} AND :joined_ms AND m.deleted_ms IS NULL
   AND m.author != :reader
   AND EXISTS (SELECT 1 FROM tags WHERE field = 'to' AND type = 'everyone' AND message = m.number)
   AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = m.number AND recipient = :reader)
   AND {{where}} ORDER BY m.sent_ms DESC, m.number DESC LIMIT {HISTORY_LIMIT}
"""


def _history(view: Connection, wanted: Filter) -> list[tuple[Any, ...]]:
    """Return what everyone got in the week before the reader registered, newest first.

    It is read by a query each time: nothing is delivered, so no hook and no wait ever sees it.
    """
    if wanted.joined_ms is None or wanted.everything or wanted.unread:
        return []
    where, bound = _conditions(wanted._replace(everything=True))
    return view.execute(_HISTORY.format(where=where), bound).fetchall()


def _count(view: Connection, wanted: Filter) -> int:
    """Count the messages of a filter; a plain mailbox is counted without a look at its messages."""
    where, bound = _conditions(wanted)
    source = "messages m" if wanted.everything else wanted.source.sql
    if not wanted.everything and "m." in where:
        source += " JOIN messages m ON m.number = d.message"
    (count,) = view.execute(f"SELECT count(*) FROM {source} WHERE {where}", bound).fetchone()
    return int(count)


def _conditions(wanted: Filter) -> tuple[str, dict[str, object]]:
    conditions = ["m.deleted_ms IS NULL"] if wanted.everything else ["d.recipient = :reader"]
    if wanted.unread:
        conditions.append("d.read_ms IS NULL")
    fields = wanted._asdict()
    conditions += [condition for field, condition in _CONDITIONS.items() if fields[field] is not None]
    kind, value = fields.pop("scope") or (None, None)
    name, role = fields.pop("mentioned") or (None, None)
    fields |= fields.pop("source").bound
    bound = {"scope_type": kind, "scope_value": value, "name": name, "role": role}
    return " AND ".join(conditions), {**fields, **bound}


_CONDITIONS = {
    "scope": (
        "m.number IN (SELECT message FROM tags WHERE field = 'scopes' AND type = :scope_type AND value = :scope_value)"
    ),
    "mentioned": (
        "m.number IN (SELECT message FROM tags WHERE field = 'refs' AND type = 'mention' AND value IN (:name, :role))"
    ),
    "author": "m.author = :author",
    "thread": "(m.thread = :thread OR m.id = 'msg_' || substr(:thread, 5))",
    "after": "m.number > :after",
}


def has_unread(view: Connection, reader: int, source: Source = UNREAD) -> bool:
    """Return whether a mailbox holds an unread message: one step into an index."""
    sql = f"SELECT 1 FROM {source.sql} WHERE d.recipient = :reader AND d.read_ms IS NULL LIMIT 1"
    return view.execute(sql, {"reader": reader, **source.bound}).fetchone() is not None


def held(view: Connection, reader: int, source: Source = DELIVERED) -> int:
    """Return how many messages a mailbox holds, read or not."""
    sql = f"SELECT count(*) FROM {source.sql} WHERE d.recipient = :reader"
    (count,) = view.execute(sql, {"reader": reader, **source.bound}).fetchone()
    return int(count)


def authored(view: Connection, author: int) -> int:
    """Return how many messages of an agent still exist."""
    sql = "SELECT count(*) FROM messages WHERE author = ? AND deleted_ms IS NULL"
    (count,) = view.execute(sql, (author,)).fetchone()
    return int(count)


def addressed(view: Connection, kind: str, value: str) -> int:
    """Return how many messages went to a role, a group or everyone."""
    sql = "SELECT count(*) FROM tags WHERE field = 'to' AND type = ? AND value = ?"
    (count,) = view.execute(sql, (kind, value)).fetchone()
    return int(count)


def reserve(view: Connection, reader: int, deliveries: list[int], token: str, now_ms: int) -> None:
    """Reserve deliveries for a handover, for RESERVED_MS; a later reservation replaces one that timed out."""
    view.executemany(
        "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)",
        [(reader, number, token, now_ms + RESERVED_MS) for number in deliveries],
    )


def release(view: Connection, token: str) -> None:
    """Release the deliveries that were reserved under this token."""
    view.execute("DELETE FROM claims WHERE token = ?", (token,))


def newest(view: Connection) -> int:
    """Return the highest ingest number: the cursor that means now."""
    row = view.execute("SELECT ingest FROM counter").fetchone()
    return int(row[0]) if row else 0


def sent(
    view: Connection, author: int, to: tuple[str, list[int]] | None, unread_only: bool, size: int, number: int
) -> tuple[list[Row], int]:
    """Return page `number` (from 1) of an author's messages, newest first, and their total number."""
    where = "m.author = :author AND m.deleted_ms IS NULL"
    bound: dict[str, object] = {"author": author}
    if unread_only:
        where += " AND EXISTS (SELECT 1 FROM deliveries d WHERE d.message = m.number AND d.read_ms IS NULL)"
    if to is not None:
        address, recipients = to
        marks = ", ".join(str(int(recipient)) for recipient in recipients)
        where += (
            " AND (EXISTS (SELECT 1 FROM json_each(m.audience) e WHERE json_extract(e.value, '$[1]') = :to)"
            f" OR EXISTS (SELECT 1 FROM deliveries d WHERE d.message = m.number AND d.recipient IN ({marks})))"
        )
        bound["to"] = address
    (total,) = view.execute(f"SELECT count(*) FROM messages m WHERE {where}", bound).fetchone()
    sql = f"SELECT {COLUMNS} FROM messages m{JOINS} WHERE {where} ORDER BY m.number DESC LIMIT :n OFFSET :k"
    rows = view.execute(sql, {**bound, "n": size, "k": size * (number - 1)})
    return [Row._make(row) for row in rows], total


PREVIEW = 100  # characters of a message that a notification shows


class Arrival(NamedTuple):
    """A message as the view learned of it. `preview` is one character longer than shown if there is more text."""

    number: int
    id: str
    thread: str | None
    reply_to: str | None
    author_name: str
    author_store: str
    author_own: bool
    role: str
    module: str
    seq: int
    sent_ms: int
    received_ms: int
    preview: str
    scopes: str | None
    refs: str | None
    audience: str


class WaitCursor(NamedTuple):
    """A cursor: the ingest number that was given last, or a time of receipt.

    `heads` holds how far each shard had been read: if the view is rebuilt during a wait, its numbers start again, and
    the shards' own sequences decide which messages are new.
    """

    generation: str
    number: int
    received_ms: int | None
    heads: dict[tuple[str, str], int]

    def floor(self, generation: str) -> int:
        """Return the number up to which nothing is new; 0 where only `covers` can tell."""
        return self.number if self.received_ms is None and generation == self.generation else 0

    def covers(self, generation: str, arrival: Arrival) -> bool:
        """Return whether a message came after the cursor."""
        if self.received_ms is not None and arrival.received_ms >= self.received_ms:
            return True
        if generation == self.generation:
            return arrival.number > self.number
        return arrival.seq > self.heads.get((arrival.author_store, arrival.author_name), 0)


def since(view: Connection, generation: str, received_ms: int | None) -> WaitCursor:
    """Return the cursor that means now, or a time of receipt."""
    heads = {(store, agent): seq for store, agent, seq in view.execute("SELECT store, agent, seq FROM shards")}
    return WaitCursor(generation, newest(view), received_ms, heads)


ARRIVAL = (
    "SELECT {number}, m.id, m.thread, m.reply_to, s.agent, s.store, coalesce(a.own, 0),"
    " coalesce(m.author_role, a.role, ''), coalesce(m.author_module, a.module, ''), m.seq, m.sent_ms, m.received_ms,"
    f" substr(m.content, 1, {PREVIEW + 1}), m.scopes, m.refs, m.audience FROM "
)


def arrivals(
    view: Connection,
    reader: int,
    above: int,
    tagged: tuple[tuple[str, str] | None, str | None],
    *,
    read: bool,
    source: Source = DELIVERED,
) -> list[Arrival]:
    """Return a reader's mail with a number `above` this one, oldest first; the cursor decides which is new.

    `tagged`: with a scope or a mention, all messages that carry it, without the reader's own. Mail that it has read is
    left out unless `read` is true.
    """
    scope, mention = tagged
    if scope is None and mention is None:
        source = UNREAD if source is DELIVERED and not read else source
        sql = (
            ARRIVAL.format(number="d.number") + f"{source.sql} JOIN messages m ON m.number = d.message{JOINS}"
            f" WHERE d.recipient = :reader{'' if read else ' AND d.read_ms IS NULL'} AND d.number > :above"
            " ORDER BY d.number DESC LIMIT 1000"
        )
        bound: dict[str, object] = {"reader": reader, "above": above, **source.bound}
    else:
        kind, value = scope or (None, None)
        sql = ARRIVAL.format(number="m.number") + f"messages m{JOINS} WHERE {_TAGGED} ORDER BY m.number DESC LIMIT 1000"
        bound = {"reader": reader, "above": above, "type": kind, "value": value, "mention": mention, "read": read}
    return [Arrival._make(row) for row in view.execute(sql, bound)][::-1]


_TAGGED = """
m.number > :above AND m.author != :reader AND m.deleted_ms IS NULL
AND (:type IS NULL OR EXISTS (SELECT 1 FROM tags t
     WHERE t.field = 'scopes' AND t.type = :type AND t.value = :value AND t.message = m.number))
AND (:mention IS NULL OR EXISTS (SELECT 1 FROM tags t
     WHERE t.field = 'refs' AND t.type = 'mention' AND t.value = :mention AND t.message = m.number))
AND (:read OR NOT EXISTS (SELECT 1 FROM deliveries d
     WHERE d.message = m.number AND d.recipient = :reader AND d.read_ms IS NOT NULL))
"""
