"""Notifications of messages as they arrive: each matching message once, sent here or fetched by a sync.

Ingest numbers give the order. Clients that are up to date share one look for each arrival. A client that reads slowly,
or connects with an old cursor, gets its messages later, when it has room, so nothing piles up and nothing is
skipped. A client that takes nothing at all is disconnected, and connects again with its cursor.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import anyio
import anyio.lowlevel

from thrum_mcp.daemon.limits import Limits
from thrum_mcp.daemon.rpc import jsonrpc
from thrum_mcp.daemon.rpc.request_context import Listening
from thrum_store.machine import host
from thrum_store.machine.host import Bell
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import feeds, subscriptions
from thrum_store.service.messages.feeds import Batch, FeedItem, Match
from thrum_store.service.messages.subscriptions import Kept
from thrum_store.service.messages.waiting import TICK

from .store_reader import Look, StoreReader

_NOBODY = 1 << 62  # beyond every ingest number
_SOON = 0.02  # seconds until the next look while a client is full


class Listener(Protocol):
    """A client that gets notifications."""

    @property
    def backlog(self) -> int:
        """The bytes that the client has not taken yet."""
        ...

    def post(self, frame: bytes) -> None:
        """Send a frame without waiting."""
        ...

    def disconnect(self, reason: str) -> None:
        """End the connection at once."""
        ...


@dataclass(eq=False)
class _Feed:
    """The progress of a client. `number` is the last ingest number it is past; None until its cursor is resolved."""

    listening: Listening
    number: int | None = None
    full_since: float | None = None


class Push:
    """The part of the daemon that notifies; it calls `changed` after this store appended an event."""

    name = "push"

    def __init__(self, paths: Paths, limits: Limits, changed: Callable[[], None]) -> None:
        self._paths, self._limits, self._changed = paths, limits, changed
        self._appended: int | None = None
        self._feeds: dict[Listener, _Feed] = {}
        self._bell: Bell | None = None
        self._generation: str | None = None
        self._reached = 0  # the ingest number that clients are past if they are up to date

    @property
    def count(self) -> int:
        """The number of clients that get notifications."""
        return len(self._feeds)

    def attach(self, listener: Listener, listening: Listening) -> None:
        """Notify this client from now on of the subscriptions of a session."""
        before = self._feeds.get(listener)
        if before is None or before.listening.session != listening.session or listening.moves:
            self._feeds[listener] = _Feed(listening)
        if self._bell is not None:
            os.write(self._bell.fd, b"!")

    def forget(self, listener: Listener) -> None:
        """Stop notifying a client, which has left."""
        self._feeds.pop(listener, None)

    def serves(self, listener: Listener) -> bool:
        """Return whether this client gets notifications."""
        return listener in self._feeds

    async def run(self, running: Callable[[], None]) -> None:
        """Notify the attached clients until cancelled."""
        async with StoreReader.opened(self._paths) as reader:
            with Bell(self._paths.bells, host.EVERY) as bell:
                self._bell = bell
                self._reached = _NOBODY  # a new reader does not know how far the clients are
                running()
                try:
                    await self._follow(bell, reader)
                finally:
                    self._bell = None

    async def _follow(self, bell: Bell, reader: StoreReader) -> None:
        """Look whenever the bell rings, and at least once a second."""
        rung = True
        while True:
            bell.drain()
            more = await self._look(reader, rung) if self._feeds else await self._idle(reader, rung)
            rung = False
            with anyio.move_on_after(_SOON if self._is_somebody_full() else 0 if more else TICK):
                await anyio.wait_readable(bell.fd)
                rung = True

    async def _idle(self, reader: StoreReader, rung: bool) -> bool:
        self._notice(await reader.pulse(catch_up=not rung))
        return False

    def _notice(self, appended: int) -> None:
        """Trigger a sync if this store appended an event."""
        if self._appended is not None and appended != self._appended:
            self._changed()
        self._appended = appended

    async def _look(self, reader: StoreReader, rung: bool) -> bool:
        """Read new messages and notify clients; return whether there is more to send at once."""
        new = [feed for feed in self._feeds.values() if feed.number is None]
        look = await reader.look([feed.listening.cursor for feed in new], self._furthest_behind(), catch_up=not rung)
        self._notice(look.appended)
        self._follow_generation(look)
        sessions = _by_session(look.subscriptions)
        await self._notify(look.live, look.live_from, look.live_to, sessions)
        if look.late is not None:
            await self._notify(look.late, look.late_from, look.late_to, sessions)
        self._reached = look.live_to
        for feed, number in zip(new, look.resumed, strict=False):  # none while a rebuilt view is read
            feed.number = number
        return look.live.more or self._furthest_behind() is not None

    def _is_somebody_full(self) -> bool:
        """Return whether a client has no room; disconnect those that took nothing for too long."""
        now = anyio.current_time()
        for listener, feed in list(self._feeds.items()):
            if listener.backlog < self._limits.backlog:
                feed.full_since = None
            elif feed.full_since is None:
                feed.full_since = now
            elif now - feed.full_since > self._limits.patience:
                self._disconnect(listener, "this reader is too slow")
        return any(feed.full_since is not None for feed in self._feeds.values())

    def _disconnect(self, listener: Listener, reason: str) -> None:
        self.forget(listener)
        listener.disconnect(f"{reason}; come back with the cursor of your last notification")

    def _furthest_behind(self) -> int | None:
        """Return the lowest ingest number of a client that has room and is not up to date; None without one."""
        behind = [
            feed.number
            for listener, feed in self._feeds.items()
            if feed.number is not None and feed.number < self._reached and listener.backlog < self._limits.backlog
        ]
        return min(behind, default=None)

    def _follow_generation(self, look: Look) -> None:
        """After a rebuild of the view, keep the clients that were up to date and disconnect the others."""
        if self._generation not in (None, look.live.generation):
            for listener, feed in list(self._feeds.items()):
                if feed.number is not None and feed.number >= self._reached:
                    feed.number = look.live_from
                elif feed.number is not None:
                    self._disconnect(listener, "the view was rebuilt")
        self._generation = look.live.generation

    async def _notify(self, batch: Batch, start: int, end: int, sessions: dict[str, list[Kept]]) -> None:
        """Send the matching messages of a batch to each client that is past `start`, and move it to `end`."""
        ready = {
            listener: feed for listener, feed in self._feeds.items() if feed.number is not None and feed.number >= start
        }
        for item in batch.items:
            frames = _Frames(item, batch.generation, sessions)
            full = [listener for listener, feed in ready.items() if not self._send(listener, feed, frames)]
            for listener in full:
                del ready[listener]
            await anyio.lowlevel.checkpoint()
        for feed in ready.values():
            feed.number = max(feed.number or 0, end)

    def _send(self, listener: Listener, feed: _Feed, frames: _Frames) -> bool:
        """Send a message if it matches; return whether the client had room or was past the message."""
        if frames.item.number <= (feed.number or 0):
            return True
        if listener.backlog >= self._limits.backlog:
            return False
        frame = frames.frame(feed.listening.session)
        if frame is not None:
            listener.post(frame)
        feed.number = frames.item.number
        return True


class _Frames:
    """The frames of a message for many clients; their common part is encoded once."""

    def __init__(self, item: FeedItem, generation: str, sessions: dict[str, list[Kept]]) -> None:
        self.item = item
        self._tags = subscriptions.tags(item)
        self._generation = generation
        self._sessions = sessions
        self._frames: dict[str, bytes | None] = {}
        self._start = b""

    def frame(self, session: str) -> bytes | None:
        """Return `notification.message` for a session; None if none of its subscriptions matches."""
        if session not in self._frames:
            match = self._match(self._sessions.get(session, ()))
            self._frames[session] = None if match is None else self._framed(match)
        return self._frames[session]

    def _match(self, session_subscriptions: Iterable[Kept]) -> Match | None:
        for subscription in session_subscriptions:
            match_type = subscriptions.match(subscription, self.item, self._tags)
            if match_type is not None:
                return Match(subscription.id, match_type)
        return None

    def _framed(self, match: Match) -> bytes:
        if not self._start:
            shared = jsonrpc.encoded(feeds.notification(self.item, self._generation))
            self._start = b'{"jsonrpc":"2.0","method":"notification.message","params":' + shared[:-1]
        return self._start + b',"matched_subscription":' + jsonrpc.encoded(match) + b"}}"


def _by_session(active: Iterable[Kept]) -> dict[str, list[Kept]]:
    """Return the subscriptions of each session."""
    sessions: dict[str, list[Kept]] = {}
    for subscription in active:
        sessions.setdefault(subscription.session, []).append(subscription)
    return sessions
