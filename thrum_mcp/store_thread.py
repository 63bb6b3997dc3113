"""A thread with a store that stays open.

Opening a store takes longer than most calls. It is slowest if nobody else has it open: then SQLite creates its WAL at
each open and writes it back at each close.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import anyio

from thrum_store.errors import ThrumError
from thrum_store.repository import paths
from thrum_store.store import Store, open_store, use_case

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.repository.paths import Paths

T = TypeVar("T")


class Job(Generic[T]):
    """A job that has begun. A task that waits for it may be cancelled; the job may not."""

    def __init__(self, future: Future[T]) -> None:
        self._future = future
        self._over = anyio.Event()
        loop = asyncio.get_running_loop()
        # asyncio's own future of the job would wake the waiter one turn of the loop later, twice a call.
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._over.set))

    async def wait(self) -> None:
        """Return once the job is over."""
        await self._over.wait()

    def result(self) -> T:
        """Return the job's result or raise its error, once it is over."""
        return self._future.result()


class StoreThread:
    """A thread that runs jobs on the store of one repository, one after the other."""

    def __init__(self, repo: str) -> None:
        self._repo = repo
        self._thread = ThreadPoolExecutor(1, "store")
        self._store: Store | None = None
        self._caught_up = 0.0  # seconds, on the monotonic clock

    def begin(self, job: Callable[[Store], T]) -> Job[T]:
        """Begin `job` with a store that was caught up within the last second. It runs to its end.

        Its result raises NotARepository, NotInitialized, StoreBusy, and what `job` raises.
        """
        return Job(self._thread.submit(lambda: job(self._current_store())))

    def _current_store(self) -> Store:
        if self._store is not None and self._store.refusal is not None:
            self._close_store()  # the disk may have room again, and the store may be writable
        if self._store is not None:
            try:
                self._update(self._store)
            except ThrumError:  # removed or moved: if it still is, opening it raises the precise error
                self._close_store()
        if self._store is None:
            self._store = open_store(paths.initialized(self._repo, begin=_begin_guest))
            self._caught_up = self._store.host.clock.monotonic()
        return self._store

    def _update(self, store: Store) -> None:
        """Switch to the newest view, and catch up if the last time was too long ago."""
        now = store.host.clock.monotonic()
        if now - self._caught_up >= _FRESH:
            _catch_up(store)
            self._caught_up = now
        else:
            _refresh(store)

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def close(self) -> None:
        """Close the store, in its own thread, and end the thread."""
        self._thread.submit(self._close_store)
        self._thread.shutdown()


def _begin_guest(places: Paths) -> None:
    from thrum_store import setup  # once for each host and repository

    setup.begin_guest(places)


_catch_up = use_case(Store.catch_up)
_refresh = use_case(Store.refresh)

# A sender applies its message to the view before it rings. Catching up is only needed for events of a process that died
# in between; those are promised within two seconds.
_FRESH = 0.9  # seconds
