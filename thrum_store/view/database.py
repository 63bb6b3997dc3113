"""The view's SQLite file: its name, its settings, its transactions, its errors.

The file is named by schema and generation (`p-v3.3-9f2c11e0.db`), and `current-v3` names the one that counts, so that
a broken view is replaced and never unlinked under a live process (reliability §5.4). No name comes back: a process that
still has the old file open could not tell, and SQLite would take the old WAL for the new file's.

Every write, checkpoint and close happens under commit.lock: SQLite before 3.51.3 can corrupt a WAL that two
connections reset at once.
"""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

from thrum_store.errors import DiskFull, StorageFailed, StoreBusy, ThrumError, ViewDamaged
from thrum_store.machine.host import Host
from thrum_store.repository.paths import VIEW_POINTER

SCHEMA = 3  # with it goes VIEW_POINTER
_START = f"p-v{SCHEMA}."
_HERE = os.path.dirname(__file__)
_SETTINGS = """
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 10000;
PRAGMA wal_autocheckpoint = 512;
PRAGMA mmap_size = 0;
PRAGMA trusted_schema = OFF;
PRAGMA temp_store = MEMORY;
"""
_REBUILDING = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -262144;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA temp_store = MEMORY;
"""


def current(var: str, host: Host) -> str | None:
    """The path of the generation that counts, or None where there is none yet."""
    try:
        name = host.storage.read(os.path.join(var, VIEW_POINTER)).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    path = os.path.join(var, name)
    return path if name.startswith(_START) and os.sep not in name and os.path.exists(path) else None


class Stamp(NamedTuple):
    """What changes when another generation counts, or when somebody takes this one's files away: looks, no read."""

    counts: tuple[int, ...]  # the pointer and the file it names; empty where one of them is missing
    beside: tuple[int, ...]  # the WAL and its index


def stamp(var: str, path: str) -> Stamp:
    """The stamp of a generation as the directory shows it now."""
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


def disown(var: str, host: Host) -> None:
    """No generation counts any more; whoever comes next makes one. Only under commit.lock."""
    host.storage.remove(os.path.join(var, VIEW_POINTER))


def connect(path: str) -> sqlite3.Connection:
    """A connection to an existing generation; raises ViewDamaged where it is none."""
    try:
        connection = sqlite3.connect(f"file:{_quoted(path)}?mode=rw", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise mapped(error) from error
    try:
        connection.executescript(_SETTINGS)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise mapped(error) from error
    if version != SCHEMA:
        connection.close()
        raise ViewDamaged(f"{os.path.basename(path)} is not a view of schema {SCHEMA}")
    return connection


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """One write transaction, taken at once: a read that upgrades later fails under load. Only under commit.lock."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def intact(path: str, *, thorough: bool = True) -> bool:
    """Whether SQLite finds nothing wrong with the file. Reads all of it, or the beginning of each table and index."""
    try:
        connection = connect(path)
        try:
            if not thorough:
                return _begins(connection)
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        finally:
            connection.close()
    except (sqlite3.Error, ViewDamaged):
        return False


def _begins(connection: sqlite3.Connection) -> bool:
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        connection.execute(f"SELECT * FROM {name} LIMIT 1").fetchone()
    return True


class Generation:
    """A view in the making: filled without a journal, because until `publish` nobody sees it."""

    def __init__(self, var: str, host: Host) -> None:
        self._var, self._host = var, host
        number = 1 + max((_number(name) for name in host.storage.listing(var)), default=0)
        self.path = os.path.join(var, f"{_START}{number}-{host.entropy.token(4)}.db")
        host.storage.create(self.path, b"")
        self.connection = sqlite3.connect(self.path, isolation_level=None)

    def begin(self) -> None:
        """Makes it empty, in one transaction that `publish` ends."""
        self.connection.executescript(_REBUILDING + _script("schema.sql"))
        self.connection.execute("BEGIN")

    def publish(self) -> None:
        """From now on this is the view. Only under commit.lock."""
        self.connection.execute("COMMIT")
        self.connection.execute(f"PRAGMA user_version = {SCHEMA}")
        self.connection.executescript("PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL;")
        self.connection.close()
        self._host.storage.sync(self.path)
        self._host.storage.replace(os.path.join(self._var, VIEW_POINTER), os.path.basename(self.path).encode())
        self._remove_older()

    def abandon(self) -> None:
        """Leaves nothing behind."""
        self.connection.close()
        self._host.storage.remove(self.path)

    def _remove_older(self) -> None:
        """The generation before stays: a process may be in the middle of reading it."""
        numbers = {name: _number(name) for name in self._host.storage.listing(self._var)}
        kept = {0, *sorted(set(numbers.values()))[-2:]}
        for name, number in numbers.items():
            if number not in kept:
                self._host.storage.remove(os.path.join(self._var, name))


def add_indices(view: sqlite3.Connection) -> None:
    """Makes the indices that a rebuild leaves for its end, inside of its transaction."""
    for statement in _script("indices.sql").split(";"):
        view.execute(statement)


def is_generation(name: str) -> bool:
    """Whether a file in `.thrum/var` belongs to a generation of the view."""
    return _number(name) > 0


def _number(name: str) -> int:
    """The generation that a file belongs to; 0 where it is none's."""
    digits = name.removeprefix(_START).partition("-")[0]
    return int(digits) if name.startswith(_START) and digits.isdecimal() else 0


def _script(name: str) -> str:
    with open(os.path.join(_HERE, name), encoding="utf-8") as file:
        return file.read()


def mapped(error: sqlite3.Error) -> ThrumError:
    """What an error of SQLite means to us. Busy, full and read-only are never taken for damage.

    Raises what is no error of SQLite but one of ours in using it.
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
    return ViewDamaged(str(error))
