"""Read-only SQL over the documented views of the store (docs/sql-views.md)."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import TYPE_CHECKING

from thrum_store.errors import Invalid, ThrumError
from thrum_store.identity import address_of
from thrum_store.values import Record, rfc3339

from .database import mapped
from .rebuild import script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from sqlite_utils import Database

_KEYS = {
    "agents": "address",
    "messages": "id",
    "deliveries": ("message", "recipient"),
    "tags": ("message", "field", "type", "value"),
    "sessions": "id",
    "groups": "name",
    "group_members": ("group_name", "type", "value"),
}
VIEWS = tuple(_KEYS)
_REFERENCES = {
    "messages": (("author", "agents", "address"),),
    "deliveries": (("message", "messages", "id"), ("recipient", "agents", "address")),
    "tags": (("message", "messages", "id"),),
    "sessions": (("agent", "agents", "address"),),
    "group_members": (("group_name", "groups", "name"),),
}
_INDICES = (
    ("messages", ["sent_at"]), ("messages", ["thread"]), ("messages", ["author", "sent_at"]),
    ("messages", ["reply_to"]), ("deliveries", ["recipient"]), ("tags", ["type", "value"]),
    ("sessions", ["agent", "started_at"]),
)  # fmt: skip
_NUMBERS = {"own", "registered", "recipients", "edits", "late"}
_REFUSALS = ("not authorized", "authorization denied", "prohibited", "cannot modify")  # where SQLite gives no code
_BATCH = 5_000  # rows in one transaction
_READING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION)
_JSON_TABLES = ("json_each", "json_tree")
_VALUE_LIMIT = 16 * 1024 * 1024  # bytes of one text or blob: `zeroblob` and `group_concat` cannot fill the memory
_STEPS = 10_000  # of SQLite's virtual machine between two looks at the clock, about a millisecond


class QueryFailed(Invalid):
    """Raised if SQLite refuses the query, or the query does more than read the views."""

    code = "query_failed"


class QueryTooLong(ThrumError):
    """Raised if the query does not end within its time limit."""

    code = "query_too_long"


class Selected(Record):
    """The rows of a query as dictionaries; `truncated` where there were more than the limits allow."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    truncated: bool


def select(connection: sqlite3.Connection, sql: str, most_rows: int, most_bytes: int) -> Selected:
    """Run one query. Raises QueryFailed, and QueryTooLong where the connection was told to stop."""
    from sqlite_utils import Database  # 60 ms, and only here and in `thrum export`
    from sqlite_utils.utils import dedupe_keys

    try:
        reader = Database(connection, recursive_triggers=False, execute_plugins=False)  # no PRAGMA of its own
        cursor = reader.execute(sql)
        if cursor.description is None:
            raise ValueError("the statement returns no rows")
        names = tuple(dedupe_keys(column[0] for column in cursor.description))
        return _collected(names, cursor, most_rows, most_bytes)
    except (ValueError, sqlite3.Warning, sqlite3.Error) as error:
        raise _failure(error) from None


def _collected(names: tuple[str, ...], cursor: Iterable[tuple[Any, ...]], most_rows: int, most_bytes: int) -> Selected:
    rows: list[dict[str, Any]] = []
    size = 0
    for row in cursor:
        if len(rows) == most_rows or size > most_bytes:
            return Selected(names, tuple(rows), truncated=True)
        rows.append({name: _plain(value) for name, value in zip(names, row, strict=True)})
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
    return Selected(names, tuple(rows), truncated=False)


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: bytes as hexadecimal digits, an infinite number as text."""
    if isinstance(value, bytes):
        return value.hex()
    return repr(value) if isinstance(value, float) and value in (float("inf"), float("-inf")) else value


def _failure(error: Exception) -> ThrumError:
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_INTERRUPT:
        return QueryTooLong("the query took too long and was stopped", hint="add a WHERE or a LIMIT")
    reads_only = "`thrum query` only reads: write one SELECT over the views that `thrum query --views` lists"
    if code == sqlite3.SQLITE_AUTH or any(words in str(error) for words in _REFUSALS):
        return QueryFailed("this statement is not allowed", hint=reads_only)
    if isinstance(error, ValueError) or "one statement" in str(error):
        return QueryFailed("this is not one query that returns rows", hint=reads_only)
    return QueryFailed(
        f"SQLite cannot run this: {error}", hint="`thrum query --views` lists the views and their columns"
    )


def columns(connection: sqlite3.Connection, view: str) -> tuple[str, ...]:
    """Return the names of a view's columns."""
    return tuple(column[0] for column in connection.execute(f"SELECT * FROM {view} LIMIT 0").description)


