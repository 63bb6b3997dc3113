"""One clone's store, opened: the log, the view of it, and the commit protocol between them (reliability §5.2).

Locks are taken in this order and never the other way: an agent's shard, then commit.lock. Whoever holds a shard's lock
reads its tail first; a line that a dead process left is made durable before anybody may see it.
"""

from __future__ import annotations

import functools
import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Concatenate, ParamSpec, TypeVar

from .errors import Damaged, DiskFull, StorageFailed, ThrumError, ViewDamaged
from .identity import StoreId
from .log.events import Draft, Event
from .log.segments import EventLog, Reading, Shard, ShardPosition
from .machine.bells import ring
from .machine.host import REAL, Host, Lock
from .machine.storage import failpoint
from .repository.paths import PURGE_MARKS, TORN, Paths, shard_lock
from .view import segment_stats
from .view.database import mapped
from .view.generations import Progress, View
from .view.projection import Projection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .log.purged_log import PurgedLog

_HEALINGS = 3  # of one use case: whoever spoils the view faster than that is told so

P = ParamSpec("P")
T = TypeVar("T")


class Writing:
    """An agent's shard, locked and read to its end."""

    def __init__(self, store: Store, shard: Shard) -> None:
        self._store = store
        self._shard = shard
        self._end: ShardPosition | None = store.end(shard)

    def append(self, *drafts: Draft) -> list[Event]:
        """Says these, in this order, durably; then they are in the view and those concerned are woken. Where it raises
        DiskFull, StorageFailed, Damaged or Invalid, none of them was said."""
        store, shard = self._store, self._shard
        if store.position < len(store.said):  # the use case runs again, because the view broke after this was said
            store.position += 1
            return store.said[store.position - 1]
        head = self._end or store.end(shard)
        generation, self._end = store.generation, None
        said = store.log.append(shard, head, list(drafts), store.host.clock.wall_ms())
        store.said.append(said.events)
        store.position += 1
        try:
            store.show(shard, said, generation)
        except ThrumError as error:
            # It is said: the next process that opens the store finds it. Refusing now would be a lie, and
            # starting again would say it twice.
            store.warnings.append(f"stored, and not shown yet: {error.message}")
        failpoint("commit.visible")
        store.wake()
        return said.events


