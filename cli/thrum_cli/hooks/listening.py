"""The listener of one session: sleeps while the session is idle, and wakes it with mail that it was not told of.

It holds the agent's bell, so a send wakes it at once and waiting costs nothing; it looks again every second anyway.
There is one per session. It ends when the session gets a prompt (from then on hooks show new mail), or with its client.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from thrum_store.errors import StoreBusy
from thrum_store.machine import bells
from thrum_store.machine.bells import Bell
from thrum_store.machine.host import Host
from thrum_store.model import Caller
from thrum_store.repository import unread_probe
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import offers
from thrum_store.service.messages.offers import Offer
from thrum_store.service.messages.waiting import TICK
from thrum_store.store import Store, open_store

from . import session_state, texts

EVENT = "listen"
WAKES = 2  # the exit code that wakes a client's model with what stands on standard error
_ATTENDED = "CLAUDE_CODE_SESSION_ATTENDED"
_BRIEFING = 5.0  # seconds in which a session that begins is briefed: Claude Code starts both hooks at once
_HANDOVER = 2.0  # seconds in which an older listener of the session may end

Living = Callable[[], bool]


class Channel(NamedTuple):
    """How mail reaches a session: what is noted of it, and for how many seconds what waits is left to its briefing."""

    event: str
    runtime: str
    briefing: float = 0.0


def arrivals(paths: Paths, caller: Caller, key: str, host: Host, living: Living, way: Channel) -> Iterator[Offer]:
    """Mail that the session was not told of, as it comes, for as long as `living` says. Marks nothing as read.

    Ends soon where another listener serves this session. Raises NotRegistered.
    """
    lock = host.lock(os.path.join(paths.var, "locks", f"listen.{key}.lock"))
    try:
        lock.acquire(_HANDOVER)
    except StoreBusy:
        return
    briefed = host.clock.monotonic() + way.briefing
    try:
        with Bell(paths.bells, caller.name) as bell, open_store(paths, host) as store:
            yield from _heard(store, bell, living, lambda: _fresh(store, caller, key, way, briefed))
    finally:
        lock.release()


def _heard(store: Store, bell: Bell, living: Living, look: Callable[[], Offer | None]) -> Iterator[Offer]:
    poll = select.poll()
    poll.register(bell.fd, select.POLLIN)
    while living():
        bell.drain()
        found = look()
        if found is not None and found.messages:
            yield found
        elif not poll.poll(TICK * 1000):
            store.catch_up()


def _fresh(store: Store, caller: Caller, key: str, way: Channel, briefed: float) -> Offer | None:
    store.refresh()
    with session_state.noting(store.paths.var, key, store.host) as noted:
        if not noted.session and store.host.clock.monotonic() < briefed:
            return None  # its briefing shows all that is unread
        found = offers.offer(store, caller, noted.told)
        noted.show(found, way.event, way.runtime)
    return found


def parent_lives() -> Living:
    """Whether the client that started this process is still there."""
    parent = os.getppid()
    return lambda: os.getppid() == parent


def idle(paths: Paths, key: str, host: Host, client: Living) -> Living:
    """Whether a listener shall go on: its client lives, and the session got no prompt since it was asked first."""
    mark, own = unread_probe.idle_mark(paths.var, key), str(os.getpid()).encode()
    marked = False

    def goes_on() -> bool:
        nonlocal marked
        if not marked:  # not earlier: until then another listener may hold the lock
            host.storage.directory(os.path.dirname(mark))
            host.storage.replace(mark, own)
            marked = True
        try:
            return client() and host.storage.read(mark) == own
        except FileNotFoundError:
            return False

    return goes_on


def interrupt(paths: Paths, caller: Caller, key: str, host: Host) -> None:
    """The session is idle no more: its listener ends."""
    mark = unread_probe.idle_mark(paths.var, key)
    if host.storage.size(mark) >= 0:
        host.storage.remove(mark)
        bells.ring(paths.bells, {caller.name})


def listen(paths: Paths, caller: Caller, key: str, host: Host, runtime: str) -> int:
    """Waits for mail and wakes the client's model with it. Returns WAKES, or 0 where there is nobody to wake."""
    if os.environ.get(_ATTENDED) == "0":
        return 0  # a run without anybody before it ends only when all its hooks have
    living = idle(paths, key, host, parent_lives())
    way = Channel(EVENT, runtime, _BRIEFING if key != caller.name else 0)  # what has no session, nobody briefs
    for found in arrivals(paths, caller, key, host, living, way):
        sys.stderr.write(texts.digest(found, caller.name, host.entropy) + "\n")
        return WAKES
    return 0
