"""The shards as the view knows them: how far each was read, and what could not be."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Frozen(NamedTuple):
    """A shard that is not read any further, and why."""

    store: str
    agent: str
    seq: int
    why: str


def frozen(view: sqlite3.Connection) -> list[Frozen]:
    """The shards that are not read any further."""
    sql = "SELECT store, agent, seq, frozen FROM shards WHERE frozen IS NOT NULL ORDER BY store, agent"
    return [Frozen(*row) for row in view.execute(sql)]


def rejected(view: sqlite3.Connection) -> list[tuple[str, str, int, str]]:
    """Events that make no sense: (store, agent, sequence, why)."""
    sql = "SELECT s.store, s.agent, r.seq, r.why FROM rejected r JOIN shards s ON s.id = r.id ORDER BY 1, 2, 3"
    return view.execute(sql).fetchall()


def messages_after(view: sqlite3.Connection, store: str, agent: str, seq: int) -> dict[int, dict[str, object]]:
    """What the view knows of an agent's messages after this event, by sequence."""
    sql = (
        "SELECT m.seq, m.id, m.sent_ms, m.audience, m.content FROM messages m JOIN shards s ON s.id = m.author"
        " WHERE s.store = ? AND s.agent = ? AND m.seq > ? ORDER BY m.seq"
    )
    names = ("id", "ms", "to", "content")
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in view.execute(sql, (store, agent, seq))}


def number(view: sqlite3.Connection, store: str, agent: str) -> int | None:
    """The row of a shard; None where nobody spoke in it or of it."""
    row = view.execute("SELECT id FROM shards WHERE store = ? AND agent = ?", (store, agent)).fetchone()
    return None if row is None else int(row[0])
