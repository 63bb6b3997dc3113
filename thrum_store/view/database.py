"""The view's SQLite file: its name, its settings, its transactions, its errors. SQLite is reached through here alone.

The file is named by schema and generation (`p-v3.3-9f2c11e0.db`), and `current-v3` names the one that counts, so that
a broken view is replaced and never unlinked under a live process. No name comes back: a process that still has the old
file open could not tell, and SQLite would take the old WAL for the new file's.

Every write, checkpoint and close happens under commit.lock: SQLite before 3.51.3 can corrupt a WAL that two
connections reset at once.
"""

from __future__ import annotations

import os
import sqlite3  # its C module alone may serve here later

from thrum_store.errors import DiskFull, StorageFailed, StoreBusy, ViewCorrupted
from thrum_store.records import NamedTuple
from thrum_store.repository.paths import VIEW_POINTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.errors import ThrumError
    from thrum_store.machine.host import Host

Connection = sqlite3.Connection
Error = sqlite3.Error

SCHEMA = int(VIEW_POINTER.removeprefix("current-v"))
_START = f"p-v{SCHEMA}."
_SETTINGS = """
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 10000;
PRAGMA wal_autocheckpoint = 512;
PRAGMA mmap_size = 0;
PRAGMA trusted_schema = OFF;
PRAGMA temp_store = MEMORY;
"""


def current(var: str, host: Host) -> str | None:
    """Return the path of the generation that counts, or None where there is none yet."""
    try:
        name = host.storage.read(os.path.join(var, VIEW_POINTER)).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    path = os.path.join(var, name)
    return path if name.startswith(_START) and os.sep not in name and os.path.exists(path) else None


def set_current(var: str, host: Host, path: str) -> None:
    """Make a generation the one that counts. Only under commit.lock."""
    host.storage.replace(os.path.join(var, VIEW_POINTER), os.path.basename(path).encode())


def disown(var: str, host: Host) -> None:
    """Make no generation count any more; the next process makes one. Only under commit.lock."""
    host.storage.remove(os.path.join(var, VIEW_POINTER))


class Stamp(NamedTuple):
    """The state of a generation's files, from stats alone: it changes when another one counts or a file is replaced."""

    counts: tuple[int, ...]  # the pointer and the file it names; empty where one of them is missing
    beside: tuple[int, ...]  # the WAL and its index


def stamp(var: str, path: str) -> Stamp:
    """Return the stamp of a generation as the directory shows it now."""
    beside = (_inode(path + "-wal"), _inode(path + "-shm"))
    try:
        pointer, file = os.stat(os.path.join(var, VIEW_POINTER)), os.stat(path)
    except FileNotFoundError:
        return Stamp((), beside)
    return Stamp((pointer.st_ino, pointer.st_mtime_ns, file.st_dev, file.st_ino), beside)


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def connect(path: str) -> Connection:
    """Return a connection to an existing generation. Raises ViewCorrupted where the file is none."""
    try:
        connection = sqlite3.connect(f"file:{_quoted(path)}?mode=rw", uri=True, isolation_level=None)
    except Error as error:
        raise mapped(error) from error
    try:
        connection.executescript(_SETTINGS)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except Error as error:
        connection.close()
        raise mapped(error) from error
    if version != SCHEMA:
        connection.close()
        raise ViewCorrupted(f"{os.path.basename(path)} is not a view of schema {SCHEMA}")
    return connection


def create(path: str) -> Connection:
    """Return a connection to an empty file."""
    return sqlite3.connect(path, isolation_level=None)


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def is_generation(name: str) -> bool:
    """Return whether a file in `.thrum/var` belongs to a generation of the view."""
    return generation_number(name) > 0


def generation_number(name: str) -> int:
    """Return the number of the generation that a file belongs to; 0 where it is none's."""
    digits = name.removeprefix(_START).partition("-")[0]
    return int(digits) if name.startswith(_START) and digits.isdecimal() else 0


def generation_name(number: int, token: str) -> str:
    """Return the file name of a generation."""
    return f"{_START}{number}-{token}.db"


def mapped(error: Error) -> ThrumError:
    """Return our error for one of SQLite. Busy, full and read-only are never taken for damage.

    Raises the error itself where it comes from our misuse of SQLite.
    """
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        raise error
    primary = code & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy("", "the view")
    if primary == sqlite3.SQLITE_FULL:
        return DiskFull(str(error))
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StorageFailed(f"the view cannot be written: {error}")
    return ViewCorrupted(str(error))
