"""Full-text search: queries, and an index that is updated when somebody searches."""

from __future__ import annotations

from thrum_store import values
from thrum_store.values import NamedTuple

from .lookup import COLUMNS, JOINS, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from thrum_store.view.database import Connection

RANKED = 10_000  # the newest that match are put in order, where the best are wanted
_STEP = 5_000  # messages between two reports of progress
_DOCUMENTS = "words_docsize"  # FTS5's own list of what it holds


class Wanted(NamedTuple):
    """A search. `match` is in FTS5's language, empty for none; `parts` are texts that occur anywhere.

    `reader` narrows to messages that an agent got or wrote, `to` to an address, `author` to who wrote it; times are
    milliseconds, from `after` up to, not including, `before`.
    """

    match: str
    parts: tuple[str, ...] = ()
    reader: int | None = None
    author: int | None = None
    to: str | None = None
    scope: tuple[str, str] | None = None
    after: int | None = None
    before: int | None = None
    best: bool = False


def is_behind(view: Connection) -> bool:
    """Return whether there are messages that the index does not hold as they are now."""
    sql = f"SELECT EXISTS (SELECT 1 FROM messages WHERE number > {_NEWEST}) OR EXISTS (SELECT 1 FROM reworded)"
    return bool(view.execute(sql).fetchone()[0])


_NEWEST = f"(SELECT coalesce(max(id), 0) FROM {_DOCUMENTS})"


def index(view: Connection, progress: Callable[[int], None] | None) -> None:
    """Update the index, inside of a transaction; `progress` gets the number of messages added so far."""
    view.execute(
        "INSERT INTO words (words, rowid, content) SELECT 'delete', number, content FROM reworded"
    )  # FTS5's own way to take an entry out: by what it was made from
    view.execute(
        "INSERT INTO words (rowid, content) SELECT r.number, m.content FROM reworded r JOIN messages m USING (number)"
    )
    view.execute("DELETE FROM reworded")
    done = 0
    while taken := _take_in(view):
        done += taken
        if progress is not None:
            progress(done)


def _take_in(view: Connection) -> int:
    """Add the next messages to the index; return how many. Their words are written last, as its mark."""
    new = f"FROM messages WHERE number > {_NEWEST} ORDER BY number LIMIT {_STEP}"
    to = "SELECT DISTINCT json_extract(e.value, '$[1]'), m.number"
    view.execute(f"INSERT INTO addressed {to} FROM (SELECT number, audience {new}) m, json_each(m.audience) e")
    return view.execute(f"INSERT INTO words (rowid, content) SELECT number, content {new}").rowcount


def matches(view: Connection, wanted: Wanted, size: int, page: int) -> tuple[list[Row], int]:
    """Return page `page` (from 1) of the matches and their total number; newest first, or best first."""
    conditions, bound = _conditions(wanted)
    number = "w.rowid" if wanted.match else "m.number"
    joined = "words w CROSS JOIN messages m ON m.number = w.rowid" if wanted.match else "messages m"
    source = joined if any("m." in condition for condition in conditions) else "words w"
    where = " AND ".join(conditions)
    (total,) = view.execute(f"SELECT count(*) FROM {source} WHERE {where}", bound).fetchone()
    order = f"{number} DESC"
    if wanted.best and wanted.match:
        newest = f"SELECT w.rowid AS hit FROM {source} WHERE {where} ORDER BY {order} LIMIT {RANKED}"
        where += f" AND w.rowid >= (SELECT min(hit) FROM ({newest}))"
        order = f"bm25(words), {order}"
    # Sorted without what is shown of them: the sorter would carry the texts of all that were found.
    sql = f"SELECT {number} AS hit FROM {source} WHERE {where} ORDER BY {order} LIMIT :size OFFSET :skip"
    numbers = view.execute(sql, {**bound, "size": size, "skip": size * (page - 1)}).fetchall()
    return [Row._make(row) for row in _shown(view, [number for (number,) in numbers])], int(total)


def _shown(view: Connection, numbers: list[int]) -> Iterator[tuple[Any, ...]]:
    """Return the rows of these messages, in this order, without those that were deleted meanwhile."""
    sql = f"SELECT {COLUMNS} FROM json_each(?) f CROSS JOIN messages m ON m.number = f.value{JOINS}"
    return view.execute(f"{sql} WHERE m.deleted_ms IS NULL ORDER BY f.key", (values.compact(numbers),))


def _conditions(wanted: Wanted) -> tuple[list[str], dict[str, object]]:
    conditions = ["words MATCH :match"] if wanted.match else ["m.deleted_ms IS NULL"]  # the index forgets deleted ones
    conditions += [_CONDITIONS[field] for field in _CONDITIONS if getattr(wanted, field) is not None]
    if not wanted.match:
        conditions = [condition.replace("w.rowid", "m.number") for condition in conditions]
    conditions += [f"m.content LIKE :part{place} ESCAPE '\\'" for place in range(len(wanted.parts))]
    kind, value = wanted.scope or (None, None)
    bound: dict[str, object] = {
        "match": wanted.match, "reader": wanted.reader, "author": wanted.author, "to": wanted.to,
        "scope_type": kind, "scope_value": value, "after": wanted.after, "before": wanted.before,
    }  # fmt: skip
    bound |= {f"part{place}": f"%{_escaped(part)}%" for place, part in enumerate(wanted.parts)}
    return conditions, bound


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# Those that need no column of the message are asked of the index alone.
_CONDITIONS = {
    "reader": (
        "+w.rowid IN (SELECT number FROM messages WHERE author = :reader"
        " UNION ALL SELECT message FROM deliveries WHERE recipient = :reader)"
    ),
    "author": "+w.rowid IN (SELECT number FROM messages WHERE author = :author)",
    "scope": (
        "+w.rowid IN (SELECT message FROM tags WHERE field = 'scopes' AND type = :scope_type AND value = :scope_value)"
    ),
    "after": "m.sent_ms >= :after",
    "before": "m.sent_ms < :before",
    "to": "+w.rowid IN (SELECT message FROM addressed WHERE address = :to)",
}
