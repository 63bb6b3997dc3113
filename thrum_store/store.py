"""The store of one clone: its logs, the view of them, and the commit protocol between the two.

Locks are taken in this order and never the other way: an agent's shard, then commit.lock. The holder of a shard's lock
reads its tail first; a line that a dead process left is made durable before anybody may see it.
"""

from __future__ import annotations

import os

from .errors import Corrupted, DiskFull, StorageFailed, ThrumError, ViewCorrupted
from .identity import StoreId
from .log.segments import EventLog, Shard, ShardPosition
from .machine.host import REAL, failpoint, ring
from .repository.paths import COMMIT_LOCK, FLOORS, PURGE_MARKS, SEGMENT_COPIES, TORN, shard_lock
from .view.database import Error, View, mapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Concatenate, ParamSpec, TypeVar

    from .log.events import Draft, Event
    from .log.purged_log import PurgedLog
    from .log.segments import Reading
    from .machine.blocking_lock import NoLock
    from .machine.host import Host, Lock
    from .repository.paths import Paths
    from .view.database import Commit, Connection, Progress, Rebuilding
    from .view.projection import Projection

    P = ParamSpec("P")
    T = TypeVar("T")

_REPAIRS = 3  # of the view in one use case: a view that breaks faster than that is reported


def _stays(_: ThrumError) -> bool:
    """Return that a view which cannot be written is not left for a private one."""
    return False


class Retry:
    """Runs a use case again after the view broke and was repaired, and appends nothing twice.

    `appended` holds the events of each append so far; `replay_index` is how many of them the present run has passed.
    """

    def __init__(self, repair: Callable[[], None], detach: Callable[[ThrumError], bool] | None = None) -> None:
        self._repair, self._detach = repair, detach or _stays
        self._depth = 0  # of use cases that call others
        self.appended: list[list[Event]] = []
        self.replay_index = 0

    def replayed(self) -> list[Event] | None:
        """Return the events of the next append if an earlier run made it already."""
        if self.replay_index == len(self.appended):
            return None
        self.replay_index += 1
        return self.appended[self.replay_index - 1]

    def record(self, events: list[Event]) -> None:
        """Remember an append until the outermost use case ends."""
        self.appended.append(events)
        self.replay_index += 1

    def use_case(self, action: Callable[[], T]) -> T:
        """Run a use case and return its result; when the outermost ends, forget what was appended."""
        self._depth += 1
        try:
            return self.repairing(action)
        finally:
            self._depth -= 1
            if not self._depth:
                self.appended, self.replay_index = [], 0

    def repairing(self, action: Callable[[], T]) -> T:
        """Run an action; if the view breaks, repair it and run the action again, at most three times.

        Where the store cannot be written, the action runs again with a view of its own. Errors of SQLite become ours.
        """
        start = self.replay_index
        for _ in range(_REPAIRS):
            try:
                return _mapping(action)
            except (StorageFailed, DiskFull) as error:
                if self.appended or not self._detach(error):
                    raise
            except ViewCorrupted:
                self.replay_index = start
                try:
                    self._repair()
                except ViewCorrupted:  # broken again already: the next run finds out
                    continue
                except (StorageFailed, DiskFull) as error:
                    if not self._detach(error):
                        raise
        return _mapping(action)


def _mapping(action: Callable[[], T]) -> T:
    try:
        return action()
    except Error as error:
        raise mapped(error) from error


