"""The database of the Go program, as lines of a log: what its logs lost or never had. Only a copy of it is opened.

A merge of its sync could drop events from a log, a purge dropped agents and groups; older versions noted what was read
in the database alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from thrum_store import values
from thrum_store.machine.host import Host
from thrum_store.repository.paths import STRAYS, Paths
from thrum_store.view import database
from thrum_store.view.database import Connection

_ROW = "row"  # the field of an event that was a row
_NAME = "messages.db"
_EVENTS = "SELECT event_json FROM events ORDER BY sequence"
# What stands in a table: the type of the event that would say it, what makes it unique, and the query for its fields.
_TABLES = (
    ("message.receipt", ("message_id", "agent_id"),
     "SELECT message_id, agent_id, read_at AS timestamp FROM message_reads"),
    ("message.receipt", ("message_id", "agent_id"),
     "SELECT message_id, recipient_agent_id AS agent_id, read_at AS timestamp FROM message_deliveries"
     " WHERE coalesce(read_at, '') != ''"),
    ("agent.register", ("agent_id",),
     "SELECT agent_id, kind, role, module, display, hostname, registered_at AS timestamp FROM agents"),
    ("group.create", ("group_id",),
     "SELECT group_id, name, description, created_by, created_at AS timestamp FROM groups"),
    ("group.member.add", ("group_id", "member_type", "member_value"),
     "SELECT group_id, member_type, member_value, added_by, added_at AS timestamp FROM group_members"),
)  # fmt: skip


def lines(repository: Paths, places: Iterable[str], host: Host) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Return a file of lines for each database in these worktrees, and a sentence for each that cannot be read."""
    files: list[tuple[str, bytes]] = []
    refused: list[str] = []
    for path in _paths(repository, places, host):
        name = os.path.relpath(path, repository.root)
        try:
            files.append((name, b"\n".join(_copied(path, host))))
        except database.Error as error:
            refused.append(f"{name} cannot be read, so what only it held is left out: {error}")
    return [file for file in files if file[1]], refused


def _paths(repository: Paths, places: Iterable[str], host: Host) -> list[str]:
    """Return the databases: in each `.thrum/var`, and where an earlier set-up has put that aside."""
    strays = os.path.join(repository.common, STRAYS)
    directories = [os.path.join(root, ".thrum", "var") for root in places]
    directories += [repository.former_var, *(os.path.join(strays, name) for name in host.storage.listing(strays))]
    paths = dict.fromkeys(os.path.realpath(os.path.join(directory, _NAME)) for directory in directories)
    return [path for path in paths if os.path.isfile(path)]


def _copied(path: str, host: Host) -> list[bytes]:
    """Return the lines of a database, from a copy with its log of changes that a crash left."""
    with tempfile.TemporaryDirectory() as place:
        copy = os.path.join(place, _NAME)
        for end in ("", "-wal"):
            if os.path.isfile(path + end):
                host.storage.create(copy + end, host.storage.read(path + end))
        connection = database.create(copy)
        try:
            return list(_lines(connection))
        finally:
            connection.close()


def _lines(connection: Connection) -> Iterator[bytes]:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "events" in tables:
        for (line,) in connection.execute(_EVENTS):
            yield line.replace("\n", " ").encode("utf-8", "replace") if isinstance(line, str) else bytes(line or b"")
    for event_type, unique, query in _TABLES:
        if query.rpartition(" FROM ")[2].split(" ")[0] in tables:
            cursor = connection.execute(query)
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                yield _event(event_type, unique, dict(zip(columns, row, strict=True)))


def is_row(fields: dict[str, Any]) -> bool:
    """Return whether an event was a row: then it counts only where no event says the same."""
    return fields.get(_ROW) is True and any(fields["type"] == event_type for event_type, _, _ in _TABLES)


def _event(event_type: str, unique: tuple[str, ...], fields: dict[str, Any]) -> bytes:
    """Return a row as an event, its id made from what makes the row unique."""
    key = ".".join(str(fields[name]) for name in unique)
    event = {**fields, "type": event_type, "event_id": f"row.{event_type}.{key}", _ROW: True}
    return values.compact(event).encode("utf-8", "replace")
