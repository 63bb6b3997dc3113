"""The rows that messages become: written at once for a send, and a thousand at a time while a view is rebuilt."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache

from thrum_store import json_codec

_ALWAYS = "number, id, author, seq, sent_ms, received_ms, format, content, audience, recipients, wide"
_NEW = "INSERT INTO deliveries (recipient, number, message, late) VALUES (?1, ?2, ?2, 0)"
_DELIVERY = "INSERT INTO deliveries (recipient, number, message, late, read_ms) VALUES (?, ?, ?, ?, ?)"
_TAG = "INSERT OR IGNORE INTO tags (field, type, value, message) VALUES (?, ?, ?, ?)"
_BATCH = 1000

Columns = tuple[str, ...]


@lru_cache(maxsize=128)
def _message(others: Columns) -> str:
    """The statement for a message with these columns besides what each has: the driver takes longest over a None."""
    columns = ", ".join((_ALWAYS, *others))
    return f"INSERT OR IGNORE INTO messages ({columns}) VALUES (?{', ?' * columns.count(',')})"


class Rows:
    """Takes rows; whoever reads the tables meanwhile calls `flush` first."""

    def __init__(self, connection: sqlite3.Connection, *, together: bool) -> None:
        self._db = connection
        self._together = together  # ids were verified then, so none can be there already
        self._waiting: defaultdict[str, list[tuple[object, ...]]] = defaultdict(list)
        self._messages = 0  # among them

    def message(self, row: tuple[object, ...], others: Columns) -> bool:
        """A message: the values of the columns that each has, then of the `others`; False where its id is taken."""
        sql = _message(others)
        if not self._together:
            return self._db.execute(sql, row).rowcount > 0
        if self._messages >= _BATCH:
            self.flush()
        self._messages += 1
        self._waiting[sql].append(row)
        return True

    def new(self, recipients: list[int], number: int) -> None:
        """Deliveries of a message to whom it names, unread."""
        self._add(_NEW, [(recipient, number) for recipient in recipients])

    def deliveries(self, rows: list[tuple[object, ...]]) -> None:
        """Deliveries of one message that came late, or were read before."""
        self._add(_DELIVERY, rows)

    def tags(self, field: str, pairs: Iterable[Iterable[str]], number: int) -> None:
        """Scopes, refs or wide addresses of a message."""
        self._add(_TAG, [(field, *pair, number) for pair in pairs])

    def flush(self) -> None:
        """Writes what waits."""
        for sql, rows in self._waiting.items():
            self._db.executemany(sql, rows)
        self._waiting.clear()
        self._messages = 0

    def _add(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        if self._together:
            self._waiting[sql] += rows
        else:
            self._db.executemany(sql, rows)


def written(value: object) -> str | None:
    """A value as a column holds it."""
    return None if value is None else json_codec.compact(value)


def fast_json() -> Callable[[object], str | None]:
    """`written` for lists of texts (numbers may come out otherwise): 30 ms to load, and five times as fast."""
    from orjson import dumps

    return lambda value: None if value is None else dumps(value).decode()
