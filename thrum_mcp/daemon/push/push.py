"""Tells clients of messages as they arrive, each matching one once, whatever brought it: a send, git or a peer.

Everybody goes by the ingest number. Clients that are up to date share one look per arrival. One that reads slowly, or
came back with an old cursor, is simply further behind: it gets on when there is room, so nothing piles up here and
nothing is skipped; one that takes nothing at all is cut off and comes back with its cursor.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import anyio
import anyio.lowlevel
import orjson

from thrum_mcp.daemon.limits import Limits
from thrum_mcp.daemon.rpc.request_context import Listening
from thrum_store.machine import bells
from thrum_store.machine.bells import Bell
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import feeds, subscriptions
from thrum_store.service.messages.feeds import Batch, Match
from thrum_store.service.messages.subscriptions import Kept
from thrum_store.view.queries.feed import Item

from .store_reader import Look, StoreReader

_TICK = 1.0  # look at least once a second: for what came without a ring
_NOBODY = 1 << 62  # beyond every ingest number
_SOON = 0.02  # look again while somebody is waited for


class Listener(Protocol):
    """A client that is told of messages."""

    @property
    def backlog(self) -> int:
        """Bytes that it has not taken yet."""
        ...

    def post(self, frame: bytes) -> None:
        """Sends without waiting."""
        ...

    def cut(self, reason: str) -> None:
        """Ends the connection at once."""
        ...


@dataclass(eq=False)
class _Feed:
    """How far a client was told; `number` None until its cursor was looked up."""

    listening: Listening
    number: int | None = None
    full_since: float | None = None


class Push:
    """The part of the daemon that tells; `changed` is called once this store has said something new."""

    name = "push"

    def __init__(self, paths: Paths, limits: Limits, changed: Callable[[], None]) -> None:
        self._paths, self._limits, self._changed = paths, limits, changed
        self._said: int | None = None
        self._feeds: dict[Listener, _Feed] = {}
        self._bell: Bell | None = None
        self._generation: str | None = None
        self._reached = 0  # up to here those who are up to date were told

    @property
    def count(self) -> int:
        """How many clients are told of messages."""
        return len(self._feeds)

    def attach(self, listener: Listener, listening: Listening) -> None:
        """From now on this client is told what the session subscribed to."""
        before = self._feeds.get(listener)
        if before is None or before.listening.session != listening.session or listening.moves:
            self._feeds[listener] = _Feed(listening)
        if self._bell is not None:
            os.write(self._bell.fd, b"!")

    def forget(self, listener: Listener) -> None:
        """The client left."""
        self._feeds.pop(listener, None)

    def serves(self, listener: Listener) -> bool:
        """Whether this client is told of messages."""
        return listener in self._feeds

    async def run(self, running: Callable[[], None]) -> None:
        """Tells whoever is attached, until it is cancelled."""
        async with StoreReader.opened(self._paths) as reader:
            with Bell(self._paths.bells, bells.EVERY) as bell:
                self._bell = bell
                self._reached = _NOBODY  # a new reader knows nothing of where the others were
                running()
                try:
                    await self._follow(bell, reader)
                finally:
                    self._bell = None

    async def _follow(self, bell: Bell, reader: StoreReader) -> None:
        rung = True
        while True:
            bell.drain()
            again = await self._turn(reader, rung) if self._feeds else await self._idle(reader, rung)
            rung = False
            with anyio.move_on_after(_SOON if self._held() else 0 if again else _TICK):
                await anyio.wait_readable(bell.fd)
                rung = True

    async def _idle(self, reader: StoreReader, rung: bool) -> bool:
        self._notice(await reader.pulse(catch_up=not rung))
        return False

    def _notice(self, said: int) -> None:
        """Lets those know who carry to other machines what this store says."""
        if self._said is not None and said != self._said:
            self._changed()
        self._said = said

    async def _turn(self, reader: StoreReader, rung: bool) -> bool:
        """One look, and what follows from it; whether there is more to tell at once."""
        new = [feed for feed in self._feeds.values() if feed.number is None]
        look = await reader.look([feed.listening.cursor for feed in new], self._furthest_behind(), catch_up=not rung)
        self._notice(look.said)
        self._follow_generation(look)
        sessions = _by_session(look.kept)
        await self._tell(look.live, look.live_from, look.live_to, sessions)
        if look.late is not None:
            await self._tell(look.late, look.late_from, look.late_to, sessions)
        self._reached = look.live_to
        for feed, number in zip(new, look.resumed, strict=False):  # none while a rebuilt view is read
            feed.number = number
        return look.live.more or self._furthest_behind() is not None

    def _held(self) -> bool:
        """Notes who has room again; cuts off who has taken nothing for too long."""
        now = anyio.current_time()
        for listener, feed in list(self._feeds.items()):
            if listener.backlog < self._limits.backlog:
                feed.full_since = None
            elif feed.full_since is None:
                feed.full_since = now
            elif now - feed.full_since > self._limits.patience:
                self.forget(listener)
                listener.cut("this reader is too slow; come back with the cursor of your last notification")
        return any(feed.full_since is not None for feed in self._feeds.values())

    def _furthest_behind(self) -> int | None:
        behind = [
            feed.number
            for listener, feed in self._feeds.items()
            if feed.number is not None and feed.number < self._reached and listener.backlog < self._limits.backlog
        ]
        return min(behind, default=None)

    def _follow_generation(self, look: Look) -> None:
        """The view was rebuilt: whoever was up to date stays so, the others come back with their cursors."""
        if self._generation not in (None, look.live.generation):
            for listener, feed in list(self._feeds.items()):
                if feed.number is not None and feed.number >= self._reached:
                    feed.number = look.live_from
                elif feed.number is not None:
                    self.forget(listener)
                    listener.cut("the view was rebuilt; come back with the cursor of your last notification")
        self._generation = look.live.generation

    async def _tell(self, batch: Batch, start: int, end: int, sessions: dict[str, list[Kept]]) -> None:
        """Tells each client that stands between `start` and `end` what of this matches."""
        here = {
            listener: feed for listener, feed in self._feeds.items() if feed.number is not None and feed.number >= start
        }
        for item in batch.items:
            told = _Told(item, batch.generation, sessions)
            full = [listener for listener, feed in here.items() if not self._tell_one(listener, feed, told)]
            for listener in full:
                del here[listener]
            await anyio.lowlevel.checkpoint()
        for feed in here.values():
            feed.number = max(feed.number or 0, end)

    def _tell_one(self, listener: Listener, feed: _Feed, told: _Told) -> bool:
        """Whether the client had room for this, or has it already."""
        if told.item.number <= (feed.number or 0):
            return True
        if listener.backlog >= self._limits.backlog:
            return False
        frame = told.frame(feed.listening.session)
        if frame is not None:
            listener.post(frame)
        feed.number = told.item.number
        return True


class _Told:
    """A message on its way to many: what they share is made once."""

    def __init__(self, item: Item, generation: str, sessions: dict[str, list[Kept]]) -> None:
        self.item = item
        self._tags = subscriptions.tags(item)
        self._generation = generation
        self._sessions = sessions
        self._frames: dict[str, bytes | None] = {}
        self._start = b""

    def frame(self, session: str) -> bytes | None:
        """`notification.message` for who listens to a session; None where none of its subscriptions matches."""
        if session not in self._frames:
            matched = self._match(self._sessions.get(session, ()))
            self._frames[session] = None if matched is None else self._framed(matched)
        return self._frames[session]

    def _match(self, kept: Iterable[Kept]) -> Match | None:
        for one in kept:
            kind = subscriptions.match(one, self.item, self._tags)
            if kind is not None:
                return Match(one.id, kind)
        return None

    def _framed(self, matched: Match) -> bytes:
        if not self._start:
            shared = orjson.dumps(feeds.notification(self.item, self._generation))
            self._start = b'{"jsonrpc":"2.0","method":"notification.message","params":' + shared[:-1]
        return self._start + b',"matched_subscription":' + orjson.dumps(matched) + b"}}"


def _by_session(kept: Iterable[Kept]) -> dict[str, list[Kept]]:
    sessions: dict[str, list[Kept]] = {}
    for one in kept:
        sessions.setdefault(one.session, []).append(one)
    return sessions
