"""query: one SELECT over the documented SQL views."""

from __future__ import annotations

import csv
import io
from typing import Any

from thrum_cli.command import App, Argument, Option, Usage, command
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Screen, Verbatim, human
from thrum_store import values
from thrum_store.service.inspect import query as queries
from thrum_store.service.inspect.query import PublicViews, Query, QueryResult
from thrum_store.values import Record, plural, safe_line


class Rows(Record, Verbatim):
    """Rows as text, one to a line, for another program."""

    text: str
    warnings: tuple[str, ...] = ()


@command(
    "query",
    'thrum query "SELECT author, count(*) AS sent FROM messages GROUP BY author"',
    'thrum query "SELECT * FROM deliveries WHERE read_at IS NULL" --csv',
    "thrum query --views",
    returns=(QueryResult, PublicViews),
    options=(
        Argument("sql", "SQL", required=False),
        Option("--views", "List the views and their columns."),
        Option("--nl", "Print one JSON object to a line."),
        Option("--csv", "Print comma-separated values."),
        Option("--tsv", "Print tab-separated values."),
    ),
)
def query(app: App, sql: str | None, views: bool, nl: bool, csv: bool, tsv: bool) -> QueryResult | PublicViews | Rows:
    """Run one SQL query over messages, agents and groups.

    The query is a SELECT over the views that docs/sql-views.md describes. It only reads, for at most 5 seconds, and
    returns at most 100,000 rows. The views stay stable; the tables of the view's file do not.
    """
    if views or sql is None:
        if sql is not None or not views:
            raise Usage(
                "give a query or --views", hint='`thrum query "SELECT * FROM messages"`, or `thrum query --views`'
            )
        return queries.views(app.store)
    if nl + csv + tsv > 1:
        raise Usage("--nl, --csv and --tsv are mutually exclusive", hint="choose one of them")
    result = queries.query(app.store, Query(sql))
    if app.json or not (nl or csv or tsv):
        return result
    text = _lines(result) if nl else _separated(result, "," if csv else "\t")
    return Rows(text, result.warnings)


def _lines(result: QueryResult) -> str:
    return "\n".join(values.spaced(row) for row in result.rows)


def _separated(result: QueryResult, separator: str) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(row.values() for row in result.rows)
    return buffer.getvalue().removesuffix("\n")


@human.register(Rows)
def _rows(rows: Rows) -> str:
    return rows.text


@human.register(QueryResult)
def _result(result: QueryResult, screen: Screen) -> str:
    if not result.rows:
        return "No rows."
    cells = [[_cell(value) for value in row.values()] for row in result.rows]
    return f"{table(result.columns, cells, screen)}\n{plural(len(cells), 'row')}"


def _cell(value: Any) -> str:
    return "" if value is None else safe_line(str(value))


@human.register(PublicViews)
def _views(listed: PublicViews) -> str:
    return "\n".join(f"{view.name} ({', '.join(view.columns)})" for view in listed.views)
