"""export: the documented SQL views as an ordinary SQLite file."""

from __future__ import annotations

from thrum_cli.command import App, Option, Usage, command
from thrum_cli.terminal.output import human
from thrum_cli.terminal.progress import Counting
from thrum_store.service.inspect import export as exporting
from thrum_store.service.inspect.export import Export, Exported, ExportedTable
from thrum_store.values import plural


@command(
    "export",
    "thrum export --to thrum.db",
    "thrum export --to thrum.db --replace",
    options=(
        Option("--to", "The file to write (required).", "FILE"),
        Option("--replace", "Overwrite the file if it exists."),
    ),
)
def export(app: App, to: str | None, replace: bool) -> Exported:
    """Write messages, agents and groups into a SQLite file.

    The file has keys, indices and full-text search, and opens in Datasette or any other SQLite tool. It is a copy:
    later messages are not added to it.
    """
    if not to:
        raise Usage("the file is missing", hint="`thrum export --to thrum.db`")
    with Counting("rows written", quiet=app.quiet) as counting:
        return exporting.export(app.store, Export(to, replace), counting)


def _counted(table: ExportedTable) -> str:
    """Return the number of rows of a table with its noun, like `1 agent`."""
    if table.name == "deliveries":
        return "1 delivery" if table.rows == 1 else f"{table.rows:,} deliveries"
    return plural(table.rows, table.name.removesuffix("s").replace("_", " "))


@human.report(Exported)
def _exported(file: Exported) -> str:
    rows = ", ".join(_counted(table) for table in file.tables if table.rows)
    return f"Exported to {file.path} ({file.bytes / 1_000_000:.1f} MB): {rows or plural(0, 'row')}."
