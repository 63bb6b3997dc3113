"""Queries about what was imported from the Go program. An imported message has its old id, behind `go:`, as its key."""

from __future__ import annotations

from thrum_store.values import NamedTuple

from .lookup import COLUMNS, JOINS, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.database import Connection

PREFIX = "go:"


def message(view: Connection, old_id: str) -> Row | None:
    """Return the message that had this id in the Go program: one step into the index per log.

    Of several copies, one whose author can be answered comes first, then this store's.
    """
    sql = (
        f"SELECT {COLUMNS} FROM (SELECT id FROM shards) w"
        f" CROSS JOIN messages m ON m.author = w.id AND m.idempotency = ?{JOINS}"
        " ORDER BY a.id IS NULL, coalesce(a.own, 0) DESC, m.number LIMIT 1"
    )
    row = view.execute(sql, (PREFIX + old_id,)).fetchone()
    return Row._make(row) if row else None


class Imported(NamedTuple):
    """A message that was imported: its old id, its id, and whether it is this store's; `wide`: not only to agents."""

    old_id: str
    id: str
    own: bool
    wide: bool
    version: int
    marked: bool  # False: by a version that did not keep the old ids apart from the keys of senders


def messages(view: Connection, own: str) -> list[Imported]:
    """Return all imported messages, those of other stores too; `own` is the id of this store."""
    sql = (
        "SELECT m.idempotency, m.id, s.store = ?, m.wide, m.version FROM messages m JOIN shards s ON s.id = m.author"
        " WHERE m.idempotency LIKE 'go:msg!_%' ESCAPE '!' OR m.idempotency LIKE 'msg!_%' ESCAPE '!'"
    )
    return [
        Imported(key.removeprefix(PREFIX), message_id, bool(is_own), bool(wide), version, key.startswith(PREFIX))
        for key, message_id, is_own, wide, version in view.execute(sql, (own,))
    ]


class Known(NamedTuple):
    """An agent of this store: the worktree and the time of its last registration; `deleted` if it was deleted."""

    worktree: str
    ms: int
    deleted: bool


def agents(view: Connection, own: str) -> dict[str, Known]:
    """Return the agents that are or were registered in the store `own`, by name."""
    sql = (
        "SELECT s.agent, r.worktree, r.ms, r.role IS NULL FROM registrations r JOIN shards s ON s.id = r.id"
        " WHERE s.store = ? ORDER BY r.seq"
    )
    return {name: Known(worktree, ms, bool(deleted)) for name, worktree, ms, deleted in view.execute(sql, (own,))}


def additions(view: Connection, group: str) -> dict[tuple[str, str], list[str]]:
    """Return the events that made a group, under ("", ""), and its members, by member."""
    sql = (
        "SELECT g.member_type, g.member_value, g.id FROM group_adds g WHERE g.name = ?"
        " AND NOT EXISTS (SELECT 1 FROM group_removes r WHERE r.id = g.id)"
    )
    standing: dict[tuple[str, str], list[str]] = {}
    for member_type, value, event in view.execute(sql, (group,)):
        standing.setdefault((member_type, value), []).append(event)
    return standing
