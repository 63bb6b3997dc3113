"""Unread mail as a hook sees it: what came after a delivery number, a few at a time."""

from __future__ import annotations

import sqlite3

from .mailbox import UNCLAIMED, Unread
from .messages import COLUMNS, JOINS, Row


def unread_after(
    view: sqlite3.Connection, reader: int, after: int, limit: int, claimed: tuple[int, int]
) -> list[Unread]:
    """The oldest unread messages after a delivery number that nobody is handing over; `claimed`: now and the lease."""
    sql = (
        f"SELECT d.number, {COLUMNS} FROM deliveries d INDEXED BY deliveries_unread"
        f" JOIN messages m ON m.number = d.message{JOINS}"
        f" WHERE d.recipient = :reader AND d.read_ms IS NULL AND d.number > :after AND{UNCLAIMED}"
        " ORDER BY d.number LIMIT :n"
    )
    bound = {"reader": reader, "after": after, "n": limit, "now": claimed[0], "lease": claimed[1]}
    return [Unread(row[0], Row(*row[1:])) for row in view.execute(sql, bound)]


def newest_unread(view: sqlite3.Connection, reader: int) -> int:
    """The number of a reader's newest unread delivery; 0 without any."""
    sql = (
        "SELECT coalesce(max(number), 0) FROM deliveries INDEXED BY deliveries_unread"
        " WHERE recipient = ? AND read_ms IS NULL"
    )
    (newest,) = view.execute(sql, (reader,)).fetchone()
    return int(newest)
