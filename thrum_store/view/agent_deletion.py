"""What goes with an agent that is deleted: its registration, what it said, its session, and what lay in its mailbox.

The log keeps all of it. Who registers under that name later begins with an empty mailbox: whatever was sent before the
deletion never comes into it, in whichever order the two arrive.
"""

from __future__ import annotations

import sqlite3

from thrum_store.log.events import Event

DELETED = "agent deleted"  # why its messages are gone


class AgentDeletions:
    """Collects what one transaction touched and settles it at its end."""

    def __init__(self, connection: sqlite3.Connection, ingest: int, *, any_before: bool) -> None:
        self._db = connection
        self._since = ingest  # deliveries up to here were settled before
        self._any = any_before  # whether anybody was ever deleted

    def delete(self, event: Event, agent: int) -> list[tuple[int]]:
        """Removes an agent from the view; returns the numbers of its messages, whose deliveries go as well."""
        self._db.execute(
            "INSERT OR IGNORE INTO registrations (id, seq, ms, kind, role, module, display, worktree, host)"
            " VALUES (?, ?, ?, '', NULL, '', '', '', '')",
            (agent, event.seq, event.ms),
        )
        self._db.execute(
            "INSERT INTO deletions VALUES (?1, ?2) ON CONFLICT (agent) DO UPDATE SET ms = max(ms, ?2)",
            (agent, event.ms),
        )
        self._db.execute("DELETE FROM agents WHERE id = ?", (agent,))
        sql = "UPDATE sessions SET ended_ms = ?, reason = ? WHERE agent = ? AND ended_ms IS NULL"
        self._db.execute(sql, (event.ms, DELETED, agent))
        self._since, self._any = 0, True
        return self._tombstones(event, agent)

    def _tombstones(self, event: Event, agent: int) -> list[tuple[int]]:
        rows = self._db.execute(
            "UPDATE messages SET content = '', structured = NULL, deleted_ms = ?, delete_reason = ?"
            " WHERE author = ? AND deleted_ms IS NULL RETURNING number, id",
            (event.ms, DELETED, agent),
        ).fetchall()
        self._db.executemany("DELETE FROM receipts WHERE message = ?", [(message,) for _, message in rows])
        return [(number,) for number, _ in rows]

    def settle(self) -> None:
        """Takes what was sent before a deletion out of the deleted one's mailbox; its receipts wait as before."""
        if not self._any:
            return
        rows = self._db.execute(
            "SELECT d.recipient, d.number, m.id, d.read_ms FROM deletions x"
            " CROSS JOIN deliveries d ON d.recipient = x.agent AND d.number > ?"  # in this order: `deletions` is small
            " CROSS JOIN messages m ON m.number = d.message WHERE m.sent_ms <= x.ms",
            (self._since,),
        ).fetchall()
        self._db.executemany("DELETE FROM deliveries WHERE recipient = ? AND number = ?", [row[:2] for row in rows])
        self._db.executemany(
            "INSERT OR IGNORE INTO receipts VALUES (?, ?, ?)",
            [(message, reader, ms) for reader, _, message, ms in rows if ms is not None],
        )
