"""What the segments of the logs hold, and what of it a purge may count."""

from __future__ import annotations

import sqlite3
from itertools import groupby

from thrum_store.view.segment_stats import SegmentStats


def by_agent(view: sqlite3.Connection, store: str) -> dict[str, list[SegmentStats]]:
    """The segments of each agent's shard of a store, in order."""
    sql = (
        "SELECT s.agent, g.segment, max(g.seq), sum(g.events), sum(g.messages), sum(g.bytes), max(g.latest_ms) FROM ("
        "SELECT id, segment, seq, events, messages, bytes, latest_ms FROM segments UNION ALL"
        " SELECT id, segment, seq, events, messages, bytes, latest_ms FROM shards WHERE events"
        ") g JOIN shards s ON s.id = g.id WHERE s.store = ? AND s.frozen IS NULL"
        " GROUP BY s.agent, g.segment ORDER BY s.agent, g.segment"
    )
    rows = view.execute(sql, (store,))
    return {agent: [SegmentStats(*row[1:]) for row in told] for agent, told in groupby(rows, lambda row: str(row[0]))}


def ended_sessions(view: sqlite3.Connection, store: str) -> dict[str, list[int]]:
    """The sequences at which sessions began that are over, by agent, ascending."""
    sql = (
        "SELECT s.agent, e.seq FROM sessions e JOIN shards s ON s.id = e.agent"
        " WHERE s.store = ? AND e.ended_ms IS NOT NULL ORDER BY s.agent, e.seq"
    )
    rows = view.execute(sql, (store,))
    return {agent: [int(row[1]) for row in told] for agent, told in groupby(rows, lambda row: str(row[0]))}
