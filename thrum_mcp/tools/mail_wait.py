"""The wait for a message: a blocking loop in a thread of its own, and the asynchronous call around it.

The loop reserves the message it finds. If the event loop did that after the ring, each message would take half a
millisecond longer, of about five from one client to another (`python -m benchmarks serving`).
"""

from __future__ import annotations

import anyio

from thrum_mcp.caller import Call, context_of, request_of
from thrum_mcp.store_thread import Job
from thrum_mcp.wait_limits import DEFAULT, most_seconds
from thrum_store.identity import Caller
from thrum_store.machine.host import Bell
from thrum_store.service.messages import handover
from thrum_store.service.messages.handover import Handover
from thrum_store.service.messages.waiting import wakeups
from thrum_store.store import Store

from .delivery import Delivery, hand_over

_PROGRESS = 10.0  # seconds between two reports of progress

# --- in the wait's own thread ---------------------------------------------------------------------------------------


class MailWait:
    """One wait of one agent. Its bell is open already, so the first look sees all mail that rang it since."""

    def __init__(self, caller: Caller, bell: Bell, seconds: float) -> None:
        self._caller = caller
        self._bell = bell
        self._seconds = seconds
        self._over = False

    def run(self, store: Store) -> Handover:
        """Block until a message is unread and reserve it; reserve nothing if the time is over or `end` was called.

        Raises what `handover.check` raises.
        """
        clock = store.host.clock
        until = clock.monotonic() + self._seconds
        reserved = Handover((), 0, "")
        for _ in wakeups(store, self._bell, lambda: until - clock.monotonic()):  # the store thread caught up just now
            if self._over:
                break
            reserved = handover.check(store, self._caller, 1)
            if reserved.messages or clock.monotonic() >= until:
                break
        return reserved

    def end(self) -> None:
        """Make `run` return soon, with the mail that it has reserved until then. May be called from any thread."""
        self._over = True
        self._bell.notify_self()


# --- in the event loop ----------------------------------------------------------------------------------------------


def allowed_seconds(asked: int, call: Call) -> int:
    """Return how long to wait: `asked`, or 300 if that is not positive; at most what the client lets a call take."""
    client = call.session.client_params
    return min(asked if asked > 0 else DEFAULT, most_seconds(client.client_info.name if client else None))


async def wait(call: Call, seconds: int) -> tuple[Delivery, int]:
    """Wait for the first unread message; return it with the whole seconds that it took.

    A cancellation releases what was reserved. Raises as `CallerContext.wait_thread`, and what `handover.check` raises.
    """
    context = context_of(call)
    bells, caller = await context.as_caller(lambda store, caller: (store.paths.bells, caller))
    started = anyio.current_time()
    with context.wait_thread() as thread, Bell(bells, caller.bell) as bell:
        mail_wait = MailWait(caller, bell, seconds)
        running = thread.begin(mail_wait.run)
        try:
            await _report_until_over(call, running, seconds)
        finally:
            mail_wait.end()
            with anyio.CancelScope(shield=True):
                await running.wait()
            delivery = hand_over(context, request_of(call), caller, running.result())
    return delivery, int(anyio.current_time() - started)


async def _report_until_over(call: Call, running: Job[Handover], seconds: int) -> None:
    started = anyio.current_time()
    while True:
        with anyio.move_on_after(_PROGRESS):
            await running.wait()
            return
        passed = int(anyio.current_time() - started)
        await call.report_progress(passed, seconds, f"no message yet, {passed} s")
