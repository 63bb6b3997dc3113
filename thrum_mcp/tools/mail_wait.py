"""Waiting for a ring and claiming what it announces, in one thread.

The event loop could do both, and did: it was woken, called the store's thread and was woken again, half a millisecond
of the five that a message takes from one client to another (`python -m benchmarks serving`).
"""

from __future__ import annotations

import math
import select

from thrum_store.machine.bells import Bell
from thrum_store.model import Caller
from thrum_store.service.messages import handover
from thrum_store.service.messages.handover import Handover
from thrum_store.store import Store, use_case

TICK = 1.0  # look at least once a second, for what came without a ring: from a process that died before it
_NOTHING = Handover((), 0, "")


class MailWait:
    """One wait of one agent, by a bell that is held already: whatever rang it since is seen by the first look."""

    def __init__(self, caller: Caller, bell: Bell, seconds: float) -> None:
        self._caller = caller
        self._bell = bell
        self._seconds = seconds
        self._over = False

    def keep(self, store: Store) -> Handover:
        """The first unread message, claimed; nothing once the time is over, or after `end`. Blocks.

        Raises what `handover.check` raises.
        """
        clock = store.host.clock
        until = clock.monotonic() + self._seconds
        poll = select.poll()
        poll.register(self._bell.fd, select.POLLIN)
        rung = True  # nobody has to catch up first: the room just did
        while not self._over:
            self._bell.drain()
            handed = _look(store, self._caller, rung=rung)
            left = until - clock.monotonic()
            if handed.messages or left <= 0:
                return handed
            rung = bool(poll.poll(math.ceil(min(TICK, left) * 1000)))
        return _NOTHING

    def end(self) -> None:
        """Makes `keep` return soon; what it claimed by then is its result. May be called from any thread."""
        self._over = True
        self._bell.notify_self()


@use_case
def _look(store: Store, caller: Caller, *, rung: bool) -> Handover:
    """Whoever rings has shown what it rang for; what nobody rang for is found by catching up."""
    if rung:
        store.refresh()
    else:
        store.catch_up()
    return handover.check(store, caller, 1)