class Store:
    """The log and its view, for one thread. Open one per use; it costs about a millisecond."""

    def __init__(self, paths: Paths, host: Host, progress: Progress | None = None) -> None:
        self.paths = paths
        self.host = host
        self.store_id = StoreId(paths, host)
        self.own = self.store_id.now()
        self.warnings: list[str] = []
        self.retry = Retry(self.repair, self.detach)
        self.refusal: ThrumError | None = None  # why this process may only read; its view is a private one then
        self._plain_log = EventLog(paths.logs, host.storage, paths.in_var(SEGMENT_COPIES))
        self._purged_log: PurgedLog | None = None
        self._purge_marks = paths.in_var(PURGE_MARKS)
        self._rung: set[str] = set()
        self._view = View(paths, host, self.own, _rebuilding, progress)
        self._progress = progress
        self.failed_write: BaseException | None = None  # a store that refuses this may still be read as it is

    @property
    def log(self) -> EventLog:
        """The logs, without purged events."""
        if self._purged_log is None and not os.path.exists(self._purge_marks):
            return self._plain_log
        return self.purged_log

    @property
    def purged_log(self) -> PurgedLog:
        """The same logs, with the methods for a purge, a sync and a check."""
        if self._purged_log is None:
            from .log.purged_log import PurgedLog  # few stores were ever purged

            self._purged_log = PurgedLog(self.paths.logs, self.paths.var, self.host)
        return self._purged_log

    @property
    def view(self) -> Connection:
        """The view's connection, for reading."""
        if not self._view.generation:  # not opened yet, or its last repair failed
            self.refresh()
        return self._view.connection

    @property
    def generation(self) -> str:
        """The path of the view; another one after it was rebuilt."""
        return self._view.generation

    # reading

    def head(self, shard: Shard) -> tuple[ShardPosition, str | None]:
        """Return the view's position in a shard, and the reason if it is frozen."""
        row = self.view.execute(
            "SELECT segment, position, seq, hash, frozen FROM shards WHERE store = ? AND agent = ?", shard
        ).fetchone()
        return (ShardPosition._make(row[:4]), row[4]) if row else (ShardPosition(), None)

    def catch_up(self) -> None:
        """Apply to the view the events that only the logs have: of a process that died, or of a fetch.

        A shard whose files cannot be read or written holds up no other; `take_warnings` reports it.
        """
        self.refresh()
        log = self.log
        for shard, head in self._known():
            try:
                grew = log.grew(shard, head)
            except StorageFailed as error:
                self._warn(shard, error)
            else:
                if grew:
                    self._catch_up(shard)

    def _known(self) -> list[tuple[Shard, ShardPosition]]:
        sql = "SELECT store, agent, segment, position, seq, hash FROM shards WHERE frozen IS NULL"
        known = {Shard._make(row[:2]): ShardPosition._make(row[2:]) for row in self.view.execute(sql)}
        (frozen,) = self.view.execute("SELECT count(*) FROM shards WHERE frozen IS NOT NULL").fetchone()
        beginning = ShardPosition()
        heads = {shard: known.get(shard, beginning) for shard in self.log.shards()}
        if len(heads) < len(known):  # directories are lost: those of our own logs come back from their second copies
            heads |= {shard: head for shard, head in known.items() if shard not in heads and self._is_copied(shard)}
        return [(shard, head) for shard, head in heads.items() if not frozen or not self.head(shard)[1]]

    def _catch_up(self, shard: Shard) -> None:
        lock = self.shard_lock(shard)
        try:
            if lock.try_acquire():  # else its holder lives, and will do this itself
                self.absorb(shard)
        except (StorageFailed, DiskFull) as error:
            if self.refusal is None and not self._writable(error):
                raise
            self._warn(shard, error)
        finally:
            lock.release()
        self.wake()

    def _warn(self, shard: Shard, error: ThrumError) -> None:
        warning = f"the log of {shard.agent!r} could not be read to its end: {error.message}"
        if warning not in self.warnings:
            self.warnings.append(warning)

    def _writable(self, error: ThrumError) -> bool:
        """Return whether others' logs can still be shown: only this one refuses."""
        read_only = isinstance(error, DiskFull) or error.code == "read_only"
        return not read_only and os.access(self.paths.in_var(COMMIT_LOCK), os.W_OK)

    def detach(self, error: ThrumError) -> bool:
        """Go on with a private view, because the store cannot be written; return False if that would not help."""
        if self.refusal is not None or error is self.failed_write:
            return False
        from .view.private_view import PrivateView  # only where the store cannot be written

        self.refusal = error
        self._view.close()
        self._view = PrivateView(self.paths, self.host, self.own, self._progress)
        return True

    # writing

    def writing(self, agent: str) -> Writing:
        """Return a context that holds the agent's shard, all of it in the view. It raises StoreBusy after 10 s."""
        return Writing(self, agent)

    def follow_store_id(self, own: str) -> None:
        """Use this id of the store from now on: a sync may have given this clone new keys since it was opened."""
        self.own = self._view.own = own

    def end(self, shard: Shard) -> ShardPosition:
        """Return the end of a shard, with all before it in the view. Only under the shard's lock. Raises Corrupted."""
        head, frozen = self.head(shard)
        if not frozen and self.log.grew(shard, head):
            self.absorb(shard)
            head, frozen = self.head(shard)
        if frozen:
            raise Corrupted(f"the log of {shard.agent!r}", frozen)
        return head

    def show(self, shard: Shard, appended: Reading, generation: str) -> None:
        """Apply an append to the view it was made for; if another view is current, apply the events it lacks."""
        try:
            if _mapping(lambda: self._apply(shard, appended, generation)):
                return
        except ViewCorrupted:
            self.repair()  # then look what it holds: the transaction may have ended before the view broke
        self.retry.repairing(lambda: self.absorb(shard))
        self._rung |= {name.partition("@")[0] for event in appended.events for name in event.data.get("recipients", ())}

    def absorb(self, shard: Shard) -> None:
        """Apply the rest of a shard to the view, made durable before. Only under the shard's lock."""
        while True:
            generation = self.generation
            head, frozen = self.head(shard)
            if frozen:
                return
            reading = self.log.read(shard, head)
            if reading.damage and self.refusal is None and self.restore(shard):
                continue
            if reading.torn and self.refusal is None:
                self._repair_tail(shard, reading.head)
            if reading.head == head and not reading.damage:
                return
            if reading.head != head and self.refusal is None:
                self.log.sync(shard, reading.head, head)
            self._apply(shard, reading, generation)
            if reading.damage:
                return

    def _is_copied(self, shard: Shard) -> bool:
        return shard.store == self.own and os.path.isdir(os.path.join(self._plain_log.copies, *shard))

    def restore(self, shard: Shard) -> bool:
        """Restore lost segments of our own from their second copies; return whether any were lost.

        Only under the shard's lock.
        """
        directory = os.path.dirname(self.log.segment(shard, 1))
        return shard.store == self.own and self.log.second_copies.restore(directory, self.purged_log.marks.of(shard))

    def restore_logs(self) -> None:
        """Restore lost segments of our own, and copy those without a copy. A log in use is left to its writer."""
        if self.refusal is not None:
            return
        copies = self.purged_log.second_copies
        for agent in copies.unsettled(self.own):
            shard = Shard(self.own, agent)
            lock = self.shard_lock(shard)
            try:
                if lock.try_acquire():
                    copies.settle(os.path.dirname(self.log.segment(shard, 1)), self.purged_log.marks.of(shard))
            finally:
                lock.release()

    def _repair_tail(self, shard: Shard, end: ShardPosition) -> None:
        from .log import torn_tail  # only after a crash

        path, label = self.log.segment(shard, end.segment), f"{shard.agent}-{end.segment}"
        torn_tail.repair(self.host.storage, path, end.offset, self.paths.in_var(TORN), label)

    def _apply(self, shard: Shard, reading: Reading, generation: str) -> bool:
        """Apply a reading to the view that it was made for; return False if another view is current."""
        with self.committing():
            if self.generation != generation:
                return False
            projection = self.projection()
            if shard.store != self.own and os.path.exists(self.paths.in_var(FLOORS)):
                projection.floors = self.purged_log.floors.all()
            projection.absorb(shard, reading)
            failpoint("commit.apply")
        self._rung |= projection.recipients
        return True

    def projection(self) -> Projection:
        """Return the projection, which applies events to the view inside of `committing`."""
        from .view.projection import Projection  # a command that only reads has nothing to apply

        return Projection(self.view, self._view.shards, self.own, self.host.clock.wall_ms())

    def committing(self) -> Commit:
        """Return a write transaction on the current view, under commit.lock."""
        return self._view.committing()

    def refresh(self) -> None:
        """Switch to the current view if another process replaced ours."""
        self.follow_store_id(self.store_id.now())
        self._view.refresh()

    def repair(self) -> None:
        """Repair a broken view."""
        self._view.repair()

    def rebuild(self, progress: Progress | None = None) -> None:
        """Make a new view from the logs alone."""
        self._view.rebuild(progress)

    def wake(self) -> None:
        """Ring the bells of all agents that got mail since the last call."""
        if self._rung:
            ring(self.paths.bells, self._rung)
            self._rung = set()

    def take_warnings(self) -> list[str]:
        """Return the warnings about appends that were durable, and forget them."""
        warnings, self.warnings = self.warnings, []
        return warnings

    def shard_lock(self, shard: Shard) -> Lock | NoLock:
        """Return the lock of a shard, not taken yet: held while anything is appended or admitted to it."""
        if self.refusal is not None:
            from .machine.blocking_lock import NoLock  # loaded with the private view

            return NoLock()
        name = shard.agent if shard.store == self.own else f"{shard.store}.{shard.agent}"
        return self.host.lock(self.paths.in_var(shard_lock(name)))

    def close(self) -> None:
        """Close the view."""
        self._view.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Writing:
    """An agent's shard, locked and read to its end."""

    def __init__(self, store: Store, agent: str) -> None:
        self._store = store
        self._agent = agent
        self._lock = store.shard_lock(Shard(store.own, agent))
        self._stable_id = store.store_id.beginning(agent)

    def __enter__(self) -> Writing:
        if self._store.refusal is not None:
            raise self._store.refusal
        try:
            self._lock.acquire()
            own = self._stable_id.__enter__()
            self._store.follow_store_id(own)
            self._shard = Shard(own, self._agent)
            self._end: ShardPosition | None = self._store.end(self._shard)
        except BaseException as error:
            self.__exit__(None, error)
            raise
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        self._stable_id.__exit__()
        self._lock.release()
        self._store.failed_write = error

    def append(self, *drafts: Draft) -> list[Event]:
        """Append the events durably, apply them to the view and wake the recipients.

        If it raises DiskFull, StorageFailed, Corrupted or Invalid, none was appended.
        """
        store, shard = self._store, self._shard
        earlier = store.retry.replayed()
        if earlier is not None:
            return earlier
        head = self._end or store.end(shard)
        generation, self._end = store.generation, None
        appended = store.log.append(shard, head, list(drafts), store.host.clock.wall_ms())
        store.retry.record(appended.events)
        try:
            store.show(shard, appended, generation)
        except ThrumError as error:
            # The events are durable: the next process that opens the store finds them. An error now would be a lie,
            # and another try would append them twice.
            store.warnings.append(f"stored, and not shown yet: {error.message}")
        failpoint("commit.visible")
        store.wake()
        return appended.events


