"""The view's SQLite file: its name, its settings, its transactions, its errors. SQLite is reached through here alone.

The file is named by schema and generation (`p-v4.3-9f2c11e0.db`), and `current-v4` names the one that counts, so that
a broken view is replaced and never unlinked under a live process. No name is used twice: a process that has the old
file open could not tell, and SQLite would take the old WAL for the new file's.

Every write, checkpoint and close happens under commit.lock: SQLite before 3.51.3 can corrupt a WAL that two
connections reset at once.
"""

from __future__ import annotations

import os
import sqlite3  # its C module alone may serve here later

from thrum_store.errors import DiskFull, StorageFailed, StoreBusy, ThrumError, Unsupported, ViewCorrupted
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.repository.paths import COMMIT_LOCK, VIEW_POINTER
from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from thrum_store.errors import ThrumError
    from thrum_store.machine.blocking_lock import NoLock
    from thrum_store.machine.host import Host, Lock

    Columns = tuple[str, ...]
    Row = tuple[object, ...]
    from typing import Protocol

    from thrum_store.repository.paths import Paths

    Progress = Callable[[int], None]

    class Rebuilding(Protocol):
        """The functions that make a view from the logs."""

        def intact(self, path: str) -> bool: ...
        def new_generation(self, paths: Paths, host: Host, own: str, progress: Progress | None) -> str: ...


# --- the file ---------------------------------------------------------------------------------------------------------
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
    """Return the path of the current generation, or None if there is none yet."""
    try:
        name = host.storage.read(os.path.join(var, VIEW_POINTER)).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    except StorageFailed as error:
        if error.code != "permission_denied":
            raise
        return None  # it is made again, with a new generation
    path = os.path.join(var, name)
    return path if name.startswith(_START) and os.sep not in name and os.path.exists(path) else None


def set_current(var: str, host: Host, path: str) -> None:
    """Make a generation the current one. Only under commit.lock."""
    host.storage.replace(os.path.join(var, VIEW_POINTER), os.path.basename(path).encode())


def disown(var: str, host: Host) -> None:
    """Remove the pointer to the current generation; the next process makes a new one. Only under commit.lock."""
    host.storage.remove(os.path.join(var, VIEW_POINTER))


class Stamp(NamedTuple):
    """A fingerprint of the view's files, from stat calls.

    It changes when another generation becomes current or a file is replaced.
    """

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
    """Return a connection to an existing generation. Raises ViewCorrupted if the file is not a view."""
    try:
        _check_log(path)
        connection = sqlite3.connect(f"file:{_quoted(path)}?mode=rw", uri=True, isolation_level=None)
    except Error as error:
        raise mapped(error, path) from error
    try:
        connection.executescript(_SETTINGS)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except Error as error:
        connection.close()
        raise mapped(error, path) from error
    if version != SCHEMA:
        connection.close()
        raise ViewCorrupted(f"{os.path.basename(path)} is not a view of schema {SCHEMA}")
    return connection


def create(path: str) -> Connection:
    """Return a connection to an empty file."""
    return sqlite3.connect(path, isolation_level=None)


def read_only(path: str) -> Connection:
    """Return a connection that writes nothing. Raises sqlite3.Error where that is not possible."""
    # Without its log the file is whole, and SQLite needs no index of the log, which it could not make.
    mode = "ro" if os.path.exists(f"{path}-wal") else "ro&immutable=1"
    _check_log(path)
    return sqlite3.connect(f"file:{_quoted(path)}?mode={mode}", uri=True, isolation_level=None)


def _check_log(path: str) -> None:
    """Raise sqlite3.Error for a log that does not match its index, where no process may make the index again.

    SQLite itself would try for ten seconds, at each opening.
    """
    if os.access(f"{path}-shm", os.W_OK) or not os.path.exists(f"{path}-shm"):
        return
    from thrum_store.repository.unread_probe import log_matches  # only where it cannot be written

    if not log_matches(path):
        error = sqlite3.OperationalError("the log of the view does not match its index")
        error.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
        raise error


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def is_generation(name: str) -> bool:
    """Return whether a file in `.git/thrum-sync/var` belongs to a generation of the view."""
    return generation_number(name) > 0


def generation_number(name: str) -> int:
    """Return the number of the generation that a file belongs to; 0 for any other file."""
    digits = name.removeprefix(_START).partition("-")[0]
    return int(digits) if name.startswith(_START) and digits.isdecimal() else 0


def generation_name(number: int, token: str) -> str:
    """Return the file name of a generation."""
    return f"{_START}{number}-{token}.db"


