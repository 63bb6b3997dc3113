"""Queries about messages and their recipients."""

from __future__ import annotations

from thrum_store.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.database import Connection


class Row(NamedTuple):
    """A message. `audience`, `scopes`, `refs` and `structured` are JSON; times in milliseconds."""

    number: int
    id: str
    author: int
    author_name: str
    author_store: str
    author_own: bool
    sent_ms: int
    received_ms: int
    thread: str | None
    reply_to: str | None
    session: str | None
    format: str
    content: str
    structured: str | None
    audience: str
    scopes: str | None
    refs: str | None
    version: int
    edited_ms: int | None
    deleted_ms: int | None
    delete_reason: str | None
    idempotency: str | None


COLUMNS = (
    "m.number, m.id, m.author, s.agent, s.store, coalesce(a.own, 0), m.sent_ms, m.received_ms, m.thread, m.reply_to,"
    " m.session, m.format, m.content, m.structured, m.audience, m.scopes, m.refs, m.version, m.edited_ms,"
    " m.deleted_ms, m.delete_reason, m.idempotency"
)
JOINS = " JOIN shards s ON s.id = m.author LEFT JOIN agents a ON a.id = m.author"


def message(view: Connection, message_id: str) -> Row | None:
    """Return a message, deleted or not."""
    row = view.execute(f"SELECT {COLUMNS} FROM messages m{JOINS} WHERE m.id = ?", (message_id,)).fetchone()
    return Row(*row) if row else None


def with_key(view: Connection, author: int, key: str) -> Row | None:
    """Return the message that an author sent under an idempotency key."""
    sql = f"SELECT {COLUMNS} FROM messages m{JOINS} WHERE m.author = ? AND m.idempotency = ? ORDER BY m.seq LIMIT 1"
    row = view.execute(sql, (author, key)).fetchone()
    return Row(*row) if row else None


class Delivery(NamedTuple):
    """A recipient of a message; `answered` once it has replied."""

    name: str
    store: str
    own: bool
    delivered_ms: int
    read_ms: int | None
    answered: bool


def deliveries(view: Connection, number: int) -> list[Delivery]:
    """Return the recipients of a message, by name."""
    sql = (
        "SELECT s.agent, s.store, coalesce(a.own, 0), m.received_ms, d.read_ms,"
        " EXISTS (SELECT 1 FROM messages r WHERE r.reply_to = m.id AND r.author = d.recipient)"
        " FROM deliveries d JOIN messages m ON m.number = d.message JOIN shards s ON s.id = d.recipient"
        " LEFT JOIN agents a ON a.id = d.recipient WHERE d.message = ? ORDER BY s.agent, s.store"
    )
    return [Delivery(*row) for row in view.execute(sql, (number,))]


def is_unread(view: Connection, message_id: str, reader: int) -> bool:
    """Return whether a message lies unread in this mailbox."""
    sql = (
        "SELECT 1 FROM messages m JOIN deliveries d ON d.message = m.number"
        " WHERE m.id = ? AND d.recipient = ? AND d.read_ms IS NULL"
    )
    return view.execute(sql, (message_id, reader)).fetchone() is not None


def authored(view: Connection, author: int) -> int:
    """Return how many messages of an agent exist still."""
    sql = "SELECT count(*) FROM messages WHERE author = ? AND deleted_ms IS NULL"
    (count,) = view.execute(sql, (author,)).fetchone()
    return int(count)
