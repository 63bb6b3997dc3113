"""A thread with a store that stays open in it.

Opening a store for each call would cost more than most calls do, above all where nobody else has it open: then SQLite
makes its WAL anew and writes it back each time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from thrum_store import database, paths
from thrum_store.store import Store, open_store, use_case

T = TypeVar("T")


class Room:
    """Where jobs on the store of a repository are done, one after the other."""

    def __init__(self, repo: str) -> None:
        self._repo = repo
        self._thread = ThreadPoolExecutor(1, "store")
        self._store: Store | None = None
        self._files: Files = ()
        self._caught_up = 0.0  # when, by the monotonic clock

    def begin(self, job: Callable[[Store], T]) -> asyncio.Future[T]:
        """Does `job`; it gets the store, caught up within the last second. Once begun, it runs to its end.

        The future raises NotARepository, NotInitialized, StoreBusy, and what `job` raises.
        """
        return asyncio.get_running_loop().run_in_executor(self._thread, lambda: job(self._opened()))

    def _opened(self) -> Store:
        store = self._store
        if store is None or not self._counts(store):
            self._closed()
            store = self._store = open_store(paths.initialized(self._repo))
            self._caught_up = store.host.clock.monotonic()
        elif (now := store.host.clock.monotonic()) - self._caught_up >= _FRESH:
            _caught_up(store)
            self._caught_up = now
        self._files = _files(store)
        return store

    def _counts(self, store: Store) -> bool:
        """Whether this is still the view: another process may have replaced it, and anybody may have removed it."""
        return database.current(store.paths.var, store.host) == store.generation and _files(store) == self._files

    def _closed(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def close(self) -> None:
        """Closes the store, in the thread that it belongs to."""
        self._thread.submit(self._closed)
        self._thread.shutdown()


_caught_up = use_case(Store.catch_up)

# Whoever says something shows it itself before it rings. Only what a process left that died in between is found by
# catching up, and two seconds are soon enough for that (reliability V3).
_FRESH = 0.9  # seconds

Files = tuple[int, ...]


def _files(store: Store) -> Files:
    """Which files the view consists of at this moment, 0 for one that is missing."""
    return tuple(_inode(store.generation + suffix) for suffix in ("", "-wal", "-shm"))


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0
