"""A view as text that two machines can compare: every table, without what only one machine knows.

Ingest numbers, the times of receipt, claims and signs of life are local. The rows of shards and messages have numbers
that depend on the order of arrival; where a column holds such a number, a name stands in.
"""

from __future__ import annotations

import sqlite3

LOCAL_TABLES = {"counter", "presence", "claims"}
LOCAL_COLUMNS = {"number", "received_ms", "said_ms", ("shards", "id")}
SHARDS = {"author", "agent", "recipient", "reader", "id"}  # columns that hold the number of a shard

_SHARD = "(SELECT store || '/' || agent FROM shards AS known WHERE known.id = t.{0}) AS {0}"
_MESSAGE = "(SELECT id FROM messages AS known WHERE known.number = t.{0}) AS {0}"


def dump(view: sqlite3.Connection) -> dict[str, list[str]]:
    """Each table's rows, sorted; what SQLite keeps for its own use is left out."""
    sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    tables = [name for (name,) in view.execute(sql)]
    return {table: _rows(view, table) for table in tables if table not in LOCAL_TABLES and table[:7] != "sqlite_"}


def _rows(view: sqlite3.Connection, table: str) -> list[str]:
    columns = view.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
    shown = [_shown(name, kind) for name, kind in columns if not {name, (table, name)} & LOCAL_COLUMNS]
    return sorted(repr(row) for row in view.execute(f"SELECT {', '.join(shown)} FROM {table} AS t"))


def _shown(column: str, kind: str) -> str:
    if kind == "INTEGER" and column in SHARDS:
        return _SHARD.format(column)
    if kind == "INTEGER" and column == "message":
        return _MESSAGE.format(column)
    return f"t.{column}"
