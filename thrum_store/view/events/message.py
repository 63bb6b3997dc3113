"""The events of messages: sent, edited, deleted, read."""

from __future__ import annotations

from thrum_store.log.segments import Shard
from thrum_store.machine.host import EVERY
from thrum_store.view.projection import as_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from thrum_store.log.events import Data, Draft, Event
    from thrum_store.view.projection import Projection, Rules
    from thrum_store.view.queries.purge import ShardPurge

_OPTIONAL = {  # field -> column
    "thread": "thread", "reply_to": "reply_to", "session": "session", "key": "idempotency",
    "role": "author_role", "module": "author_module", "display": "author_display",
}  # fmt: skip


class MessageCreate:
    """A message was sent to `recipients`; `key` is an idempotency key, `role`, `module`, `display` are the author's."""

    schema: Mapping[str, str] = {
        "to": "pairs", "recipients": "texts", "content": "text", "format": "text", "scopes?": "pairs", "refs?": "pairs",
        "thread?": "text", "reply_to?": "text", "session?": "text", "structured?": "object", "key?": "text",
        "role?": "text", "module?": "text", "display?": "text",
    }  # fmt: skip
    sample: Mapping[str, Any] = {
        "to": [["agent", "bob"]], "recipients": ["bob"], "content": "Ready for review.", "format": "markdown",
        "scopes": [["module", "auth"]],
    }  # fmt: skip

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Add the message and deliver it to the recipients it names; one up to the floor of its log is hidden."""
        if projection.floors and event.seq <= projection.floors.get(Shard(event.store, event.agent), 0):
            return  # hidden by a purge on this machine
        data, rows = event.data, projection.rows
        number = projection.next_number()
        wide = [pair for pair in data["to"] if pair[0] != "agent"]
        recipients = _recipients(projection, event)
        recipients.discard(author)
        received = event.ms if projection.rebuilding else projection.now_ms
        others = _other_columns(projection, data)
        row = (
            number, event.id, author, event.seq, event.ms, received, data["format"], data["content"],
            projection.as_json(data["to"]), len(recipients), 1 if wide else 0, *others.values(),
        )  # fmt: skip
        if not rows.message(row, tuple(others)):
            return
        for field in ("scopes", "refs"):
            if field in data:
                rows.tags(field, data[field], number)
        if wide:
            rows.tags("to", wide, number)
            projection.wide_messages.add(number)
        projection.recipients.add(EVERY)
        projection.deliver(sorted(recipients), number, number, event.id, late=False)

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return nothing: a purge removes messages for good."""
        return []


def _recipients(projection: Projection, event: Event) -> set[int]:
    """Return the shards of the recipients; one without a store of its own is of the sender's."""
    known, store = projection.shards.known, event.store
    return {known(store, name) or _shard_of(projection, name, store) for name in event.data["recipients"]}


def _shard_of(projection: Projection, name: str, store: str) -> int:
    agent, _, other = name.partition("@")
    return projection.shards.of(Shard(other or store, agent))


def _other_columns(projection: Projection, data: Data) -> dict[str, object]:
    """Return column and value of the fields that only some messages have."""
    others = {column: data[field] for field, column in _OPTIONAL.items() if field in data}
    if "structured" in data:
        others["structured"] = as_json(data["structured"])
    for field in ("scopes", "refs"):
        if field in data:
            others[field] = projection.as_json(data[field])
    return others


class MessageEdit:
    """The author of a message replaced its text."""

    schema: Mapping[str, str] = {"message": "text", "content": "text", "structured?": "object"}
    sample: Mapping[str, Any] = {"message": "msg_0", "content": "Ready for review, tests included."}

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Replace the text and count a version; a deleted or foreign message does not change."""
        data = event.data
        projection.keep_indexed_text("id = ? AND author = ?", data["message"], author)
        projection.db.execute(
            "UPDATE messages SET content = ?, structured = ?, version = version + 1, edited_ms = ?"
            " WHERE id = ? AND author = ? AND deleted_ms IS NULL",
            (data["content"], as_json(data.get("structured")), event.ms, data["message"], author),
        )

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return nothing: an edit goes with its message."""
        return []


class MessageDelete:
    """The author of a message deleted it."""

    schema: Mapping[str, str] = {"message": "text", "reason?": "text"}
    sample: Mapping[str, Any] = {"message": "msg_0", "reason": "sent too early"}

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Leave a row without content, and no deliveries or receipts."""
        projection.keep_indexed_text("id = ? AND author = ?", event.data["message"], author)
        place = (event.data["message"], author)
        standing = "WHERE id = ? AND author = ? AND deleted_ms IS NULL"
        row = projection.db.execute(f"SELECT number FROM messages {standing}", place).fetchone()
        if row:
            projection.db.execute(
                f"UPDATE messages SET content = '', structured = NULL, deleted_ms = ?, delete_reason = ? {standing}",
                (event.ms, event.data.get("reason"), *place),
            )
            projection.deleted_messages.append(row)
            projection.db.execute("DELETE FROM receipts WHERE message = ?", (event.data["message"],))

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return nothing: a deletion goes with its message."""
        return []


class MessageRead:
    """The agent has read these messages."""

    schema: Mapping[str, str] = {"messages": "texts", "again?": "origin"}
    sample: Mapping[str, Any] = {"messages": ["msg_0"]}

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Mark the deliveries as read; a receipt that arrives before its delivery is kept until then."""
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
    """Mark the delivery as read, once; return False if there is none yet."""
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


RULES: Mapping[str, type[Rules]] = {
    "message.create": MessageCreate,
    "message.edit": MessageEdit,
    "message.delete": MessageDelete,
    "message.read": MessageRead,
}
