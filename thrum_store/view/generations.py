"""The generation of the view that counts now: opened, followed when it was replaced, repaired when it is broken."""

from __future__ import annotations

from thrum_store.errors import ThrumError, ViewCorrupted
from thrum_store.repository.paths import COMMIT_LOCK

from . import database
from .database import Error, Stamp, connect, mapped
from .rows import ShardIds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Host
    from thrum_store.repository.paths import Paths

    from .database import Connection
    from .rebuild import Progress

_REBUILD_DEADLINE = 120.0  # seconds to wait for another process that rebuilds the view


class View:
    """A connection to the current generation. Every write, checkpoint and close of it happens under commit.lock."""

    def __init__(self, paths: Paths, host: Host, own: str, progress: Progress | None = None) -> None:
        self._paths, self._host, self.own = paths, host, own
        self._progress = progress
        self.lock = host.lock(paths.in_var(COMMIT_LOCK))
        self.generation = ""
        self._stamp = Stamp((), ())
        self._severed = ""
        self.connection: Connection  # while there is a generation; `refresh` opens it
        self.shards: ShardIds  # of that connection

    def refresh(self) -> None:
        """Switch to the generation that counts now; make one where there is none or a broken one."""
        try:
            if not self.generation:
                self.follow()
            elif not self._stays():
                with self.lock:
                    self.follow()
        except ViewCorrupted:
            self.repair()

    def committing(self) -> Commit:
        """Return a write transaction on the generation that counts, under commit.lock."""
        return Commit(self)

    def repair(self) -> None:
        """Make the view good again: open what another process rebuilt, or rebuild it."""
        self._replace(only_if_broken=True, progress=self._progress)

    def rebuild(self, progress: Progress | None = None) -> None:
        """Make a new view from nothing but the logs, whatever the present one is like."""
        self._replace(only_if_broken=False, progress=progress)

    def close(self) -> None:
        """Close the view; the last close of all writes it back into one file. Never raises."""
        try:
            with self.lock:
                if not self._stays() and self._severed:
                    database.disown(self._paths.var, self._host)  # our close writes back what nobody else can see
                self._disconnect()
        except ThrumError:
            self._disconnect()

    def _replace(self, *, only_if_broken: bool, progress: Progress | None = None) -> None:
        from . import rebuild  # no other use of the view needs it

        self.lock.acquire(_REBUILD_DEADLINE)
        try:
            path = database.current(self._paths.var, self._host)
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
        """Stay, or switch to the generation that counts. Raises ViewCorrupted where there is none."""
        if self._stays():
            return
        if self._severed:
            raise ViewCorrupted("its WAL was taken away")
        self._disconnect()
        path = database.current(self._paths.var, self._host)
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
        now = database.stamp(self._paths.var, self.generation)
        severed = now.counts == self._stamp.counts and now.beside != self._stamp.beside
        self._severed = self.generation if severed else ""
        return now == self._stamp

    def _connect(self, path: str) -> None:
        before = database.stamp(self._paths.var, path)
        self.connection = connect(path)
        self.shards = ShardIds(self.connection)
        self.generation = path
        self._stamp = Stamp(before.counts, database.stamp(self._paths.var, path).beside)
        self._severed = ""

    def _disconnect(self) -> None:
        if self.generation:
            self.connection.close()
            self.generation = ""


class Commit:
    """A write transaction on the generation that counts, under commit.lock; errors of SQLite become ours."""

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
            raise mapped(error) from error

    def _undo(self) -> None:
        self._view.shards.forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
