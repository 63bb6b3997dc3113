"""The clients of all listeners: answers their calls and attaches them to notifications."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Protocol

import anyio
import anyio.to_thread

from thrum_mcp.daemon.limits import Limits
from thrum_mcp.daemon.push.notify import Push
from thrum_mcp.daemon.rpc.dispatch import Answer, Dispatcher

logger = logging.getLogger(__name__)


class Connection(Protocol):
    """A connected client."""

    @property
    def backlog(self) -> int:
        """The bytes that the client has not taken yet."""
        ...

    def post(self, frame: bytes) -> None:
        """Send a frame without waiting."""
        ...

    async def drained(self) -> None:
        """Wait until the client has taken most of the backlog."""
        ...

    def disconnect(self, reason: str) -> None:
        """End the connection at once, with close code 1013: try again later."""
        ...


class Connections:
    """Serves the clients of all listeners on a limited number of worker threads."""

    def __init__(self, dispatcher: Dispatcher, push: Push, limits: Limits) -> None:
        self._dispatcher, self._push, self._limits = dispatcher, push, limits
        self._workers = anyio.CapacityLimiter(limits.workers)
        self.count = 0

    async def serve(self, connection: Connection, frames: AsyncIterator[bytes]) -> None:
        """Answer a client's frames, one after the other, until it leaves."""
        self.count += 1
        try:
            async for frame in frames:
                await self._serve(connection, frame)
        finally:
            self.count -= 1
            self._push.forget(connection)

    def listens(self, connection: Connection) -> bool:
        """Return whether this client gets notifications, and so may be silent for any time."""
        return self._push.serves(connection)

    async def _serve(self, connection: Connection, frame: bytes) -> None:
        with anyio.CancelScope(shield=True):  # a call that has begun is answered, even when the daemon stops
            answer = await anyio.to_thread.run_sync(self._answer, frame, limiter=self._workers)
            if answer.frame is not None:
                connection.post(answer.frame)
            if answer.listening is not None:
                self._push.attach(connection, answer.listening)
        with anyio.move_on_after(self._limits.patience) as patience:
            await connection.drained()
        if patience.cancelled_caught:
            connection.disconnect("too slow")

    def _answer(self, frame: bytes) -> Answer:
        return self._dispatcher.answer(frame, listens=True)
