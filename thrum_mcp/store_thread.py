"""A thread with a store that stays open in it.

Opening a store for each call would cost more than most calls do, above all where nobody else has it open: then SQLite
makes its WAL anew and writes it back each time.
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

T = TypeVar("T")


class Job(Generic[T]):
    """A job that was begun. Whoever waits for it may be cancelled; the job is not."""

    def __init__(self, job: Future[T]) -> None:
        self._job = job
        self._over = anyio.Event()
        loop = asyncio.get_running_loop()
        # By this event a waiter goes on a turn of the loop earlier than by asyncio's future of the job, twice a call.
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(self._over.set))

    async def wait(self) -> None:
        """Returns once the job is over."""
        await self._over.wait()

    def result(self) -> T:
        """What the job returned or raised, once it is over."""
        return self._job.result()


class StoreThread:
    """Where jobs on the store of a repository are done, one after the other."""

    def __init__(self, repo: str) -> None:
        self._repo = repo
        self._thread = ThreadPoolExecutor(1, "store")
        self._store: Store | None = None
        self._caught_up = 0.0  # when, by the monotonic clock

    def begin(self, job: Callable[[Store], T]) -> Job[T]:
        """Begins `job`; it gets the store, caught up within the last second. Once begun, it runs to its end.

        Its result raises NotARepository, NotInitialized, StoreBusy, and what `job` raises.
        """
        return Job(self._thread.submit(lambda: job(self._opened())))

    def _opened(self) -> Store:
        if self._store is not None:
            try:
                self._follow(self._store)
            except ThrumError:  # gone or moved: opening says what is the matter, if anything still is
                self._closed()
        if self._store is None:
            self._store = open_store(paths.initialized(self._repo))
            self._caught_up = self._store.host.clock.monotonic()
        return self._store

    def _follow(self, store: Store) -> None:
        """Goes over to the view that counts now, and catches up if that is some time ago."""
        now = store.host.clock.monotonic()
        if now - self._caught_up >= _FRESH:
            _caught_up(store)
            self._caught_up = now
        else:
            _refreshed(store)

    def _closed(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def close(self) -> None:
        """Closes the store, in the thread that it belongs to."""
        self._thread.submit(self._closed)
        self._thread.shutdown()


_caught_up = use_case(Store.catch_up)
_refreshed = use_case(Store.refresh)

# Whoever says something shows it itself before it rings. Only what a process left that died in between is found by
# catching up, and two seconds are soon enough for that (reliability V3).
_FRESH = 0.9  # seconds
