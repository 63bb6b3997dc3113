"""Waiting for mail: take the cursor, hold the bell, look, sleep until it rings; and look again every second anyway.

The bell is held before the first look, so a send after the cursor is either seen by the look or rings the bell (the
model in docs/models/wait.pml). `Watch` holds the order and never sleeps itself: the CLI drives it with `poll`, the MCP
server with its event loop.
"""

import math
import select
from dataclasses import dataclass
from typing import NamedTuple, Self

from thrum_store import model
from thrum_store.machine import bells
from thrum_store.machine.bells import Bell
from thrum_store.machine.host import REAL, Host
from thrum_store.model import Caller
from thrum_store.repository.paths import Paths
from thrum_store.service import results
from thrum_store.service.callers import known_id
from thrum_store.store import Store, open_store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import mailbox
from thrum_store.view.queries.mailbox import Arrival, WaitCursor

TICK = 1.0  # seconds after which a waiter looks without having been rung (V3: found within 2 s)


class WaitFor(NamedTuple):
    """What to wait for. `after`: negative seconds reach back, positive ones ignore what comes before then.

    Without `scope` and `mention`, mail to the caller; with them, any message that carries them.
    """

    timeout: float = 30.0
    scope: str | None = None
    mention: str | None = None
    after: float | None = None


_CAME = ("received", "read them: `thrum inbox --unread`")  # status, and what to do next
_NOTHING_CAME = ("timeout", "wait again, or go on")


@dataclass(frozen=True, eq=False, repr=False)
class Signal:
    """A message that arrived: who sent it, and its id. Its text is what `inbox` and `message get` show."""

    message_id: str
    agent_id: str
    created_at: str


@dataclass(frozen=True, eq=False, repr=False)
class WaitEnded:
    """How a wait ended: `received` with the messages, oldest first, or `timeout` with none.

    `action` says what to do next.
    """

    status: str
    action: str
    messages: tuple[Signal, ...]
    waited_seconds: float


class Watch:
    """One wait in an open store: a bell and a cursor. Use it as a context manager."""

    def __init__(self, store: Store, caller: Caller, request: WaitFor) -> None:
        self._scope = model.tag(request.scope, "scope") if request.scope is not None else None
        self._mention = model.address(request.mention) if request.mention is not None else None
        wide = self._scope is not None or self._mention is not None
        self._caller = caller
        self._after = request.after or 0.0
        self._start = store.host.clock.monotonic()
        self.store = store
        self._since = _cursor(store, self._after)
        self.bell = Bell(store.paths.bells, bells.EVERY if wide else caller.name)

    def look(self) -> tuple[Signal, ...]:
        """What has arrived by now. Raises NotRegistered for a caller that nobody registered."""
        return _look(self.store, self)

    def arrived(self) -> tuple[Signal, ...]:
        """One look at the view, by `look`."""
        reader = known_id(self.store, self._caller)
        if self.early() > 0:
            self._since = _cursor(self.store, 0.0)
            return ()
        above = self._since.floor(self.store.generation)
        found = mailbox.arrivals(self.store.view, reader, above, self._scope, self._mention)
        fresh = [one for one in found if self._since.covers(self.store.generation, one)]
        return tuple(_signal(one) for one in fresh)

    def early(self) -> float:
        """Seconds until what comes counts: 0 or less, unless a positive `after` names a later time.

        Look again exactly then: the last look before it takes the cursor.
        """
        return self._start + self._after - self.store.host.clock.monotonic() if self._after > 0 else 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bell.close()


@use_case
def _cursor(store: Store, after: float) -> WaitCursor:
    """The cursor that means now, or so many seconds ago where `after` is negative."""
    received = store.host.clock.wall_ms() + int(after * 1000) if after < 0 else None
    return mailbox.since(store.view, store.generation, received)


_catch_up = use_case(Store.catch_up)


@use_case
def _look(store: Store, watch: Watch) -> tuple[Signal, ...]:
    store.refresh()
    return watch.arrived()


def wait(paths: Paths, caller: Caller, request: WaitFor, host: Host = REAL) -> WaitEnded:
    """Blocks until a message arrives or the time is over. Marks nothing as read.

    Raises Invalid, NotInitialized, NotRegistered.
    """
    with open_store(paths, host) as store:
        return wait_in(store, caller, request)


def wait_in(store: Store, caller: Caller, request: WaitFor) -> WaitEnded:
    """Like `wait`, in a store that is open already."""
    clock = store.host.clock
    start = clock.monotonic()
    with Watch(store, caller, request) as watch:
        poll = select.poll()
        poll.register(watch.bell.fd, select.POLLIN)
        while True:
            watch.bell.drain()
            found = watch.look()
            waited = clock.monotonic() - start
            if found or waited >= request.timeout:
                return WaitEnded(*(_CAME if found else _NOTHING_CAME), found, round(waited, 3))
            pause = min(TICK, request.timeout - waited, watch.early() if watch.early() > 0 else TICK)
            if not poll.poll(math.ceil(max(pause, 0) * 1000)):
                _catch_up(watch.store)


def _signal(one: Arrival) -> Signal:
    return Signal(one.id, results.shown(one.name, one.store, own=one.own), rfc3339(one.sent_ms))