def copy(connection: sqlite3.Connection, path: str, progress: Callable[[int], None]) -> list[tuple[str, int]]:
    """Write the views as tables into a new SQLite file; return each table's name and number of rows.

    `progress` is called with the number of rows written. Raises DiskFull, StorageFailed.
    """
    from sqlite_utils import Database  # as above

    try:
        target = Database(path, execute_plugins=False)
        try:
            counts = _filled(connection, target, progress)
            _indexed(target)
        finally:
            target.close()
    except sqlite3.Error as error:
        raise mapped(error) from error
    return counts


def _filled(connection: sqlite3.Connection, target: Database, progress: Callable[[int], None]) -> list[tuple[str, int]]:
    connection.execute("BEGIN")  # all views as of one moment
    done = 0
    counts: list[tuple[str, int]] = []
    for view, key in _KEYS.items():
        cursor = connection.execute(f"SELECT * FROM {view}")
        names = [column[0] for column in cursor.description]
        target.table(view).create(
            {name: int if name in _NUMBERS else str for name in names}, pk=key, foreign_keys=_REFERENCES.get(view, ())
        )
        while rows := cursor.fetchmany(_BATCH):
            target.table(view).insert_all(dict(zip(names, row, strict=True)) for row in rows)
            done += len(rows)
            progress(done)
        counts.append((view, target.table(view).count))
    return counts


def _indexed(target: Database) -> None:
    for view, names in _INDICES:
        target.table(view).create_index(names)
    target.table("messages").enable_fts(["content"], create_triggers=True, tokenize="unicode61 remove_diacritics 2")
    target.analyze()


def statements() -> str:
    """Return the SQL that defines the views, with its comments."""
    return script("public.sql")


def connect(path: str, own: str, stop: Callable[[], bool]) -> sqlite3.Connection:
    """Return a connection on which only SELECT over the views works; a statement ends once `stop` answers True.

    `path` is a generation of the view, `own` the id of this clone's store. Writing, ATTACH, PRAGMA, extensions and
    direct reads of the views' tables are refused with sqlite3.DatabaseError.
    """
    connection = sqlite3.connect(f"file:{_escaped(path)}?mode=ro", uri=True, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")
    _define(connection, own)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _VALUE_LIMIT)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.set_progress_handler(lambda: int(stop()), _STEPS)
    connection.set_authorizer(_allowed)
    return connection


def empty() -> sqlite3.Connection:
    """Return the views over no data, in memory; the documentation reads their columns."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(script("schema.sql"))
    _define(connection, "")
    return connection


def _define(connection: sqlite3.Connection, own: str) -> None:
    connection.text_factory = _text
    connection.create_function("rfc3339", 1, _time, deterministic=True)
    connection.create_function("address", 2, partial(_address, own), deterministic=True)
    connection.create_function("own_store", 0, lambda: own, deterministic=True)
    connection.executescript(statements())
    connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')")  # made now: the authorizer would refuse it


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _address(own: str, agent: str, store: str) -> str:
    return address_of(agent, store, own=store == own)


def _allowed(action: int, first: str | None, second: str | None, database: str | None, view: str | None) -> int:
    """Allow or deny an action of a statement, for sqlite3.Connection.set_authorizer."""
    if action in _READING or (action == sqlite3.SQLITE_FUNCTION and second != "load_extension"):
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_READ and _readable(first or "", second or "", database, view):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _readable(table: str, column: str, database: str | None, view: str | None) -> bool:
    """Return whether a statement may read a table: a view, what a view reads, or rows made from JSON.

    SQLite asks without a column, and names no view, where a joined table is not read.
    """
    if database != "main":
        return not table.startswith("sqlite_")  # the definitions of the views
    return view in VIEWS or table in _JSON_TABLES or not column


def _escaped(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
