"""Waiting for messages: open a bell, look, sleep until it rings; and look again every second anyway.

The bell is open before the first look, so a message that is sent after the cursor was taken is either seen by the look
or rings the bell (docs/models/wait.pml models this). Everything that waits in a thread goes by `wakeups`.
"""

from __future__ import annotations

import math
import os
import select

from thrum_store import identity
from thrum_store.errors import DiskFull, StorageFailed
from thrum_store.machine.host import EVERY, REAL, Bell, Host
from thrum_store.repository.paths import WAITS
from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageHeader, reading
from thrum_store.store import Store, open_store, use_case
from thrum_store.values import Record
from thrum_store.view.queries import lookup, mailbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from thrum_store.identity import Caller
    from thrum_store.repository.paths import Paths
    from thrum_store.view.queries.mailbox import WaitCursor

TICK = 1.0  # seconds after which a waiter looks without a ring

_refresh = use_case(Store.refresh)
_catch_up = use_case(Store.catch_up)


def wakeups(store: Store, bell: Bell, pause: Callable[[], float] | None = None) -> Iterator[None]:
    """Yield whenever it is time to look: at once, after each ring and after each tick.

    A sender shows its message in the view before it rings. A tick catches up with the logs first, for a sender that
    died in between. `pause` is asked after each look for the most seconds until the next one.
    """
    poll = select.poll()
    poll.register(bell.fd, select.POLLIN)
    while True:
        bell.drain()  # before the look: a ring that comes during it is kept
        _refresh(store)
        yield
        seconds = TICK if pause is None else min(TICK, pause())
        if not poll.poll(math.ceil(max(seconds, 0) * 1000)):
            _catch_up(store)


class WaitFor(Record):
    """The messages to wait for: mail to the caller, or any message that carries `scope` and `mention`.

    `timeout` and `after` are seconds. A negative `after` also takes messages that arrived in that time before, read or
    not; a positive one ignores those that arrive earlier than that. `pending` also takes the caller's unread mail that
    no earlier wait of its session reported.
    """

    timeout: float = 30.0
    scope: str | None = None
    mention: str | None = None
    after: float | None = None
    pending: bool = False


_CAME = ("received", "read them: `thrum inbox --unread`")  # status, and what to do next
_NOTHING_CAME = ("timeout", "wait again, or go on")


class Signal(Record):
    """A message that arrived, without its text: `inbox` and `message get` show that."""

    header: MessageHeader

    JSON = "message_id=id agent_id=author created_at=sent_at"


class WaitEnded(Record):
    """The end of a wait: `received` with the messages, oldest first, or `timeout` with none.

    `action` names the next step.
    """

    status: str
    action: str
    messages: tuple[Signal, ...]
    waited_seconds: float


class Watch:
    """One wait in an open store: a cursor, and a bell that was opened after it. Use it as a context manager."""

    def __init__(self, store: Store, caller: Caller, request: WaitFor) -> None:
        self.caller = caller
        self.scope = message_parts.tag(request.scope, "scope") if request.scope is not None else None
        self.mention = identity.bare_address(request.mention) if request.mention is not None else None
        self._clock = store.host.clock
        self._start = self._clock.monotonic() + max(request.after or 0.0, 0.0)
        self.since = _cursor(store, request.after or 0.0)
        wide = self.scope is not None or self.mention is not None
        self.records = request.pending and not wide
        if self.records and request.after is None:
            self.since = _reported(store, caller)
        self.newest = 0  # the number of the newest message that this wait reports
        self.bell = Bell(store.paths.bells, EVERY if wide else caller.bell)

    def early(self) -> float:
        """Return the seconds until messages count, 0 unless a positive `after` names a later time.

        Look again exactly then: the last look before it takes the cursor.
        """
        return max(self._start - self._clock.monotonic(), 0.0)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.bell.close()


@use_case
def _cursor(store: Store, after: float) -> WaitCursor:
    """Return the cursor that means now, or that many seconds ago if `after` is negative."""
    received = store.host.clock.wall_ms() + int(after * 1000) if after < 0 else None
    return mailbox.since(store.view, store.generation, received)


@use_case
def _reported(store: Store, caller: Caller) -> WaitCursor:
    """Return the cursor behind what an earlier wait of the caller's session reported; without one, all is new."""
    now = mailbox.since(store.view, store.generation, None)
    try:
        session, generation, number = store.host.storage.read(_record(store, caller)).decode().split()
    except (FileNotFoundError, ValueError):
        return now._replace(number=0)
    same = (session, generation) == _circumstances(store, caller)
    return now._replace(number=int(number) if same and number.isdecimal() else 0)


def _report(store: Store, watch: Watch) -> None:
    """Record what a wait reported. If the disk refuses, the next wait reports it once more."""
    line = " ".join((*_circumstances(store, watch.caller), str(watch.newest)))
    try:
        store.host.storage.directory(store.paths.in_var(WAITS))
        store.host.storage.replace_unsynced(_record(store, watch.caller), line.encode())
    except (StorageFailed, DiskFull):
        return


def _record(store: Store, caller: Caller) -> str:
    return os.path.join(store.paths.in_var(WAITS), ".".join(filter(None, (caller.name, caller.given.role))))


def _circumstances(store: Store, caller: Caller) -> tuple[str, str]:
    """Return the caller's session and the view: what a wait reported counts only for both."""
    agent = lookup.speaker(store.view, caller.name)
    return (agent.session if agent is not None else None) or "-", os.path.basename(store.generation)


@use_case
def _look(store: Store, watch: Watch) -> tuple[Signal, ...]:
    """Return the messages that arrived by now. Raises NotRegistered."""
    reader = reading(store, watch.caller)
    if watch.early() > 0:
        watch.since = _cursor(store, 0.0)
        return ()
    since, generation = watch.since, store.generation
    back = since.received_ms is not None
    box = message_parts.mailbox_of(store, watch.caller, reader)
    arrivals = mailbox.arrivals(
        store.view, reader.id, since.floor(generation), (watch.scope, watch.mention), read=back, source=box
    )
    new = [arrival for arrival in arrivals if since.covers(generation, arrival)]
    watch.newest = new[-1].number if new else 0
    return tuple(Signal(message_parts.header_of(arrival)) for arrival in new)


def wait(paths: Paths, caller: Caller, request: WaitFor, host: Host = REAL) -> WaitEnded:
    """Block until a message arrives or the time is over. Marks nothing as read.

    Raises Invalid, NotInitialized, NotRegistered.
    """
    with open_store(paths, host) as store:
        return wait_in(store, caller, request)


def wait_in(store: Store, caller: Caller, request: WaitFor) -> WaitEnded:
    """Wait in a store that is open and caught up. Raises Invalid, NotRegistered."""
    clock = store.host.clock
    start = clock.monotonic()
    end = start + request.timeout
    waited = 0.0
    signals: tuple[Signal, ...] = ()
    with Watch(store, caller, request) as watch:
        for _ in wakeups(store, watch.bell, lambda: min(end - clock.monotonic(), watch.early() or TICK)):
            signals = _look(store, watch)
            waited = clock.monotonic() - start
            if signals or waited >= request.timeout:
                break
        if signals and watch.records:
            _report(store, watch)
    status, action = _CAME if signals else _NOTHING_CAME
    return WaitEnded(status, action, signals, round(waited, 3))
