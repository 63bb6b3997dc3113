"""The rows that messages become: written at once for a send, and a thousand at a time while a view is rebuilt."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable

_MESSAGE = (
    "INSERT OR IGNORE INTO messages (number, id, author, seq, sent_ms, received_ms, thread, reply_to, session, format,"
    " content, structured, audience, scopes, refs, recipients, wide, idempotency)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DELIVERY = "INSERT INTO deliveries (recipient, number, message, late, read_ms) VALUES (?, ?, ?, ?, ?)"
_TAG = "INSERT OR IGNORE INTO tags (field, type, value, message) VALUES (?, ?, ?, ?)"
_BATCH = 1000


class Rows:
    """Takes rows; whoever reads the tables meanwhile calls `flush` first."""

    def __init__(self, connection: sqlite3.Connection, *, together: bool) -> None:
        self._db = connection
        self._together = together  # ids were verified then, so none can be there already
        self._waiting: dict[str, list[tuple[object, ...]]] = {_MESSAGE: [], _DELIVERY: [], _TAG: []}

    def message(self, row: tuple[object, ...]) -> bool:
        """A message; False where its id is taken."""
        if not self._together:
            return self._db.execute(_MESSAGE, row).rowcount > 0
        if len(self._waiting[_MESSAGE]) >= _BATCH:
            self.flush()
        self._waiting[_MESSAGE].append(row)
        return True

    def deliveries(self, rows: list[tuple[object, ...]]) -> None:
        """Deliveries of one message."""
        self._add(_DELIVERY, rows)

    def tags(self, field: str, pairs: Iterable[Iterable[str]], number: int) -> None:
        """Scopes, refs or wide addresses of a message."""
        self._add(_TAG, [(field, *pair, number) for pair in pairs])

    def flush(self) -> None:
        """Writes what waits."""
        for sql, rows in self._waiting.items():
            if rows:
                self._db.executemany(sql, rows)
                rows.clear()

    def _add(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        if self._together:
            self._waiting[sql] += rows
        else:
            self._db.executemany(sql, rows)


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def written(value: object) -> str | None:
    """A value as a column holds it."""
    return None if value is None else _COMPACT.encode(value)


def fast_json() -> Callable[[object], str | None]:
    """`written` for lists of texts (numbers may come out otherwise): 30 ms to load, and five times as fast."""
    from orjson import dumps

    return lambda value: None if value is None else dumps(value).decode()
