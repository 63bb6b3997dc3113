"""What a purge asks about the things that its events made."""

from __future__ import annotations

import sqlite3


def is_open(view: sqlite3.Connection, session_id: str) -> bool:
    """Whether a session is open."""
    sql = "SELECT 1 FROM sessions WHERE id = ? AND ended_ms IS NULL"
    return view.execute(sql, (session_id,)).fetchone() is not None


def is_alive(view: sqlite3.Connection, added: str) -> bool:
    """Whether a group, or a membership, was not removed since."""
    sql = "SELECT 1 FROM group_adds g WHERE g.id = ? AND NOT EXISTS (SELECT 1 FROM group_removes r WHERE r.id = g.id)"
    return view.execute(sql, (added,)).fetchone() is not None


def is_known(view: sqlite3.Connection, added: str) -> bool:
    """Whether anybody still says that a group or a membership was added."""
    return view.execute("SELECT 1 FROM group_adds WHERE id = ?", (added,)).fetchone() is not None


def place(view: sqlite3.Connection, message_id: str) -> tuple[str, str, int] | None:
    """Where a message was said: store, agent, sequence; None for an unknown or deleted one."""
    sql = (
        "SELECT s.store, s.agent, m.seq FROM messages m JOIN shards s ON s.id = m.author"
        " WHERE m.id = ? AND m.deleted_ms IS NULL"
    )
    row = view.execute(sql, (message_id,)).fetchone()
    return None if row is None else (row[0], row[1], row[2])
