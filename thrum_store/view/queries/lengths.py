"""How far each shard was read: all that a store knows, in one table."""

from __future__ import annotations

import sqlite3

from thrum_store.log.segments import Shard, ShardPosition


def lengths(view: sqlite3.Connection) -> dict[Shard, ShardPosition]:
    """The end of every shard that has said anything, by shard."""
    sql = "SELECT store, agent, segment, position, seq, hash FROM shards WHERE segment > 0 ORDER BY store, agent"
    return {Shard(*row[:2]): ShardPosition(*row[2:]) for row in view.execute(sql)}


def rejected(view: sqlite3.Connection) -> int:
    """How many events follow the chain and make no sense."""
    (count,) = view.execute("SELECT count(*) FROM rejected").fetchone()
    return int(count)
