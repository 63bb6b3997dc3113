"""Query: one SELECT over the documented SQL views."""

from __future__ import annotations

from typing import Any

from thrum_store.errors import NotInitialized
from thrum_store.store import Store
from thrum_store.values import Record
from thrum_store.view import database, public_views
from thrum_store.view.database import Connection

MOST_ROWS = 100_000
MOST_BYTES = 64 * 1024 * 1024  # of texts in one answer
SECONDS = 5.0


class Query(Record):
    """One SELECT statement."""

    sql: str


class QueryResult(Record):
    """The answer to a query: each row holds every column by its name. `truncated` where a limit cut it off."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    truncated: bool
    warnings: tuple[str, ...] = ()


class PublicView(Record):
    """A view that a query may read, with its columns."""

    name: str
    columns: tuple[str, ...]


class PublicViews(Record):
    """All views that a query may read."""

    views: tuple[PublicView, ...]


def query(store: Store, request: Query) -> QueryResult:
    """Run a query on the current view; at most 5 seconds, 100,000 rows and 64 MiB.

    Raises QueryFailed for anything but one SELECT over the documented views, QueryTooLong.
    """
    connection = reader(store, SECONDS)
    try:
        selected = public_views.select(connection, request.sql, MOST_ROWS, MOST_BYTES)
    finally:
        connection.close()
    warnings = (f"only the first {len(selected.rows):,} rows are shown",) if selected.truncated else ()
    return QueryResult(selected.columns, selected.rows, selected.truncated, warnings)


def views(store: Store) -> PublicViews:
    """Return the documented views and their columns."""
    connection = reader(store, SECONDS)
    try:
        return PublicViews(
            tuple(PublicView(name, public_views.columns(connection, name)) for name in public_views.VIEWS)
        )
    finally:
        connection.close()


def reader(store: Store, seconds: float | None = None) -> Connection:
    """Return a connection that reads the documented views of this store, for so long. The caller closes it."""
    path = database.current(store.paths.var, store.host)
    if path is None:
        raise NotInitialized(store.paths.root)
    clock = store.host.clock
    end = None if seconds is None else clock.monotonic() + seconds
    return public_views.connect(path, store.own, lambda: end is not None and clock.monotonic() > end)
