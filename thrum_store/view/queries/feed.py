"""Queries of a feed: messages in the order in which this view learned of them."""

from __future__ import annotations

from .lookup import JOINS
from .mailbox import ARRIVAL, Arrival

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.database import Connection


def after(view: Connection, number: int, limit: int) -> list[Arrival]:
    """Return the messages that came after an ingest number, in that order; deleted ones are left out."""
    sql = (
        ARRIVAL.format(number="m.number") + f"messages m{JOINS}"
        " WHERE m.number > ? AND m.deleted_ms IS NULL ORDER BY m.number LIMIT ?"
    )
    return [Arrival._make(row) for row in view.execute(sql, (number, limit))]


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
