"""The view that counts now: opened, gone over to when it was replaced, rebuilt from the logs when it is broken."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from thrum_store.errors import StorageFailed, ThrumError, ViewDamaged
from thrum_store.identity import signed_ends
from thrum_store.log.events import Event, fast_parser
from thrum_store.log.purged_log import PurgedLog
from thrum_store.log.segments import EventLog, Shard, ShardPosition
from thrum_store.machine.host import Host
from thrum_store.machine.storage import failpoint
from thrum_store.repository.paths import COMMIT_LOCK, Paths

from . import database, segment_stats
from .database import Generation, Stamp, connect, mapped, transaction
from .projection import Projection
from .queries import agents
from .segment_stats import SegmentStats
from .shard_ids import ShardIds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.log.events import Parser

_REBUILD_DEADLINE = 120.0  # seconds to wait for another process that rebuilds the view
_REPORTED = 1000  # events between two reports of progress

Progress = Callable[[int], None]


class View:
    """A connection to the current generation. Every write, checkpoint and close of it happens under commit.lock."""

    def __init__(self, paths: Paths, host: Host, own: str, progress: Progress | None = None) -> None:
        self._paths, self._host, self.own = paths, host, own
        self._var = var = paths.var
        self._progress = progress
        self._lock = host.lock(os.path.join(var, COMMIT_LOCK))
        self.generation = ""
        self._stamp = Stamp((), ())
        self._severed = ""
        self.connection: sqlite3.Connection  # while there is a generation; `refresh` opens it
        self.shards: ShardIds  # of that connection

    def refresh(self) -> None:
        """Goes over to the generation that counts now; makes one where there is none or a broken one."""
        try:
            if not self.generation:
                self._follow()
            elif not self._stays():
                with self._lock:
                    self._follow()
        except ViewDamaged:
            self.heal()

    @contextmanager
    def committing(self) -> Generator[None]:
        """A write transaction on the generation that counts, under commit.lock; errors of SQLite become ours."""
        with self._lock:
            self._follow()
            try:
                with transaction(self.connection):
                    yield
            except BaseException as error:
                self.shards.forget()
                if isinstance(error, sqlite3.Error):
                    raise mapped(error) from error
                raise

    def heal(self) -> None:
        """Makes the view good again: opens what another process rebuilt, or rebuilds it."""
        self._replace(only_if_broken=True, progress=self._progress)

    def rebuild(self, progress: Progress | None = None) -> None:
        """Makes a new view from nothing but the logs, whatever the present one is like."""
        self._replace(only_if_broken=False, progress=progress)

    def close(self) -> None:
        """Closes the view; the last close of all writes it back into one file. Never raises."""
        try:
            with self._lock:
                if not self._stays() and self._severed:
                    database.disown(self._var, self._host)  # our close writes back what nobody else can see
                self._disconnect()
        except ThrumError:
            self._disconnect()

    def _replace(self, *, only_if_broken: bool, progress: Progress | None = None) -> None:
        self._lock.acquire(_REBUILD_DEADLINE)
        try:
            path = database.current(self._var, self._host)
            broken = path is None or path == self._severed
            if not broken:
                self._disconnect()
            if path is None or broken or not only_if_broken or not database.intact(path):
                path = self._new_generation(progress)
            self._disconnect()  # a severed one only now: its close may spoil the file that counted until here
            self._connect(path)
        finally:
            self._lock.release()

    def _new_generation(self, progress: Progress | None) -> str:
        from thrum_store import presence_state  # it brings subprocess, 9 ms, and a rebuild is rare

        generation = Generation(self._var, self._host)
        try:
            generation.begin()
            log = PurgedLog(self._paths.logs, self._var, self._host)
            published = signed_ends(log.root, self.own, self._host.storage)
            fill(generation.connection, log, self.own, self._host.clock.wall_ms(), published, progress)
            for name, last in presence_state.own(self._var, self._host).items():
                agents.seen(generation.connection, self.own, name, last.seen_ms)
            failpoint("rebuild.filled")
            generation.publish()
        except sqlite3.Error as error:
            generation.abandon()
            raise mapped(error) from error
        except BaseException:
            generation.abandon()
            raise
        return generation.path

    def _follow(self) -> None:
        """Stays where it is, or goes over to the generation that counts; raises ViewDamaged where there is none."""
        if self._stays():
            return
        if self._severed:
            raise ViewDamaged("its WAL was taken away")
        self._disconnect()
        path = database.current(self._var, self._host)
        if path is None:
            raise ViewDamaged("there is none")
        self._connect(path)

    def _stays(self) -> bool:
        """Whether our generation counts and its files are those we opened. Notes it where only the WAL is another one:
        then we and others write past each other, and no check of the file would show it."""
        if not self.generation:
            return False
        now = database.stamp(self._var, self.generation)
        severed = now.counts == self._stamp.counts and now.beside != self._stamp.beside
        self._severed = self.generation if severed else ""
        return now == self._stamp

    def _connect(self, path: str) -> None:
        before = database.stamp(self._var, path)
        self.connection = connect(path)
        self.shards = ShardIds(self.connection)
        self.generation = path
        self._stamp = database.stamp(self._var, path)._replace(counts=before.counts)
        self._severed = ""

    def _disconnect(self) -> None:
        if self.generation:
            self.connection.close()
            self.generation = ""


class ReadEnd(NamedTuple):
    """How far a shard could be read, and why no further; `refused`: the disk did not give the rest."""

    head: ShardPosition = ShardPosition()
    damage: str = ""
    refused: bool = False


def _stop_shortened(ends: dict[Shard, ReadEnd], own: str, published: Mapping[str, int]) -> None:
    for agent, seq in published.items():
        end = ends.get(Shard(own, agent), ReadEnd())
        if end.head.seq < seq and not end.damage and not end.refused:
            why = f"events up to {seq} were published, and it ends with event {end.head.seq}"
            ends[Shard(own, agent)] = end._replace(damage=why)


def fill(
    view: sqlite3.Connection,
    log: EventLog,
    own: str,
    now_ms: int,
    published: Mapping[str, int],
    progress: Progress | None,
) -> None:
    """Applies all logs to an empty view, oldest first as far as the shards' own order allows.

    A log of our own that is shorter than what was `published` of it is stopped: nobody may speak there again before
    the rest is back, or two events would be the same one.
    """
    import heapq  # as above

    ids = ShardIds(view)
    projection = Projection(view, ids, own, now_ms, rebuilding=True)
    parse = fast_parser()
    ends: dict[Shard, ReadEnd] = {}
    found: dict[Shard, list[SegmentStats]] = {}
    streams = [_stream(log, shard, parse, ends, found) for shard in log.shards()]
    with _no_collections():
        for count, (_, _, event) in enumerate(heapq.merge(*streams), 1):
            projection.apply(event)
            if progress is not None and count % _REPORTED == 0:
                progress(count)
    _stop_shortened(ends, own, published)
    for shard, (head, damage, _) in ends.items():
        if head.segment or damage:
            last = segment_stats.keep(view, ids.of(shard), found.get(shard, []), head.segment)
            projection.advance(shard, head, damage or None, last)
    projection.flush()
    database.add_indices(view)  # before the end, which looks for late deliveries by message
    projection.finish()


@contextmanager
def _no_collections() -> Generator[None]:
    """Millions of short-lived tuples and no cycles: the collector would take a sixth of the time and find nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _stream(
    log: EventLog, shard: Shard, parse: Parser, ends: dict[Shard, ReadEnd], found: dict[Shard, list[SegmentStats]]
) -> Iterator[tuple[int, Shard, Event]]:
    """A shard's events with a time that never runs backwards, for the merge; notes where it ends, and what it holds."""
    head, latest = ShardPosition(), 0
    while True:
        try:
            reading = log.read(shard, head, parse)
            progressed = reading.head != head
            head = reading.head
            ends[shard] = ReadEnd(head, reading.damage)
            if not progressed:
                log.sync(shard, head, ShardPosition())  # nobody may see what a power cut could still take
                return
        except StorageFailed:  # a file that cannot be read holds up nobody else; every catch-up tries it again
            ends[shard] = ReadEnd(head, "", refused=True)
            return
        found.setdefault(shard, []).append(segment_stats.of(reading))
        for event in reading.events:
            latest = max(latest, event.ms)
            yield latest, shard, event
