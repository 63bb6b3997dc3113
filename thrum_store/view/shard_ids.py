"""The ids under which a view keeps its shards: given once, never changed, so that nobody looks one up twice."""

from __future__ import annotations

import sqlite3

from thrum_store.log.segments import Shard, ShardPosition


class ShardIds:
    """What one connection knows of them, kept from one transaction to the next."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._ids: dict[tuple[str, str], int] = {}
        self._names: dict[int, str] = {}

    def known(self, store: str, agent: str) -> int | None:
        """The id of a shard that was asked for before."""
        return self._ids.get((store, agent))

    def of(self, shard: Shard) -> int:
        """The id of a shard; made where somebody is spoken of before they spoke."""
        found = self._ids.get(shard)
        if found is None:
            row = self._db.execute("SELECT id FROM shards WHERE store = ? AND agent = ?", shard).fetchone()
            found = self._ids[shard] = int(row[0]) if row else self._new(shard)
            self._names[found] = shard.agent
        return found

    def agent(self, number: int) -> str:
        """Whose shard an id stands for."""
        name = self._names.get(number)
        if name is None:
            (name,) = self._db.execute("SELECT agent FROM shards WHERE id = ?", (number,)).fetchone()
            self._names[number] = name
        return name

    def forget(self) -> None:
        """After a transaction that was undone: ids that it gave may be given to others."""
        self._ids.clear()
        self._names.clear()

    def _new(self, shard: Shard) -> int:
        sql = "INSERT INTO shards (store, agent, hash) VALUES (?, ?, ?) RETURNING id"
        (row,) = self._db.execute(sql, (*shard, ShardPosition().hash)).fetchone()
        return int(row)
