"""Builds a new generation of the view from the logs alone, and checks whether an old one is intact."""

from __future__ import annotations

import gc
import heapq
import os
from collections.abc import Iterator

from thrum_store import presence_state
from thrum_store.errors import StorageFailed, ViewCorrupted
from thrum_store.log.events import fast_parser
from thrum_store.log.purged_log import PurgedLog
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.host import failpoint
from thrum_store.repository.former_stores import signed_ends
from thrum_store.values import NamedTuple

from . import database
from .database import SCHEMA, Error, SegmentStats, ShardIds, connect, mapped
from .projection import Projection, save_rebuilt, stats_of
from .queries import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from thrum_store.log.events import Event, Parser
    from thrum_store.log.segments import EventLog
    from thrum_store.machine.host import Host
    from thrum_store.repository.paths import Paths

    from .database import Connection

    Progress = Callable[[int], None]  # gets the number of events so far

_REPORTED = 1000  # events between two reports of progress
_SETTINGS = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -262144;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA temp_store = MEMORY;
"""


def intact(path: str, *, thorough: bool = True) -> bool:
    """Return whether the view passes SQLite's check.

    Without `thorough`, read only the first part of each table and index.
    """
    try:
        connection = connect(path)
        try:
            if not thorough:
                return _tables_begin(connection)
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        finally:
            connection.close()
    except Error as error:
        if isinstance(refusal := mapped(error, path), ViewCorrupted):
            return False
        raise refusal from error  # such as no descriptors: that is no damage
    except ViewCorrupted:
        return False


def _tables_begin(connection: Connection) -> bool:
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        connection.execute(f"SELECT * FROM {name} LIMIT 1").fetchone()
    return True


def new_generation(paths: Paths, host: Host, own: str, progress: Progress | None) -> str:
    """Make a view from the logs and publish it; return its path. Only under commit.lock."""
    generation = Generation(paths.var, host)
    try:
        generation.begin()
        PurgedLog(paths.logs, paths.var, host).second_copies.restore_missing(own)
        fill_all(generation.connection, paths, host, own, progress)
        failpoint("rebuild.filled")
        generation.publish()
    except BaseException as error:
        generation.abandon()
        if isinstance(error, Error):
            raise mapped(error) from error
        raise
    return generation.path


def fill_all(view: Connection, paths: Paths, host: Host, own: str, progress: Progress | None) -> None:
    """Apply the logs of a store, and the last times at which its agents were seen, to an empty view."""
    log = PurgedLog(paths.logs, paths.var, host)
    published = signed_ends(log.root, own, host.storage)
    fill(view, log, own, host.clock.wall_ms(), published, progress)
    for name, state in presence_state.own(paths.var, host).items():
        lookup.seen(view, own, name, state.seen_ms)


def trial(log: PurgedLog, own: str, host: Host, progress: Progress | None) -> Connection:
    """Return a view in memory, made from the logs of a copy alone. The caller closes it."""
    connection = database.create(":memory:")
    try:
        connection.executescript(script("schema.sql"))
        connection.execute("BEGIN")
        fill(connection, log, own, host.clock.wall_ms(), signed_ends(log.root, own, host.storage), progress)
        connection.execute("COMMIT")
    except BaseException as error:
        connection.close()
        if isinstance(error, Error):
            raise mapped(error) from error
        raise
    return connection


class Generation:
    """An unfinished view: filled without a journal, because nobody sees it before `publish`."""

    def __init__(self, var: str, host: Host) -> None:
        self._var, self._host = var, host
        number = 1 + max(map(database.generation_number, host.storage.listing(var)), default=0)
        self.path = os.path.join(var, database.generation_name(number, host.entropy.token(4)))
        host.storage.create(self.path, b"")
        self.connection = database.create(self.path)

    def begin(self) -> None:
        """Make its tables, in one transaction that `publish` ends."""
        self.connection.executescript(_SETTINGS + script("schema.sql"))
        self.connection.execute("BEGIN")

    def publish(self) -> None:
        """Make it the current generation. Only under commit.lock."""
        self.connection.execute("COMMIT")
        self.connection.execute(f"PRAGMA user_version = {SCHEMA}")
        self.connection.executescript("PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL;")
        self.connection.close()
        self._host.storage.sync(self.path)
        database.set_current(self._var, self._host, self.path)
        self._remove_older()

    def abandon(self) -> None:
        """Delete the unfinished view and its side files."""
        self.connection.close()
        self._host.storage.remove(self.path)

    def _remove_older(self) -> None:
        """Remove all but this and the last generation: a process may be in the middle of reading that one."""
        numbers = {name: database.generation_number(name) for name in self._host.storage.listing(self._var)}
        kept = {0, *sorted(set(numbers.values()))[-2:]}
        for name, number in numbers.items():
            if number not in kept:
                self._host.storage.remove(os.path.join(self._var, name))


def script(name: str) -> str:
    """Return a file of SQL that ships with the program."""
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()


class ReadEnd(NamedTuple):
    """The end of the readable part of a shard, and the damage there; `refused`: the disk reported an error."""

    head: ShardPosition = ShardPosition()
    damage: str = ""
    refused: bool = False


def fill(
    view: Connection, log: PurgedLog, own: str, now_ms: int, published: Mapping[str, int], progress: Progress | None
) -> None:
    """Apply all logs to an empty view, oldest first as far as the shards' own order allows.

    An own log that is shorter than what was `published` of it is frozen: if an agent wrote there before the rest is
    back, two events would be the same one. Messages up to the floors of their logs stay hidden.
    """
    ids = ShardIds(view)
    projection = Projection(view, ids, own, now_ms, rebuilding=True)
    projection.floors = log.floors.all()
    logs = _LogReader(log)
    _apply_all(projection, logs, progress)
    logs.freeze_shortened(own, published)
    for shard, (head, damage, _) in logs.ends.items():
        if head.segment or damage:
            last = save_rebuilt(view, ids.of(shard), logs.stats.get(shard, []), head.segment)
            projection.advance(shard, head, damage or None, last)
    projection.rows.flush()
    for statement in script("indices.sql").split(";"):  # before the end, which looks for late deliveries by message
        view.execute(statement)
    projection.finish()


def _apply_all(projection: Projection, logs: _LogReader, progress: Progress | None) -> None:
    """Apply the merged logs, without the garbage collector: it would find no cycles in millions of tuples."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        for count, (_, _, event) in enumerate(logs.merged(), 1):
            projection.apply(event)
            if progress is not None and count % _REPORTED == 0:
                progress(count)
    finally:
        if enabled:
            gc.enable()


