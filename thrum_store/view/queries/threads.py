"""Queries about threads: who wrote in one, and which replies were automatic."""

from __future__ import annotations

from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.database import Connection

AUTOMATIC = "automatic"  # the type of the ref that marks an automatic reply; its value is the thread
_RECENT = 200  # messages of a mailbox, and of an author, whose threads are looked at


class Written(NamedTuple):
    """A message of a thread: its author, the times at which it was sent and received, and whether it is automatic."""

    author: int
    name: str
    store: str
    sent_ms: int
    received_ms: int
    automatic: bool


def newest(view: Connection, thread: str, limit: int) -> list[Written]:
    """Return the newest messages of a thread without its first one, newest first."""
    sql = (
        "SELECT m.author, s.agent, s.store, m.sent_ms, m.received_ms,"
        f" EXISTS (SELECT 1 FROM tags t WHERE t.field = 'refs' AND t.type = '{AUTOMATIC}'"
        " AND t.value = m.thread AND t.message = m.number)"
        " FROM messages m JOIN shards s ON s.id = m.author"
        " WHERE m.thread = ? AND m.deleted_ms IS NULL ORDER BY m.number DESC LIMIT ?"
    )
    return [Written._make(row) for row in view.execute(sql, (thread, limit))]


def automatic(view: Connection, agent: int) -> list[str]:
    """Return the threads with automatic replies in which an agent wrote or got mail lately."""
    sql = (
        "SELECT DISTINCT thread FROM ("
        f"SELECT * FROM (SELECT thread FROM messages WHERE author = :agent ORDER BY number DESC LIMIT {_RECENT})"
        " UNION ALL SELECT * FROM (SELECT m.thread FROM deliveries d JOIN messages m ON m.number = d.message"
        f" WHERE d.recipient = :agent ORDER BY d.number DESC LIMIT {_RECENT}))"
        f" WHERE EXISTS (SELECT 1 FROM tags WHERE field = 'refs' AND type = '{AUTOMATIC}' AND value = thread)"
        " ORDER BY thread"
    )
    return [thread for (thread,) in view.execute(sql, {"agent": agent})]
