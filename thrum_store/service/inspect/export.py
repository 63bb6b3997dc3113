"""Export: a copy of the documented SQL views as an ordinary SQLite file."""

from __future__ import annotations

import os
from collections.abc import Callable

from thrum_store.errors import Invalid, StorageFailed
from thrum_store.store import Store
from thrum_store.values import Record
from thrum_store.view import public_views

from .query import reader


class Export(Record):
    """Request for an export to `path`; `replace` allows overwriting an existing file."""

    path: str
    replace: bool = False


class ExportedTable(Record):
    """A table of the file and its number of rows."""

    name: str
    rows: int


class Exported(Record):
    """A finished file."""

    path: str
    bytes: int
    tables: tuple[ExportedTable, ...]


def export(store: Store, request: Export, progress: Callable[[int], None] | None = None) -> Exported:
    """Write all documented views into one SQLite file with keys, indices and full-text search.

    The file appears only when it is complete. Raises Invalid where the path cannot be written to, StorageFailed.
    """
    path = os.path.abspath(request.path)
    if os.path.isdir(path) or not os.path.isdir(os.path.dirname(path)):
        raise Invalid(f"{request.path!r} is not a file in an existing directory", hint="name a file, like thrum.db")
    if os.path.lexists(path) and not request.replace:
        raise Invalid(f"{request.path!r} exists already", hint="choose another name, or add --replace")
    unfinished = f"{path}.{os.getpid()}.part"
    connection = reader(store)
    try:
        counts = public_views.copy(connection, unfinished, progress or (lambda _: None))
        store.host.storage.move(unfinished, path)
    except OSError as error:
        raise StorageFailed(f"{request.path!r} cannot be written: {error.strerror or error}") from None
    finally:
        connection.close()
        store.host.storage.remove(unfinished)
    return Exported(path, os.path.getsize(path), tuple(ExportedTable(*count) for count in counts))
