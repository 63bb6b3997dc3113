"""Queries of a purge: the statistics of the segments, and the events to carry forward."""

from __future__ import annotations

from thrum_store.log.events import Draft, original
from thrum_store.values import NamedTuple, Record
from thrum_store.view.database import SegmentStats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from thrum_store.log.events import Event
    from thrum_store.view.database import Connection


class ShardPurge(Record):
    """A purge of one own shard: the events `below` its mark are removed, those `above` stay, both in order.

    `stays` tells whether a message remains, by its id.
    """

    view: Connection
    below: list[Event]
    above: list[Event]
    stays: Callable[[str], bool]

    def gone(self, *types: str) -> list[Event]:
        """Return the events of these types that are removed."""
        return [event for event in self.below if event.type in types]

    def kept(self, *types: str) -> list[Event]:
        """Return the events of these types that stay."""
        return [event for event in self.above if event.type in types]

    def copy(self, event: Event) -> Draft:
        """Return a copy to append: `again` holds the sequence and time of the original, whose id and time it keeps."""
        seq = event.data["again"][0] if "again" in event.data else event.seq
        return Draft(event.type, {**event.data, "again": [seq, original(event).ms]})


def is_open(view: Connection, session_id: str) -> bool:
    """Return whether a session is open."""
    sql = "SELECT 1 FROM sessions WHERE id = ? AND ended_ms IS NULL"
    return view.execute(sql, (session_id,)).fetchone() is not None


def is_alive(view: Connection, added: str) -> bool:
    """Return whether a group, or a membership, was not removed since."""
    sql = "SELECT 1 FROM group_adds g WHERE g.id = ? AND NOT EXISTS (SELECT 1 FROM group_removes r WHERE r.id = g.id)"
    return view.execute(sql, (added,)).fetchone() is not None


def is_known(view: Connection, added: str) -> bool:
    """Return whether any log still adds a group or a membership."""
    return view.execute("SELECT 1 FROM group_adds WHERE id = ?", (added,)).fetchone() is not None


def place(view: Connection, message_id: str) -> tuple[str, str, int] | None:
    """Return the store, agent and sequence of a message; None for an unknown or deleted one."""
    sql = (
        "SELECT s.store, s.agent, m.seq FROM messages m JOIN shards s ON s.id = m.author"
        " WHERE m.id = ? AND m.deleted_ms IS NULL"
    )
    row = view.execute(sql, (message_id,)).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def segments_by_agent(view: Connection, store: str) -> dict[str, list[SegmentStats]]:
    """Return the statistics of the segments of each agent's shard of a store, in order."""
    rows = view.execute(
        "SELECT s.agent, g.segment, max(g.seq), sum(g.events), sum(g.messages), sum(g.bytes), max(g.latest_ms) FROM ("
        "SELECT id, segment, seq, events, messages, bytes, latest_ms FROM segments UNION ALL"
        " SELECT id, segment, seq, events, messages, bytes, latest_ms FROM shards WHERE events"
        ") g JOIN shards s ON s.id = g.id WHERE s.store = ? AND s.frozen IS NULL"
        " GROUP BY s.agent, g.segment ORDER BY s.agent, g.segment",
        (store,),
    )
    by_agent: dict[str, list[SegmentStats]] = {}
    for agent, *stats in rows:
        by_agent.setdefault(agent, []).append(SegmentStats(*stats))
    return by_agent


class Hidden(NamedTuple):
    """The messages of a shard of another store that a purge hides: those up to `seq`, and how many of them show."""

    store: str
    agent: str
    seq: int
    messages: int


def older_of_others(view: Connection, own: str, before: int | None) -> list[Hidden]:
    """Return, for each shard of another store, the longest prefix of messages sent before a time; None for all."""
    rows = view.execute(
        "SELECT s.store, s.agent, max(m.seq), count(*) FILTER (WHERE m.deleted_ms IS NULL)"
        " FROM messages m JOIN shards s ON s.id = m.author LEFT JOIN ("
        "SELECT author, min(seq) AS seq FROM messages WHERE sent_ms >= :before GROUP BY author"
        ") kept ON kept.author = m.author"
        " WHERE s.store != :own AND (kept.seq IS NULL OR m.seq < kept.seq)"
        " GROUP BY s.store, s.agent ORDER BY s.store, s.agent",
        {"own": own, "before": before},
    )
    return [Hidden._make(row) for row in rows]


def ended_sessions(view: Connection, store: str) -> dict[str, list[int]]:
    """Return the sequences at which ended sessions began, by agent, ascending."""
    rows = view.execute(
        "SELECT s.agent, e.seq FROM sessions e JOIN shards s ON s.id = e.agent"
        " WHERE s.store = ? AND e.ended_ms IS NOT NULL ORDER BY s.agent, e.seq",
        (store,),
    )
    by_agent: dict[str, list[int]] = {}
    for agent, seq in rows:
        by_agent.setdefault(agent, []).append(seq)
    return by_agent
