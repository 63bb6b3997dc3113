"""Waiting for mail: hold the bell, look, sleep until it rings; and look again every second anyway.

The bell is held before the first look, so a send at any moment is either seen by the look or rings the bell (the model
in docs/models/wait.pml). `Watch` holds the order and never sleeps itself: the CLI drives it with `poll`, the MCP
server with its event loop.
"""

from __future__ import annotations

import select
from dataclasses import dataclass

from . import model, wake
from .host import REAL, Host
from .model import Caller
from .paths import Paths
from .queries import mailbox
from .queries.mailbox import Arrival, Since
from .service import shapes
from .service.callers import known
from .store import Store, open_store, use_case
from .times import rfc3339
from .wake import Bell

TICK = 1.0  # seconds after which a waiter looks without having been rung


@dataclass(frozen=True)
class WaitFor:
    """What to wait for. `after`: negative seconds reach back, positive ones ignore what comes before then.

    Without `scope` and `mention`, mail to the caller; with them, any message that carries them.
    """

    timeout: float = 30.0
    scope: str | None = None
    mention: str | None = None
    after: float | None = None


@dataclass(frozen=True)
class Signal:
    """A message that arrived: who sent it, and its id. Its text is what `inbox` and `message get` show."""

    message_id: str
    agent_id: str
    created_at: str


@dataclass(frozen=True)
class WaitEnded:
    """How a wait ended: `received` with the messages, oldest first, or `timeout` with none."""

    status: str
    messages: tuple[Signal, ...]
    waited_seconds: float


class Watch:
    """One wait: a bell, a store and a cursor. Use it as a context manager."""

    def __init__(self, paths: Paths, caller: Caller, request: WaitFor, host: Host = REAL) -> None:
        self._scope = model.tag(request.scope, "scope") if request.scope is not None else None
        self._mention = model.address(request.mention) if request.mention is not None else None
        wide = self._scope is not None or self._mention is not None
        self.bell = Bell(paths.bells, wake.EVERY if wide else caller.name)
        try:
            self.store = open_store(paths, host)
        except BaseException:
            self.bell.close()
            raise
        self._caller = caller
        self._after = request.after
        self._start = host.clock.monotonic()
        self._since: Since | None = None

    def look(self) -> tuple[Signal, ...]:
        """What has arrived by now. Raises NotRegistered for a caller that nobody registered."""
        self.store.refresh()
        return _look(self.store, self)

    def arrived(self) -> tuple[Signal, ...]:
        """One look at the view, by `look`."""
        reader = known(self.store, self._caller).id
        if self._since is None and not self._begin():
            return ()
        assert self._since is not None
        found = mailbox.arrivals(self.store.view, reader, self._since, self._scope, self._mention)
        fresh = [one for one in found if self._since.covers(self.store.generation, one)]
        return tuple(_signal(one) for one in fresh)

    def _begin(self) -> bool:
        """Takes the cursor; not before the time that a positive `after` names."""
        clock = self.store.host.clock
        after = self._after or 0.0
        if after > 0 and clock.monotonic() - self._start < after:
            return False
        received = clock.wall_ms() + int(after * 1000) if after < 0 else None
        self._since = mailbox.since(self.store.view, self.store.generation, received)
        return True

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.bell.close()
        self.store.close()


@use_case
def _look(store: Store, watch: Watch) -> tuple[Signal, ...]:
    del store
    return watch.arrived()


def wait(paths: Paths, caller: Caller, request: WaitFor, host: Host = REAL) -> WaitEnded:
    """Blocks until a message arrives or the time is over. Marks nothing as read.

    Raises Invalid, NotInitialized, NotRegistered.
    """
    clock = host.clock
    start = clock.monotonic()
    with Watch(paths, caller, request, host) as watch:
        poll = select.poll()
        poll.register(watch.bell.fd, select.POLLIN)
        while True:
            watch.bell.hush()
            found = watch.look()
            waited = clock.monotonic() - start
            if found or waited >= request.timeout:
                return WaitEnded("received" if found else "timeout", found, round(waited, 3))
            rung = poll.poll(max(min(TICK, request.timeout - waited), 0) * 1000)
            if not rung:
                watch.store.catch_up()


def _signal(one: Arrival) -> Signal:
    return Signal(one.id, shapes.shown(one.name, one.store, own=one.own), rfc3339(one.sent_ms))
