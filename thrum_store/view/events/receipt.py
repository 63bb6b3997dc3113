"""The event of receipts: an agent has read messages."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from thrum_store.log.events import Draft, Event
    from thrum_store.view.projection import Projection, Rules
    from thrum_store.view.queries.purge import ShardPurge


class MessageRead:
    """The agent has read these messages."""

    schema: Mapping[str, str] = {"messages": "texts", "again?": "origin"}
    sample: Mapping[str, Any] = {"messages": ["msg_0"]}

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Mark the deliveries as read; a receipt that comes before its delivery waits for it."""
        for message_id in event.data["messages"]:
            _mark_read(projection, message_id, author, event.ms)

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return the receipts of messages that stay."""
        drafts = [purge.copy(event) for event in purge.gone("message.read")]
        for draft in drafts:
            draft.data["messages"] = [message for message in draft.data["messages"] if purge.stays(message)]
        return [draft for draft in drafts if draft.data["messages"]]


def _mark_read(projection: Projection, message_id: str, reader: int, ms: int) -> None:
    row = projection.db.execute("SELECT number, deleted_ms FROM messages WHERE id = ?", (message_id,)).fetchone()
    if row and row[1] is not None:
        return
    if row and _mark_delivery(projection, row[0], reader, ms):
        return
    projection.db.execute("INSERT OR IGNORE INTO receipts VALUES (?, ?, ?)", (message_id, reader, ms))
    projection.receipts_wait = True


def _mark_delivery(projection: Projection, message: int, reader: int, ms: int) -> bool:
    """Mark the delivery as read, once; return False where there is none (yet)."""
    db = projection.db
    sql = "SELECT number, read_ms FROM deliveries WHERE recipient = ? AND number = ? AND message = ?"
    row = db.execute(sql, (reader, message, message)).fetchone()
    if row is None and not projection.rebuilding:  # a rebuild makes late deliveries last
        sql = "SELECT number, read_ms FROM deliveries WHERE recipient = ? AND message = ?"
        row = db.execute(sql, (reader, message)).fetchone()
    if row and row[1] is None:
        db.execute("UPDATE deliveries SET read_ms = ? WHERE recipient = ? AND number = ?", (ms, reader, row[0]))
    if row and not projection.rebuilding:
        db.execute("DELETE FROM claims WHERE recipient = ? AND number = ?", (reader, row[0]))
    return row is not None


RULES: Mapping[str, type[Rules]] = {"message.read": MessageRead}
