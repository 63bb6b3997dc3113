"""Queries about shards: reading positions, frozen shards and invalid events."""

from __future__ import annotations

from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.database import Connection


def lengths(view: Connection) -> dict[Shard, ShardPosition]:
    """Return the end of every shard that holds an event, by shard."""
    sql = "SELECT store, agent, segment, position, seq, hash FROM shards WHERE segment > 0 ORDER BY store, agent"
    return {Shard._make(row[:2]): ShardPosition._make(row[2:]) for row in view.execute(sql)}


def rejected_count(view: Connection) -> int:
    """Return how many events do not fit their schema."""
    (count,) = view.execute("SELECT count(*) FROM rejected").fetchone()
    return int(count)


class Frozen(NamedTuple):
    """A shard that is not read any further, and why."""

    store: str
    agent: str
    seq: int
    why: str


def frozen(view: Connection) -> list[Frozen]:
    """Return the shards that are not read any further."""
    sql = "SELECT store, agent, seq, frozen FROM shards WHERE frozen IS NOT NULL ORDER BY store, agent"
    return [Frozen._make(row) for row in view.execute(sql)]


def rejected(view: Connection) -> list[tuple[str, str, int, str]]:
    """Return the events that do not fit their schema: (store, agent, sequence, reason)."""
    sql = "SELECT s.store, s.agent, r.seq, r.why FROM rejected r JOIN shards s ON s.id = r.id ORDER BY 1, 2, 3"
    return view.execute(sql).fetchall()


def messages_after(view: Connection, store: str, agent: str, seq: int) -> dict[int, dict[str, object]]:
    """Return the view's copy of an agent's messages after this event, by sequence."""
    sql = (
        "SELECT m.seq, m.id, m.sent_ms, m.audience, m.content FROM messages m JOIN shards s ON s.id = m.author"
        " WHERE s.store = ? AND s.agent = ? AND m.seq > ? ORDER BY m.seq"
    )
    names = ("id", "ms", "to", "content")
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in view.execute(sql, (store, agent, seq))}


def number(view: Connection, store: str, agent: str) -> int | None:
    """Return the id of a shard's row; None where no event was in it or mentioned it."""
    row = view.execute("SELECT id FROM shards WHERE store = ? AND agent = ?", (store, agent)).fetchone()
    return None if row is None else int(row[0])
