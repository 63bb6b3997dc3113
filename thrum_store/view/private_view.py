"""A view in memory for a process that may only read: nothing of it is written, locked or seen by others.

It begins as a copy of the current generation; where that cannot be read, it is made from the logs.
"""

from __future__ import annotations

from thrum_store.errors import ThrumError
from thrum_store.machine.blocking_lock import NoLock

from . import database, rebuild
from .database import SCHEMA, ShardIds, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Host
    from thrum_store.repository.paths import Paths

    from .database import Connection, Progress


class PrivateView(View):
    """A view in memory, with the interface of a shared one."""

    def __init__(self, paths: Paths, host: Host, own: str, progress: Progress | None) -> None:
        super().__init__(paths, host, own, lambda: rebuild, progress)
        self.lock = NoLock()

    @property
    def file(self) -> str:
        """Nothing: it is in memory."""
        return ""

    def refresh(self) -> None:
        """Make the view at the first use; nobody replaces it afterwards."""
        self.follow()

    def follow(self) -> None:
        """Make the view at the first use."""
        if not self.generation:
            self._take(self._copied() or self._built(self._progress))

    def repair(self) -> None:
        """Make the view anew from the logs."""
        self.rebuild()

    def rebuild(self, progress: Progress | None = None) -> None:
        """Make the view anew from the logs."""
        self._disconnect()
        self._take(self._built(progress))

    def close(self) -> None:
        """Forget the view."""
        self._disconnect()

    def _take(self, connection: Connection) -> None:
        self.connection, self.shards = connection, ShardIds(connection)
        self.generation = self._shared() or "in memory"

    def _shared(self) -> str | None:
        """Return the generation that other processes use, or None if it cannot be read."""
        try:
            return database.current(self._paths.var, self._host)
        except ThrumError:
            return None

    def _copied(self) -> Connection | None:
        """Return a copy of the current generation, or None if it cannot be read."""
        path = self._shared()
        if path is None:
            return None
        copy = database.create(":memory:")
        try:
            source = database.read_only(path)
            try:
                source.backup(copy)
            finally:
                source.close()
            if copy.execute("PRAGMA user_version").fetchone() == (SCHEMA,):
                return copy
        except database.Error:
            pass  # it is made from the logs, and `thrum doctor` says why
        copy.close()
        return None

    def _built(self, progress: Progress | None) -> Connection:
        """Return a view made from the logs alone."""
        connection = database.create(":memory:")
        try:
            connection.executescript(rebuild.script("schema.sql"))
            connection.execute("BEGIN")
            rebuild.fill_all(connection, self._paths, self._host, self.own, progress)
            connection.execute("COMMIT")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
        except BaseException:
            connection.close()
            raise
        return connection