class Store:
    """The log and its view, for one thread. Open one per use; it costs about a millisecond."""

    def __init__(self, paths: Paths, host: Host, progress: Progress | None = None) -> None:
        self.paths = paths
        self.host = host
        self._whose = StoreId(paths, host)
        self.own = self._whose.now()
        self._plain_log = EventLog(paths.logs, host.storage)
        self._purged_log: PurgedLog | None = None
        self._purge_marks = paths.in_var(PURGE_MARKS)
        self.warnings: list[str] = []
        self.said: list[list[Event]] = []  # by the use case that runs
        self.position = 0  # how much of it; less while it runs again
        self._depth = 0
        self._rung: set[str] = set()
        self._view = View(paths, host, self.own, progress)

    @property
    def log(self) -> EventLog:
        """The logs, without what was purged."""
        if self._purged_log is None and not os.path.exists(self._purge_marks):
            return self._plain_log
        return self.purged_log

    @property
    def purged_log(self) -> PurgedLog:
        """The same logs, with what only a purge, a sync and a check ask of them."""
        if self._purged_log is None:
            from .log.purged_log import PurgedLog  # few stores were ever purged

            self._purged_log = PurgedLog(self.paths.logs, self.paths.var, self.host)
        return self._purged_log

    @property
    def view(self) -> sqlite3.Connection:
        """The view's connection, for reading."""
        if not self._view.generation:  # not opened yet, or its last healing failed
            self.refresh()
        return self._view.connection

    @property
    def generation(self) -> str:
        """Which view this is; another one after it was rebuilt."""
        return self._view.generation

    # reading

    def head(self, shard: Shard) -> tuple[ShardPosition, str | None]:
        """How far the view has read a shard, and why no further if it is frozen."""
        row = self.view.execute(
            "SELECT segment, position, seq, hash, frozen FROM shards WHERE store = ? AND agent = ?", shard
        ).fetchone()
        return (ShardPosition(*row[:4]), row[4]) if row else (ShardPosition(), None)

    def catch_up(self) -> None:
        """Brings into the view what the logs have and it has not: from a process that died, a fetch, a peer.

        A shard whose files cannot be read or written holds up no other; `take_warnings` says which.
        """
        self.refresh()
        for shard, head in self._known():
            if self.log.grew(shard, head):
                self._catch_up(shard)

    def _known(self) -> list[tuple[Shard, ShardPosition]]:
        sql = "SELECT store, agent, segment, position, seq, hash FROM shards WHERE frozen IS NULL"
        known = {Shard(*row[:2]): ShardPosition(*row[2:]) for row in self.view.execute(sql)}
        (frozen,) = self.view.execute("SELECT count(*) FROM shards WHERE frozen IS NOT NULL").fetchone()
        heads = {shard: known.get(shard, ShardPosition()) for shard in self.log.shards()}
        return [(shard, head) for shard, head in heads.items() if not frozen or not self.head(shard)[1]]

    def _catch_up(self, shard: Shard) -> None:
        lock = self.shard_lock(shard)
        try:
            if lock.try_acquire():  # else its holder lives, and will do this itself
                self.absorb(shard)
        except (StorageFailed, DiskFull) as error:
            self.warnings.append(f"the log of {shard.agent!r} could not be read to its end: {error.message}")
        finally:
            lock.release()
        self.wake()

    # writing

    @contextmanager
    def writing(self, agent: str) -> Generator[Writing]:
        """Holds the agent's shard, its tail repaired and everything in it visible; StoreBusy after 10 s."""
        with self.shard_lock(Shard(self.own, agent)), self._whose.beginning(agent) as own:
            self.own = self._view.own = own
            yield Writing(self, Shard(own, agent))

    def end(self, shard: Shard) -> ShardPosition:
        """Where the shard ends, everything before it in the view. Only under the shard's lock; raises Damaged."""
        head, frozen = self.head(shard)
        if not frozen and self.log.grew(shard, head):
            self.absorb(shard)
            head, frozen = self.head(shard)
        if frozen:
            raise Damaged(f"the log of {shard.agent!r}", frozen)
        return head

    def show(self, shard: Shard, said: Reading, generation: str) -> None:
        """Applies what was just said to the view it follows; if another one counts now, whatever is missing there."""
        try:
            if _mapping(lambda: self._apply(shard, said, generation)):
                return
        except ViewDamaged:
            self.heal()  # and look what is there: the transaction may have ended before it broke
        _healed(self, lambda: self.absorb(shard))
        self._rung |= {name.partition("@")[0] for event in said.events for name in event.data.get("recipients", ())}

    def absorb(self, shard: Shard) -> None:
        """Applies the rest of a shard to the view, made durable before. Only under the shard's lock."""
        while True:
            generation = self.generation
            head, frozen = self.head(shard)
            if frozen:
                return
            reading = self.log.read(shard, head)
            self.log.repair(shard, reading, self.paths.in_var(TORN))
            if reading.head == head and not reading.damage:
                return
            if reading.head != head:
                self.log.sync(shard, reading.head, head)
            self._apply(shard, reading, generation)
            if reading.damage:
                return

    def _apply(self, shard: Shard, reading: Reading, generation: str) -> bool:
        """Applies a reading to the view it was made for; False where another view counts now."""
        with self.committing():
            if self.generation != generation:
                return False
            projection = self.projection()
            for event in reading.events:
                projection.apply(event)
            segment_stats.turn(self.view, self._view.shards.of(shard), reading)
            projection.advance(shard, reading.head, reading.damage or None, segment_stats.of(reading))
            projection.finish()
            failpoint("commit.apply")
        self._rung |= projection.recipients
        return True

    def projection(self) -> Projection:
        """What applies events to the view, inside of `committing`."""
        return Projection(self.view, self._view.shards, self.own, self.host.clock.wall_ms())

    def committing(self) -> AbstractContextManager[None]:
        """A write transaction on the view that counts now, under commit.lock."""
        return self._view.committing()

    def refresh(self) -> None:
        """Goes over to the view that counts now, if another process replaced it."""
        self._follow_own()
        self._view.refresh()

    def _follow_own(self) -> None:
        """A sync may have given this clone new keys since it was opened."""
        self.own = self._view.own = self._whose.now()

    def heal(self) -> None:
        """Makes a broken view good again."""
        self._view.heal()

    def rebuild(self, progress: Progress | None = None) -> None:
        """Makes a new view from nothing but the logs."""
        self._view.rebuild(progress)

    @contextmanager
    def remembering(self) -> Generator[None]:
        """Keeps what is said inside, until the outermost use case ends."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self.said, self.position = [], 0

    def wake(self) -> None:
        """Rings for everybody who got mail in what was applied last."""
        if self._rung:
            ring(self.paths.bells, self._rung)
            self._rung = set()

    def take_warnings(self) -> list[str]:
        """What went wrong after something was said, told once."""
        told, self.warnings = self.warnings, []
        return told

    def shard_lock(self, shard: Shard) -> Lock:
        """The lock of a shard, not taken yet: whoever appends to it, or admits to it, holds it."""
        name = shard.agent if shard.store == self.own else f"{shard.store}.{shard.agent}"
        return self.host.lock(self.paths.in_var(shard_lock(name)))

    def close(self) -> None:
        """Closes the view."""
        self._view.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(paths: Paths, host: Host = REAL, progress: Progress | None = None) -> Store:
    """The store of this clone, its view caught up with its logs; `progress` hears of it where the view is rebuilt.

    Raises NotInitialized where there is none, StoreBusy while another process rebuilds it for long.
    """
    failpoint("store.open")
    store = Store(paths, host, progress)
    try:
        _healed(store, store.catch_up)
    except BaseException:
        store.close()
        raise
    return store


def use_case(function: Callable[Concatenate[Store, P], T]) -> Callable[Concatenate[Store, P], T]:
    """Marks a use case: where the view breaks, it is healed and all starts again, but nothing is said a second time."""

    @functools.wraps(function)
    def run(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with store.remembering():
            return _healed(store, lambda: function(store, *args, **kwargs))

    return run


def _healed(store: Store, action: Callable[[], T]) -> T:
    start = store.position
    for _ in range(_HEALINGS):
        try:
            return _mapping(action)
        except ViewDamaged:
            store.position = start
            with suppress(ViewDamaged):  # spoiled again already: the next try finds out
                store.heal()
    return _mapping(action)


def _mapping(action: Callable[[], T]) -> T:
    try:
        return action()
    except sqlite3.Error as error:
        raise mapped(error) from error