_TOO_OLD = ("no such module", "syntax error", "no such function")  # what an older SQLite, or one without FTS5, says
_REFUSED = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
}
# Extended codes of SQLITE_IOERR: access, memory, locks, and the index of the WAL in shared memory.
_NO_SHARED_MEMORY = {sqlite3.SQLITE_IOERR | part << 8 for part in (12, 13, 14, 15, 18, 19, 20, 21)}
# Extended codes of SQLITE_IOERR of a write: write, fsync of a file and of a directory, truncate. Nothing is damaged.
_NOT_WRITTEN = {sqlite3.SQLITE_IOERR | part << 8 for part in (3, 4, 5, 6)}


def check_sqlite() -> None:
    """Raise Unsupported if this Python's SQLite is too old, or has no FTS5."""
    connection = create(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5 (content)")
        connection.execute("SELECT json_extract('[1]', '$[0]')")
    except Error as error:
        raise mapped(error) from error
    finally:
        connection.close()


def mapped(error: Error, path: str = "") -> ThrumError:
    """Return our error for one of SQLite. Busy, full and refusals of the machine are never taken for damage.

    With `path`, a view whose files cannot be opened is damaged: a new generation takes its place. Raises the error
    itself if our code misused SQLite.
    """
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        raise error
    primary = code & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy("", "the view")
    if primary == sqlite3.SQLITE_FULL:
        return DiskFull(str(error))
    if primary == sqlite3.SQLITE_ERROR and any(words in str(error) for words in _TOO_OLD):
        return Unsupported(
            f"SQLite {sqlite3.sqlite_version} of this Python cannot do what thrum needs: {error}",
            hint="use a Python with SQLite 3.31 or newer and FTS5, as those of uv, pyenv and python.org have",
        )
    if primary in _REFUSED or code in _NO_SHARED_MEMORY or code in _NOT_WRITTEN:
        return _refusal(error, path)
    return ViewCorrupted(str(error))


def _refusal(error: Error, path: str) -> ThrumError:
    """Return the error for a view that SQLite cannot open or write: SQLite does not say why, so look."""
    from thrum_store.machine import storage_errors  # only where it failed

    refused = storage_errors.refused_file((path, f"{path}-wal", f"{path}-shm") if path else ())
    if refused is not None:
        message = f"cannot open {refused.filename}"
        return (
            ViewCorrupted(message)
            if refused.errno in storage_errors.REPLACEABLE
            else storage_errors.explained(refused, message)
        )
    cannot = f"the view cannot be opened or written: {error}"
    if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CANTOPEN and (
        not path or os.access(os.path.dirname(path), os.W_OK)
    ):
        return ViewCorrupted(cannot)  # somebody removed or replaced its files meanwhile
    limit = storage_errors.largest_file()
    if limit and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_IOERR:
        return storage_errors.FileLimit("the view cannot be written", limit)
    return storage_errors.Refusal(cannot, "`thrum doctor` looks for the reason")


# --- ids of shards ----------------------------------------------------------------------------------------------------


class SegmentStats(NamedTuple):
    """Statistics of a segment, collected while reading, so that a purge can be previewed without reading logs again.

    `seq`: the last sequence that was read. `latest_ms`: the latest time of an event.
    """

    segment: int
    seq: int
    events: int = 0
    messages: int = 0
    bytes: int = 0
    latest_ms: int = 0


class ShardIds:
    """The ids under which a view keeps its shards. They are given once, so one connection remembers them."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._ids: dict[tuple[str, str], int] = {}
        self._agents: dict[int, str] = {}

    def known(self, store: str, agent: str) -> int | None:
        """Return the id of a shard that was asked for before."""
        return self._ids.get((store, agent))

    def of(self, shard: Shard) -> int:
        """Return the id of a shard; a shard that is mentioned before it has an event gets a row."""
        number = self._ids.get(shard)
        if number is None:
            row = self._db.execute("SELECT id FROM shards WHERE store = ? AND agent = ?", shard).fetchone()
            number = self._ids[shard] = int(row[0]) if row else self._new(shard)
            self._agents[number] = shard.agent
        return number

    def agent(self, number: int) -> str:
        """Return the name of the agent whose shard has this id."""
        name = self._agents.get(number)
        if name is None:
            (name,) = self._db.execute("SELECT agent FROM shards WHERE id = ?", (number,)).fetchone()
            self._agents[number] = name
        return name

    def forget(self) -> None:
        """Forget all ids: a transaction that was undone may have given some to others."""
        self._ids.clear()
        self._agents.clear()

    def _new(self, shard: Shard) -> int:
        sql = "INSERT INTO shards (store, agent, hash) VALUES (?, ?, ?)"
        return int(self._db.execute(sql, (*shard, ShardPosition().hash)).lastrowid or 0)


# --- generations ------------------------------------------------------------------------------------------------------
_REBUILD_DEADLINE = 120.0  # seconds to wait for another process that rebuilds the view


class View:
    """A connection to the current generation. Every write, checkpoint and close of it happens under commit.lock."""

    def __init__(
        self, paths: Paths, host: Host, own: str, rebuilding: Callable[[], Rebuilding], progress: Progress | None = None
    ) -> None:
        """`rebuilding` loads the module `view.rebuild`, which imports this one."""
        self._paths, self._host, self.own = paths, host, own
        self._rebuilding, self._progress = rebuilding, progress
        self.lock: Lock | NoLock = host.lock(paths.in_var(COMMIT_LOCK))
        self.generation = ""
        self._stamp = Stamp((), ())
        self._severed = ""
        self.connection: Connection  # while there is a generation; `refresh` opens it
        self.shards: ShardIds  # of that connection

    def refresh(self) -> None:
        """Switch to the current generation; make one if there is none or it is broken."""
        try:
            if not self.generation:
                self.follow()
            elif not self._stays():
                with self.lock:
                    self.follow()
        except ViewCorrupted:
            self.repair()

    def committing(self) -> Commit:
        """Return a write transaction on the current generation, under commit.lock."""
        return Commit(self)

    @property
    def file(self) -> str:
        """The path of the open file, or "" for a view that has none."""
        return self.generation

    def repair(self) -> None:
        """Repair the view: open the one that another process rebuilt, or rebuild it."""
        self._replace(only_if_broken=True, progress=self._progress)

    def rebuild(self, progress: Progress | None = None) -> None:
        """Make a new view from the logs alone, in any state of the present one."""
        self._replace(only_if_broken=False, progress=progress)

    def close(self) -> None:
        """Close the view; the last close of all writes it back into one file. Never raises."""
        try:
            with self.lock:
                if not self._stays() and self._severed:
                    disown(self._paths.var, self._host)  # our close writes back what nobody else can see
                self._disconnect()
        except ThrumError:
            self._disconnect()

    def _replace(self, *, only_if_broken: bool, progress: Progress | None = None) -> None:
        rebuild = self._rebuilding()
        self.lock.acquire(_REBUILD_DEADLINE)
        try:
            path = current(self._paths.var, self._host)
            broken = path is None or path == self._severed
            if not broken:
                self._disconnect()
            if path is None or broken or not only_if_broken or not rebuild.intact(path):
                path = rebuild.new_generation(self._paths, self._host, self.own, progress)
            self._disconnect()  # a severed one only now: its close may spoil the file that counted until here
            self._connect(path)
        finally:
            self.lock.release()

    def follow(self) -> None:
        """Stay, or switch to the current generation. Raises ViewCorrupted if there is none."""
        if self._stays():
            return
        if self._severed:
            raise ViewCorrupted("its WAL was taken away")
        self._disconnect()
        path = current(self._paths.var, self._host)
        if path is None:
            raise ViewCorrupted("there is none")
        self._connect(path)

    def _stays(self) -> bool:
        """Return whether our connection still belongs to the current generation.

        If only the WAL was swapped, mark the connection as severed: writes would go to a file that nobody else reads,
        and no check of the file would show it.
        """
        if not self.generation:
            return False
        now = stamp(self._paths.var, self.generation)
        severed = now.counts == self._stamp.counts and now.beside != self._stamp.beside
        self._severed = self.generation if severed else ""
        return now == self._stamp

    def _connect(self, path: str) -> None:
        before = stamp(self._paths.var, path)
        self.connection = connect(path)
        self.shards = ShardIds(self.connection)
        self.generation = path
        self._stamp = Stamp(before.counts, stamp(self._paths.var, path).beside)
        self._severed = ""

    def _disconnect(self) -> None:
        if self.generation:
            self.connection.close()
            self.generation = ""


class Commit:
    """A write transaction on the current generation, under commit.lock; errors of SQLite become ours."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __enter__(self) -> None:
        self._view.lock.acquire()
        try:
            self._view.follow()
            self._connection = self._view.connection
            self._execute("BEGIN IMMEDIATE")  # at once: a read that upgrades later fails under load
        except BaseException:
            self._view.lock.release()
            raise

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        committed = False
        try:
            if error is None:
                self._execute("COMMIT")
                committed = True
            elif isinstance(error, Error):
                raise mapped(error) from error
        finally:
            if not committed:
                self._undo()
            self._view.lock.release()

    def _execute(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except Error as error:
            raise mapped(error, self._view.file) from error

    def _undo(self) -> None:
        self._view.shards.forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
