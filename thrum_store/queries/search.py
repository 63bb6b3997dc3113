"""Full-text search: an index that is brought up to date when somebody searches, and what it finds."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from .messages import COLUMNS, JOINS, Row

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


def missing(view: sqlite3.Connection) -> int:
    """How many messages the index does not hold as they are now."""
    (new,) = view.execute(f"SELECT count(*) FROM messages WHERE number > {_NEWEST}").fetchone()
    (changed,) = view.execute("SELECT count(*) FROM reworded").fetchone()
    return int(new) + int(changed)


_NEWEST = f"(SELECT coalesce(max(id), 0) FROM {_DOCUMENTS})"


def index(view: sqlite3.Connection) -> None:
    """Brings the index up to date; inside of a transaction."""
    view.execute(
        "INSERT INTO words (words, rowid, content) SELECT 'delete', number, content FROM reworded"
    )  # FTS5's own way to take an entry out: by what it was made from
    view.execute(
        "INSERT INTO words (rowid, content) SELECT r.number, m.content FROM reworded r JOIN messages m USING (number)"
    )
    view.execute("DELETE FROM reworded")
    view.execute(f"INSERT INTO words (rowid, content) SELECT number, content FROM messages WHERE number > {_NEWEST}")


def found(view: sqlite3.Connection, wanted: Wanted, size: int, page: int) -> tuple[list[Row], int]:
    """Page `page` (from 1) of what was found, and how much that is altogether; newest first, or best first."""
    where, bound = _conditions(wanted)
    source = "messages m" + (" JOIN words w ON w.rowid = m.number" if wanted.match else "")
    (total,) = view.execute(f"SELECT count(*) FROM {source} WHERE {where}", bound).fetchone()
    order = "w.rank, m.number DESC" if wanted.best and wanted.match else "m.number DESC"
    sql = f"SELECT {COLUMNS} FROM {source}{JOINS} WHERE {where} ORDER BY {order} LIMIT :size OFFSET :skip"
    rows = view.execute(sql, {**bound, "size": size, "skip": size * (page - 1)})
    return [Row(*row) for row in rows], int(total)


def _conditions(wanted: Wanted) -> tuple[str, dict[str, object]]:
    conditions = ["m.deleted_ms IS NULL"]
    conditions += ["words MATCH :match"] if wanted.match else []
    conditions += [_CONDITIONS[field] for field in _CONDITIONS if getattr(wanted, field) is not None]
    conditions += [f"m.content LIKE :part{place} ESCAPE '\\'" for place in range(len(wanted.parts))]
    kind, value = wanted.scope or (None, None)
    bound: dict[str, object] = {
        "match": wanted.match, "reader": wanted.reader, "author": wanted.author, "to": wanted.to,
        "scope_type": kind, "scope_value": value, "after": wanted.after, "before": wanted.before,
    }  # fmt: skip
    bound |= {f"part{place}": f"%{_escaped(part)}%" for place, part in enumerate(wanted.parts)}
    return " AND ".join(conditions), bound


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_CONDITIONS = {
    "reader": (
        "(m.author = :reader OR EXISTS (SELECT 1 FROM deliveries d WHERE d.message = m.number"
        " AND d.recipient = :reader))"
    ),
    "author": "m.author = :author",
    "to": "EXISTS (SELECT 1 FROM json_each(m.audience) e WHERE json_extract(e.value, '$[1]') = :to)",
    "scope": (
        "m.number IN (SELECT message FROM tags WHERE field = 'scopes' AND type = :scope_type AND value = :scope_value)"
    ),
    "after": "m.sent_ms >= :after",
    "before": "m.sent_ms < :before",
}