class _LogReader:
    """Reads all logs at once; notes where each ends, and its statistics."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.ends: dict[Shard, ReadEnd] = {}
        self.stats: dict[Shard, list[SegmentStats]] = {}

    def merged(self) -> Iterator[tuple[int, Shard, Event]]:
        """Return the events of all shards, ordered by time without changing the order inside of a shard."""
        parse = fast_parser()
        return heapq.merge(*(self._stream(shard, parse) for shard in self._log.shards()))

    def _stream(self, shard: Shard, parse: Parser) -> Iterator[tuple[int, Shard, Event]]:
        """Yield a shard's events with a time that never runs backwards."""
        head, latest = ShardPosition(), 0
        while True:
            try:
                reading = self._log.read(shard, head, parse)
                progressed = reading.head != head
                head = reading.head
                self.ends[shard] = ReadEnd(head, reading.damage)
                if not progressed:
                    self._log.sync(shard, head, ShardPosition())  # nobody may see what a power cut could still take
                    return
            except StorageFailed:  # a file that cannot be read holds up nobody else; every catch-up tries it again
                self.ends[shard] = ReadEnd(head, "", refused=True)
                return
            self.stats.setdefault(shard, []).append(stats_of(reading))
            for event in reading.events:
                latest = max(latest, event.ms)
                yield latest, shard, event

    def freeze_shortened(self, own: str, published: Mapping[str, int]) -> None:
        """Mark own logs as damaged that end before the event up to which they were published."""
        for agent, seq in published.items():
            end = self.ends.get(Shard(own, agent), ReadEnd())
            if end.head.seq < seq and not end.damage and not end.refused:
                reason = f"events up to {seq} were published, and it ends with event {end.head.seq}"
                self.ends[Shard(own, agent)] = end._replace(damage=reason)
