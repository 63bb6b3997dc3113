"""The listener of one session: sleeps until there is mail that the session was not told of, then wakes it.

It holds the agent's bell, so a send wakes it at once and waiting costs nothing; it looks again every second anyway. It
ends with the client that started it. There is one per session: a second one leaves at once.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator

from thrum_store.host import Host
from thrum_store.model import Caller
from thrum_store.paths import Paths
from thrum_store.service import offers
from thrum_store.service.offers import Offer
from thrum_store.store import Store, open_store
from thrum_store.waiting import TICK
from thrum_store.wake import Bell

from . import notes, words

_ATTENDED = "CLAUDE_CODE_SESSION_ATTENDED"
WAKES = 2  # the exit code that wakes a client's model with what stands on standard error


def arrivals(paths: Paths, caller: Caller, key: str, host: Host, living: Callable[[], bool]) -> Iterator[Offer]:
    """Mail that the session was not told of, as it comes, until nobody lives who would hear it. Marks nothing as read.

    Ends at once where another listener serves this session. Raises NotRegistered.
    """
    lock = host.lock(os.path.join(paths.var, "locks", f"listen.{key}.lock"))
    if not lock.try_acquire():
        return
    try:
        with Bell(paths.bells, caller.name) as bell, open_store(paths, host) as store:
            poll = select.poll()
            poll.register(bell.fd, select.POLLIN)
            while living():
                bell.hush()
                found = _fresh(store, caller, key)
                if found.messages:
                    yield found
                elif not poll.poll(TICK * 1000):
                    store.catch_up()
    finally:
        lock.release()


def _fresh(store: Store, caller: Caller, key: str) -> Offer:
    store.refresh()
    with notes.noting(store.paths.var, key, store.host) as noted:
        found = offers.offer(store, caller, noted.told)
        noted.told = found.told
    return found


def parent_lives() -> Callable[[], bool]:
    """Whether the client that started this process is still there."""
    parent = os.getppid()
    return lambda: os.getppid() == parent


def listen(paths: Paths, caller: Caller, key: str, host: Host) -> int:
    """Waits for mail and wakes the client's model with it. Returns WAKES, or 0 where there is nobody to wake."""
    if os.environ.get(_ATTENDED) == "0":
        return 0  # a run without anybody before it ends only when all its hooks have
    for found in arrivals(paths, caller, key, host, parent_lives()):
        sys.stderr.write(words.digest(found, caller.name, host.entropy) + "\n")
        return WAKES
    return 0
