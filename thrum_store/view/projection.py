"""Events into the view. The one way in: a local send, a fetch, a peer and a rebuild all end here.

`Projection` applies events of any shards inside of one transaction. The same set of events gives the same rows,
whatever the order between shards, the batches or the repeats: only `number` and `received_ms` tell what came first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from thrum_store.log.event_types import malformed
from thrum_store.log.events import Event, authentic, original
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.bells import EVERY

from .agent_deletion import AgentDeletions
from .late_delivery import LateDeliveries
from .message_rows import Rows, fast_json, written
from .segment_stats import NOTHING, SegmentStats
from .shard_ids import ShardIds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.log.events import Data

# How far numbering went; whether any receipt waits for its delivery; whether any agent was ever deleted.
_STANDING = (
    "SELECT coalesce((SELECT ingest FROM counter), 0), EXISTS (SELECT 1 FROM receipts),"
    " EXISTS (SELECT 1 FROM deletions)"
)
_SOME = {"thread": "thread", "reply_to": "reply_to", "session": "session", "key": "idempotency"}  # field -> column


class Projection:
    """Applies events to the view on an open transaction; `finish` writes what is kept until the end."""

    def __init__(
        self, connection: sqlite3.Connection, shards: ShardIds, own: str, now_ms: int, *, rebuilding: bool = False
    ) -> None:
        self._db = connection
        self._shards = shards
        self._own = own
        self._now = now_ms
        self._rebuilding = rebuilding  # then an event counts as received when it was said
        self._said: dict[int, int] = {}
        self._deleted: list[tuple[int]] = []  # messages whose deliveries go at the end
        ingest, receipts, deleted = connection.execute(_STANDING).fetchone()
        self._ingest, self._receipts = int(ingest), bool(receipts)
        self._rows = Rows(connection, together=rebuilding)
        self._texts = fast_json() if rebuilding else written
        self._audiences = LateDeliveries(connection, self.next_number, self.deliver)
        self._departures = AgentDeletions(connection, self._ingest, any_before=deleted)
        self.recipients: set[str] = set()  # whose bells to ring
        self._folds: dict[str, Callable[[Event, int], None]] = {
            "message.create": self._message_create,
            "message.edit": self._message_edit,
            "message.delete": self._message_delete,
            "message.read": self._message_read,
            "agent.register": self._agent_register,
            "agent.delete": self._agent_delete,
            "session.start": self._session_start,
            "session.end": self._session_end,
            "group.create": self._group_create,
            "group.member.add": self._group_member_add,
            "group.delete": self._group_removal,
            "group.member.remove": self._group_removal,
        }

    def apply(self, event: Event) -> None:
        """Folds one event; its shard's earlier ones were applied before. An unknown kind changes nothing."""
        shard = self._shards.known(event.store, event.agent) or self._shards.of(Shard(event.store, event.agent))
        fold = self._folds.get(event.type)
        if fold is not None and (why := self._refused(event)):
            self._db.execute("INSERT OR IGNORE INTO rejected VALUES (?, ?, ?)", (shard, event.seq, why))
        elif fold is not None:
            if event.type != "message.create":
                self._rows.flush()
            fold(original(event), shard)
        self._said[shard] = max(self._said.get(shard, 0), min(event.ms, self._now))

    def _refused(self, event: Event) -> str:
        if event.store != self._own and not authentic(event):
            return "its id belongs to another event"
        return malformed(event.type, event.data)

    def advance(
        self, shard: Shard, head: ShardPosition, frozen: str | None = None, read: SegmentStats = NOTHING
    ) -> None:
        """Notes how far the shard was read, why no further, and what was read of its present segment."""
        number = self._shards.of(shard)
        self._db.execute(
            "UPDATE shards SET segment = ?, position = ?, seq = ?, hash = ?, frozen = ?, said_ms = max(said_ms, ?),"
            " events = events + ?, messages = messages + ?, bytes = bytes + ?, latest_ms = max(latest_ms, ?)"
            " WHERE id = ?",
            (*head, frozen, self._said.get(number, 0), *read[2:], number),
        )

    def flush(self) -> None:
        """Writes the rows that a rebuild held back."""
        self._rows.flush()

    def finish(self) -> None:
        """The last step of the transaction."""
        self._rows.flush()
        if self._deleted:
            self._db.executemany("DELETE FROM deliveries WHERE message = ?", self._deleted)
        self._audiences.settle()
        self._rows.flush()  # what it delivered late counts for those who left, too
        self._departures.settle()
        self._rows.flush()
        self._db.execute("INSERT OR REPLACE INTO counter (id, ingest) VALUES (1, ?)", (self._ingest,))

    def next_number(self) -> int:
        """The next ingest number."""
        self._ingest += 1
        return self._ingest

    # messages

    def _message_create(self, event: Event, author: int) -> None:
        data = event.data
        number = self.next_number()
        wide = [pair for pair in data["to"] if pair[0] != "agent"]
        recipients = self._addressed(event)
        recipients.discard(author)
        others = self._others(data)
        row = (
            number, event.id, author, event.seq, event.ms, self._received(event), data["format"], data["content"],
            self._texts(data["to"]), len(recipients), 1 if wide else 0, *others.values(),
        )  # fmt: skip
        if not self._rows.message(row, tuple(others)):
            return
        for field in ("scopes", "refs"):
            if field in data:
                self._rows.tags(field, data[field], number)
        if wide:
            self._rows.tags("to", wide, number)
            self._audiences.message(number)
        self.recipients.add(EVERY)
        self.deliver(sorted(recipients), number, number, event.id, late=False)

    def _others(self, data: Data) -> dict[str, object]:
        """Column and value of what only some messages have."""
        others = {column: data[field] for field, column in _SOME.items() if field in data}
        if "structured" in data:
            others["structured"] = written(data["structured"])
        for field in ("scopes", "refs"):
            if field in data:
                others[field] = self._texts(data[field])
        return others

    def _addressed(self, event: Event) -> set[int]:
        """Whom a message names; one without a store of its own is of the sender's."""
        known, store = self._shards.known, event.store
        return {known(store, name) or self._recipient(name, store) for name in event.data["recipients"]}

    def _recipient(self, name: str, store: str) -> int:
        agent, _, other = name.partition("@")
        return self._shards.of(Shard(other or store, agent))

    def deliver(self, recipients: list[int], number: int, message: int, message_id: str, *, late: bool) -> None:
        """Puts a message into mailboxes under an ingest number; receipts that came before it count."""
        early = self._early(message_id)
        if early or late:
            self._rows.deliveries(
                [(recipient, number, message, int(late), early.get(recipient)) for recipient in recipients]
            )
            read = [(message_id, recipient) for recipient in recipients if recipient in early]
            self._db.executemany("DELETE FROM receipts WHERE message = ? AND reader = ?", read)
        else:
            self._rows.new(recipients, number)
        if not self._rebuilding:
            self.recipients.update(map(self._shards.agent, recipients))

    def _early(self, message_id: str) -> dict[int, int]:
        """Receipts of a message that came before their deliveries; mostly there are none at all."""
        if not self._receipts:
            return {}
        sql = "SELECT reader, ms FROM receipts WHERE message = ?"
        return dict(self._db.execute(sql, (message_id,)).fetchall())

    def _received(self, event: Event) -> int:
        return event.ms if self._rebuilding else self._now

    def _message_edit(self, event: Event, author: int) -> None:
        data = event.data
        self._reworded("id = ? AND author = ?", data["message"], author)
        self._db.execute(
            "UPDATE messages SET content = ?, structured = ?, version = version + 1, edited_ms = ?"
            " WHERE id = ? AND author = ? AND deleted_ms IS NULL",
            (data["content"], written(data.get("structured")), event.ms, data["message"], author),
        )

    def _message_delete(self, event: Event, author: int) -> None:
        self._reworded("id = ? AND author = ?", event.data["message"], author)
        row = self._db.execute(
            "UPDATE messages SET content = '', structured = NULL, deleted_ms = ?, delete_reason = ?"
            " WHERE id = ? AND author = ? AND deleted_ms IS NULL RETURNING number",
            (event.ms, event.data.get("reason"), event.data["message"], author),
        ).fetchone()
        if row:
            self._deleted.append(row)
            self._db.execute("DELETE FROM receipts WHERE message = ?", (event.data["message"],))

    def _reworded(self, which: str, *bound: object) -> None:
        """Keeps what the search index was made from, where it knows the message already."""
        if not self._rebuilding:
            self._db.execute(
                "INSERT OR IGNORE INTO reworded SELECT number, content FROM messages"
                f" WHERE {which} AND deleted_ms IS NULL AND number IN (SELECT id FROM words_docsize)",
                bound,
            )

    def _message_read(self, event: Event, reader: int) -> None:
        for message_id in event.data["messages"]:
            self._receipt(message_id, reader, event.ms)

    def _receipt(self, message_id: str, reader: int, ms: int) -> None:
        row = self._db.execute("SELECT number, deleted_ms FROM messages WHERE id = ?", (message_id,)).fetchone()
        if row and row[1] is not None:
            return
        if row and self._mark(row[0], reader, ms):
            return
        self._db.execute("INSERT OR IGNORE INTO receipts VALUES (?, ?, ?)", (message_id, reader, ms))
        self._receipts = True

    def _mark(self, message: int, reader: int, ms: int) -> bool:
        """Marks the delivery as read, once; False where there is none (yet)."""
        sql = "SELECT number, read_ms FROM deliveries WHERE recipient = ? AND number = ? AND message = ?"
        found = self._db.execute(sql, (reader, message, message)).fetchone()
        if found is None and not self._rebuilding:  # a rebuild makes late deliveries last
            sql = "SELECT number, read_ms FROM deliveries WHERE recipient = ? AND message = ?"
            found = self._db.execute(sql, (reader, message)).fetchone()
        if found and found[1] is None:
            sql = "UPDATE deliveries SET read_ms = ? WHERE recipient = ? AND number = ?"
            self._db.execute(sql, (ms, reader, found[0]))
        if found and not self._rebuilding:
            self._db.execute("DELETE FROM claims WHERE recipient = ? AND number = ?", (reader, found[0]))
        return found is not None

    # agents and sessions

    def _agent_register(self, event: Event, agent: int) -> None:
        data = event.data
        what = [data[field] for field in ("kind", "role", "module", "display", "worktree", "host")]
        self._db.execute(
            "INSERT OR IGNORE INTO registrations (id, seq, ms, kind, role, module, display, worktree, host)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (agent, event.seq, event.ms, *what),
        )
        self._db.execute(
            "INSERT INTO agents (id, own, name, kind, role, module, display, worktree, host, first_ms, updated_ms)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10) ON CONFLICT (id) DO UPDATE SET kind = ?4,"
            " role = ?5, module = ?6, display = ?7, worktree = ?8, host = ?9, first_ms = min(first_ms, ?10),"
            " updated_ms = ?10",
            (agent, event.store == self._own, event.agent, *what, event.ms),
        )
        self._audiences.changed(event.ms)

    def _agent_delete(self, event: Event, agent: int) -> None:
        self._reworded("author = ?", agent)
        self._deleted += self._departures.delete(event, agent)
        self._receipts = True
        self._audiences.changed(event.ms)

    def _session_start(self, event: Event, agent: int) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO sessions (id, agent, started_ms, seq) VALUES (?, ?, ?, ?)",
            (event.id, agent, event.ms, event.seq),
        )

    def _session_end(self, event: Event, agent: int) -> None:
        self._db.execute(
            "UPDATE sessions SET ended_ms = ?, reason = ? WHERE id = ? AND agent = ? AND ended_ms IS NULL",
            (event.ms, event.data["reason"], event.data["session"], agent),
        )

    # groups

    def _group_create(self, event: Event, _: int) -> None:
        self._group_add(event, "", "", event.data.get("description", ""))

    def _group_member_add(self, event: Event, _: int) -> None:
        self._group_add(event, event.data["member_type"], event.data["member_value"], "")

    def _group_add(self, event: Event, kind: str, value: str, description: str) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO group_adds VALUES (?, ?, ?, ?, ?, ?, ?)",
            (event.id, event.data["group"], kind, value, description, event.ms, event.agent),
        )
        self._audiences.changed(event.ms)

    def _group_removal(self, event: Event, _: int) -> None:
        self._db.executemany(
            "INSERT INTO group_removes VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET ms = min(ms, ?2)",
            [(added, event.ms) for added in event.data["added"]],
        )
        self._audiences.changed(event.ms)
