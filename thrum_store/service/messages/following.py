"""Following one's subscriptions without a daemon: hold the bell, look, sleep until it rings (as `waiting` does)."""

from __future__ import annotations

import select

from thrum_store.machine import bells
from thrum_store.machine.bells import Bell
from thrum_store.machine.host import REAL, Host
from thrum_store.model import Caller
from thrum_store.repository.paths import Paths
from thrum_store.store import Store, open_store, use_case

from . import feeds, subscriptions
from .feeds import FeedReader, Notification

TICK = 1.0  # seconds after which a follower looks without having been rung
_PAGE = 500


class Follow:
    """What the caller's open session subscribed to, from now on. Use it as a context manager.

    Raises NotInitialized, NotRegistered, and UnknownSession where no session is open.
    """

    def __init__(self, paths: Paths, caller: Caller, host: Host = REAL) -> None:
        self.bell = Bell(paths.bells, bells.EVERY)
        try:
            self._store = open_store(paths, host)
            self.session = subscriptions.session_of(self._store, caller)
            self._tail = FeedReader(self._store)
        except BaseException:
            self.bell.close()
            raise
        self._poll = select.poll()
        self._poll.register(self.bell.fd, select.POLLIN)

    def look(self) -> list[Notification]:
        """The matching messages that arrived since the last look, oldest first."""
        self._store.refresh()
        return _look(self._store, self._tail, self.session)

    def wait(self) -> list[Notification]:
        """Blocks until something matches; raises UnknownSession once the session has ended."""
        while True:
            self.bell.drain()
            found = self.look()
            if found:
                return found
            if not self._poll.poll(TICK * 1000):
                self._store.catch_up()

    def __enter__(self) -> Follow:
        return self

    def __exit__(self, *_: object) -> None:
        self.bell.close()
        self._store.close()


@use_case
def _look(store: Store, tail: FeedReader, session: str) -> list[Notification]:
    found: list[Notification] = []
    mine = subscriptions.of_session(store, session)
    more = True
    while more:
        batch = tail.read(store, _PAGE)
        more = batch.more
        for item in batch.items:
            tags = subscriptions.tags(item)
            if any(subscriptions.match(one, item, tags) for one in mine):
                found.append(feeds.notification(item, batch.generation))
    return found
