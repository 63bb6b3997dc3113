"""The store as `push` reads it: open all the time, on its own thread, because SQLite ties a connection to one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio

from thrum_store.repository.paths import Paths
from thrum_store.service.messages import feeds, subscriptions
from thrum_store.service.messages.feeds import Batch, FeedCursor, FeedReader
from thrum_store.service.messages.subscriptions import Kept
from thrum_store.store import Store, open_store
from thrum_store.values import Record

T = TypeVar("T")

_PAGE = 200  # messages in a look
_CLOSING = 2.0  # seconds for closing the store when the daemon stops


class Look(Record):
    """New messages and subscriptions, read at one moment.

    `live` are the messages for clients that are up to date, `late` those for the client with the lowest ingest number.
    Each holds every message between its two ingest numbers.
    """

    live: Batch
    live_from: int
    live_to: int
    late: Batch | None
    late_from: int
    late_to: int
    resumed: list[int]  # the ingest numbers of new cursors; none while a rebuilt view is read from its beginning
    subscriptions: tuple[Kept, ...]
    appended: int  # events of this store in all


class StoreReader:
    """Reads new messages and subscriptions from the store."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._store: Store
        self._tail: FeedReader | None = None  # None while no client listens

    @classmethod
    @asynccontextmanager
    async def opened(cls, paths: Paths) -> AsyncGenerator[StoreReader]:
        """Open a reader that begins with the next message. Raises as `open_store`."""
        reader = cls(ThreadPoolExecutor(1, "push"))
        try:
            await reader._run(lambda: reader._open(paths))
            try:
                yield reader
            finally:
                with anyio.move_on_after(_CLOSING, shield=True):
                    await reader._run(reader._store.close)
        finally:
            reader._executor.shutdown(wait=False)

    async def look(self, new: list[FeedCursor], behind: int | None, *, catch_up: bool) -> Look:
        """Read new messages; `behind` is the lowest ingest number of a client that is not up to date, or None."""
        return await self._run(lambda: self._look(new, behind, catch_up))

    async def pulse(self, *, catch_up: bool) -> int:
        """Bring the view up to date while no client listens; return the number of events of this store."""
        return await self._run(lambda: self._pulse(catch_up))

    async def _run(self, action: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, action)

    def _open(self, paths: Paths) -> None:
        self._store = open_store(paths)

    def _look(self, new: list[FeedCursor], behind: int | None, catch_up: bool) -> Look:
        store = self._store
        store.refresh()
        if catch_up:
            store.catch_up()
        active = subscriptions.alive(store)
        tail = self._tail = self._tail or FeedReader(store)
        live = tail.read(store, _PAGE)
        reached = tail.number
        late = feeds.after(store, behind, _PAGE) if behind is not None else None
        late_to = 0
        if late is not None:
            last = late.items[-1].number if late.items else 0
            late_to = last if late.more else max(last, reached)
        return Look(
            live=live,
            live_from=tail.start,
            live_to=reached,
            late=late,
            late_from=behind or 0,
            late_to=late_to,
            resumed=[feeds.resume(store, cursor) for cursor in new] if tail.settled else [],
            subscriptions=active,
            appended=feeds.appended(store),
        )

    def _pulse(self, catch_up: bool) -> int:
        self._store.refresh()
        if catch_up:
            self._store.catch_up()
        self._tail = None
        return feeds.appended(self._store)
