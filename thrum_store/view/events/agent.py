"""The events of agents: registered, deleted."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from thrum_store.log.events import Draft, Event
    from thrum_store.view.projection import Projection, Rules
    from thrum_store.view.queries.purge import ShardPurge

_REASON = "agent deleted"  # of the end of its session and the deletion of its messages
_REGISTRATIONS = ("agent.register", "agent.delete")


class AgentRegister:
    """An agent was registered, or registered again."""

    schema: Mapping[str, str] = {
        "kind": "text", "role": "text", "module": "text", "display": "text", "worktree": "text", "host": "text",
        "again?": "origin",
    }  # fmt: skip
    sample: Mapping[str, Any] = {
        "kind": "agent", "role": "reviewer", "module": "auth", "display": "", "worktree": "main", "host": "h",
    }  # fmt: skip

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Keep the registration for late deliveries, and show the newest one."""
        data = event.data
        fields = [data[field] for field in ("kind", "role", "module", "display", "worktree", "host")]
        projection.db.execute(
            "INSERT OR IGNORE INTO registrations (id, seq, ms, kind, role, module, display, worktree, host)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (author, event.seq, event.ms, *fields),
        )
        projection.db.execute(
            "INSERT INTO agents (id, own, name, kind, role, module, display, worktree, host, first_ms, updated_ms)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10) ON CONFLICT (id) DO UPDATE SET kind = ?4,"
            " role = ?5, module = ?6, display = ?7, worktree = ?8, host = ?9, first_ms = min(first_ms, ?10),"
            " updated_ms = ?10",
            (author, event.store == projection.own, event.agent, *fields, event.ms),
        )
        projection.audience_changed(event.ms)

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return the last purged registration or deletion, then all that stay: the last one in a log counts."""
        gone, kept = purge.gone(*_REGISTRATIONS), purge.kept(*_REGISTRATIONS)
        if not gone or (gone[-1].type == "agent.delete" and not kept):
            return []
        return [purge.copy(event) for event in (gone[-1], *kept)]


class AgentDelete:
    """An agent was deleted; `by` names who asked for it."""

    schema: Mapping[str, str] = {"by": "text", "again?": "origin"}
    sample: Mapping[str, Any] = {"by": "user"}

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Remove the registration, the messages, the session and the mailbox."""
        projection.keep_indexed_text("author = ?", author)
        _remove(projection, event, author)
        projection.receipts_wait = True
        projection.audience_changed(event.ms)

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return nothing: `AgentRegister.carried` returns deletions too, in one order with registrations."""
        return []


def _remove(projection: Projection, event: Event, agent: int) -> None:
    """Remove an agent from the view; the log keeps all of it. `finish` empties its mailbox."""
    db = projection.db
    db.execute(
        "INSERT OR IGNORE INTO registrations (id, seq, ms, kind, role, module, display, worktree, host)"
        " VALUES (?, ?, ?, '', NULL, '', '', '', '')",
        (agent, event.seq, event.ms),
    )
    db.execute(
        "INSERT INTO deletions VALUES (?1, ?2) ON CONFLICT (agent) DO UPDATE SET ms = max(ms, ?2)", (agent, event.ms)
    )
    db.execute("DELETE FROM agents WHERE id = ?", (agent,))
    sql = "UPDATE sessions SET ended_ms = ?, reason = ? WHERE agent = ? AND ended_ms IS NULL"
    db.execute(sql, (event.ms, _REASON, agent))
    standing = "WHERE author = ? AND deleted_ms IS NULL"
    rows = db.execute(f"SELECT number, id FROM messages {standing}", (agent,)).fetchall()
    db.execute(
        f"UPDATE messages SET content = '', structured = NULL, deleted_ms = ?, delete_reason = ? {standing}",
        (event.ms, _REASON, agent),
    )
    db.executemany("DELETE FROM receipts WHERE message = ?", [(message,) for _, message in rows])
    projection.deleted_messages += [(number,) for number, _ in rows]
    projection.deletions_since = 0


RULES: Mapping[str, type[Rules]] = {"agent.register": AgentRegister, "agent.delete": AgentDelete}
