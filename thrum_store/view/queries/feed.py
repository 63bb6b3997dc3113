"""Queries of a feed: messages in the order in which this view learned of them."""

from __future__ import annotations

from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.database import Connection

PREVIEW = 100  # characters of a message that a notification shows


class Item(NamedTuple):
    """A message of a feed. `preview` is one character longer than shown if there is more text."""

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


_SELECT = (
    "SELECT m.number, m.id, m.thread, m.reply_to, s.agent, s.store, coalesce(a.own, 0), coalesce(a.role, ''),"
    f" coalesce(a.module, ''), m.seq, m.sent_ms, m.received_ms, substr(m.content, 1, {PREVIEW + 1}), m.scopes, m.refs,"
    " m.audience FROM messages m JOIN shards s ON s.id = m.author LEFT JOIN agents a ON a.id = m.author"
)


def after(view: Connection, number: int, limit: int) -> list[Item]:
    """Return the messages that came after an ingest number, in that order; deleted ones are left out."""
    sql = f"{_SELECT} WHERE m.number > ? AND m.deleted_ms IS NULL ORDER BY m.number LIMIT ?"
    return [Item._make(row) for row in view.execute(sql, (number, limit))]


def before_time(view: Connection, received_ms: int) -> int:
    """Return the ingest number just before the first message that was received at this time or later."""
    sql = "SELECT min(number) - 1 FROM messages WHERE received_ms >= ?"
    (number,) = view.execute(sql, (received_ms,)).fetchone()
    if number is None:
        (number,) = view.execute("SELECT coalesce(max(number), 0) FROM messages").fetchone()
    return int(number)


def open_sessions(view: Connection) -> dict[str, str]:
    """Return this store's open sessions: id -> the agent's name."""
    sql = (
        "SELECT x.id, a.name FROM sessions x JOIN agents a ON a.id = x.agent"
        " WHERE a.own AND x.ended_ms IS NULL AND x.seq = (SELECT max(seq) FROM sessions"
        " WHERE agent = x.agent AND ended_ms IS NULL)"
    )
    return dict(view.execute(sql).fetchall())
