"""The listener of a session: sleeps while the session is idle, and wakes it with mail that it has not seen.

It holds the agent's bell, so a send wakes it at once and waiting costs nothing; it also looks every second.
A session has one listener. It ends with its client, or with the next prompt: from then on hooks show new mail.
"""

from __future__ import annotations

import os
import sys

from thrum_store.errors import StoreBusy
from thrum_store.machine.host import Bell
from thrum_store.repository import unread_probe
from thrum_store.repository.paths import listener_lock
from thrum_store.service.messages import offers
from thrum_store.service.messages.waiting import wakeups
from thrum_store.store import open_store
from thrum_store.values import NamedTuple

from . import responses
from .session import SessionFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from thrum_store.identity import Caller
    from thrum_store.repository.paths import Paths
    from thrum_store.service.messages.offers import Offer
    from thrum_store.store import Store

    Living = Callable[[], bool]

EVENT = "listen"
WAKES = 2  # the exit code with which a client shows its model our standard error and starts a turn
_ATTENDED = "CLAUDE_CODE_SESSION_ATTENDED"
_BRIEFING = 5.0  # seconds in which a new session is briefed: Claude Code starts both hooks at once
_HANDOVER = 2.0  # seconds in which an older listener of the session may end


class Channel(NamedTuple):
    """The way that mail reaches a session. For `briefing` seconds, unread mail is left to the session's briefing."""

    event: str
    runtime: str
    briefing: float = 0.0


def arrivals(paths: Paths, caller: Caller, files: SessionFiles, living: Living, channel: Channel) -> Iterator[Offer]:
    """Yield mail that the session has not seen, as it arrives, while `living` returns true. Marks nothing as read.

    Ends soon if another listener serves this session. Raises NotRegistered.
    """
    lock = files.host.lock(paths.in_var(listener_lock(files.key)))
    try:
        lock.acquire(_HANDOVER)
    except StoreBusy:
        return
    briefed = files.host.clock.monotonic() + channel.briefing
    try:
        with Bell(paths.bells, caller.bell) as bell, open_store(paths, files.host) as store:
            for _ in wakeups(store, bell):
                while living() and (offer := _fresh(store, caller, files, channel, briefed)):
                    yield offer
                if not living():
                    return
    finally:
        lock.release()


def _fresh(store: Store, caller: Caller, files: SessionFiles, channel: Channel, briefed: float) -> Offer | None:
    """Return new mail, or None without any, and before the time `briefed` if the session waits for its briefing."""
    with files.editing() as state:
        if not state.session and files.host.clock.monotonic() < briefed:
            return None  # its briefing shows all unread mail
        offer = offers.offer(store, caller, state.seen(), wakes=True)
        state.show(offer, channel.event, channel.runtime)
    if not offer.messages:
        return None
    offers.begin_turn(store, caller.name, woken=True)
    return offer


def parent_lives() -> Living:
    """Return a function that tells whether the client that started this process still runs."""
    parent = os.getppid()
    return lambda: os.getppid() == parent


def idle(files: SessionFiles, client: Living) -> Living:
    """Return a function that tells whether to go on: the client runs, and the session has had no prompt since."""
    mark, own = unread_probe.idle_mark(files.var, files.key), str(os.getpid()).encode()
    storage = files.host.storage
    marked = False

    def goes_on() -> bool:
        nonlocal marked
        if not marked:  # only now: another listener may have held the lock until this first call
            storage.directory(os.path.dirname(mark))
            storage.replace(mark, own)
            marked = True
        try:
            return client() and storage.read(mark) == own
        except FileNotFoundError:
            return False

    return goes_on


def listen(paths: Paths, caller: Caller, files: SessionFiles, runtime: str) -> int:
    """Wait for mail and wake the client's model with it. Return WAKES, or 0 if nobody is to be woken."""
    if os.environ.get(_ATTENDED) == "0":
        return 0  # a run without a user ends only when all its hooks have ended
    briefing = _BRIEFING if files.key != caller.name else 0  # only a session with an id gets a briefing
    channel = Channel(EVENT, runtime, briefing)
    for offer in arrivals(paths, caller, files, idle(files, parent_lives()), channel):
        sys.stderr.write(responses.digest(offer, caller.name, files.host.entropy) + "\n")
        return WAKES
    return 0
