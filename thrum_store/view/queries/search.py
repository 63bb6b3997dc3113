"""Full-text search: an index that is brought up to date when somebody searches, and what it finds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .messages import COLUMNS, JOINS, Row

RANKED = 10_000  # the newest that match are put in order, where the best are wanted
_STEP = 5_000  # messages between two reports of progress
_DOCUMENTS = "words_docsize"  # FTS5's own list of what it holds


class Wanted(NamedTuple):
    """What to search for. `match` in FTS5's language, empty for none; `parts` are texts that occur anywhere.

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


def is_behind(view: sqlite3.Connection) -> bool:
    """Whether there are messages that the index does not hold as they are now."""
    sql = f"SELECT EXISTS (SELECT 1 FROM messages WHERE number > {_NEWEST}) OR EXISTS (SELECT 1 FROM reworded)"
    return bool(view.execute(sql).fetchone()[0])


_NEWEST = f"(SELECT coalesce(max(id), 0) FROM {_DOCUMENTS})"


def index(view: sqlite3.Connection, progress: Callable[[int], None] | None) -> None:
    """Brings the index up to date; inside of a transaction. `progress` is told how many new messages it holds."""
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


def _take_in(view: sqlite3.Connection) -> int:
    """The next of the messages that the index does not hold; how many. Their words come last: they tell what is new."""
    new = f"FROM messages WHERE number > {_NEWEST} ORDER BY number LIMIT {_STEP}"
    to = "SELECT DISTINCT json_extract(e.value, '$[1]'), m.number"
    view.execute(f"INSERT INTO addressed {to} FROM (SELECT number, audience {new}) m, json_each(m.audience) e")
    return view.execute(f"INSERT INTO words (rowid, content) SELECT number, content {new}").rowcount


def found(view: sqlite3.Connection, wanted: Wanted, size: int, page: int) -> tuple[list[Row], int]:
    """Page `page` (from 1) of what was found, and how much that is altogether; newest first, or best first."""
    conditions, bound = _conditions(wanted)
    number = "w.rowid" if wanted.match else "m.number"
    joined = "words w CROSS JOIN messages m ON m.number = w.rowid" if wanted.match else "messages m"
    source = joined if any("m." in one for one in conditions) else "words w"
    where = " AND ".join(conditions)
    (total,) = view.execute(f"SELECT count(*) FROM {source} WHERE {where}", bound).fetchone()
    order = f"{number} DESC"
    if wanted.best and wanted.match:
        newest = f"SELECT w.rowid AS found FROM {source} WHERE {where} ORDER BY {order} LIMIT {RANKED}"
        where += f" AND w.rowid >= (SELECT min(found) FROM ({newest}))"
        order = f"bm25(words), {order}"
    # Sorted without what is shown of them: the sorter would carry the texts of all that were found.
    sql = f"SELECT {number} AS found FROM {source} WHERE {where} ORDER BY {order} LIMIT :size OFFSET :skip"
    numbers = view.execute(sql, {**bound, "size": size, "skip": size * (page - 1)}).fetchall()
    return [Row(*row) for row in _shown(view, [number for (number,) in numbers])], int(total)


def _shown(view: sqlite3.Connection, numbers: list[int]) -> Iterator[tuple[Any, ...]]:
    """These messages, in this order, but for those that were deleted meanwhile."""
    sql = f"SELECT {COLUMNS} FROM json_each(?) f CROSS JOIN messages m ON m.number = f.value{JOINS}"
    return view.execute(f"{sql} WHERE m.deleted_ms IS NULL ORDER BY f.key", (json.dumps(numbers),))


def _conditions(wanted: Wanted) -> tuple[list[str], dict[str, object]]:
    conditions = ["words MATCH :match"] if wanted.match else ["m.deleted_ms IS NULL"]  # the index forgets deleted ones
    conditions += [_CONDITIONS[field] for field in _CONDITIONS if getattr(wanted, field) is not None]
    if not wanted.match:
        conditions = [one.replace("w.rowid", "m.number") for one in conditions]
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