def _rebuilding() -> Rebuilding:
    from .view import rebuild  # only where the view is lost or broken

    return rebuild


def open_store(
    paths: Paths, host: Host = REAL, progress: Progress | None = None, notice: Callable[[str], None] | None = None
) -> Store:
    """Open the store of this clone, its view caught up with its logs; a rebuild of the view reports to `progress`.

    A store that an older version left in `.thrum/var` is moved first, with a `notice`.
    Raises NotInitialized without one, StoreBusy if another process takes too long to rebuild the view.
    """
    failpoint("store.open")
    if paths.var == paths.former_var:
        from .repository.relocation import relocated  # once in the life of a store

        paths, former = relocated(paths, notice, host), paths
    else:
        former = paths
    store = Store(paths, host, progress)
    try:
        if paths.var != former.var:
            store.restore_logs()  # the older version made no second copies
        store.retry.repairing(store.catch_up)
    except BaseException:
        store.close()
        raise
    return store


def use_case(function: Callable[Concatenate[Store, P], T]) -> Callable[Concatenate[Store, P], T]:
    """Mark a use case: if the view breaks, it is repaired and the use case runs again; nothing is appended twice."""

    def run(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return store.retry.use_case(lambda: function(store, *args, **kwargs))

    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(run, name, getattr(function, name))
    setattr(run, "__wrapped__", function)  # noqa: B010  # for signatures; a checker knows no such attribute
    return run
