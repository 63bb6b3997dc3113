"""A client of either listener: what its frames are answered with, and what it is told unasked."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Protocol

import anyio
import anyio.to_thread

from thrum_mcp.daemon.limits import Limits
from thrum_mcp.daemon.push.push import Push
from thrum_mcp.daemon.rpc.dispatch import Answer, Dispatcher

logger = logging.getLogger(__name__)


class Connection(Protocol):
    """How a client is spoken to."""

    @property
    def backlog(self) -> int:
        """Bytes that it has not taken yet."""
        ...

    def post(self, frame: bytes) -> None:
        """Sends without waiting."""
        ...

    async def drained(self) -> None:
        """Waits until most of the backlog is taken."""
        ...

    def cut(self, reason: str) -> None:
        """Ends the connection at once: 1013, come back later."""
        ...


class Connections:
    """Serves the clients of all listeners, so many at a time."""

    def __init__(self, clerk: Dispatcher, push: Push, limits: Limits) -> None:
        self._clerk, self._push, self._limits = clerk, push, limits
        self._workers = anyio.CapacityLimiter(limits.workers)
        self.connections = 0

    async def serve(self, connection: Connection, frames: AsyncIterator[bytes]) -> None:
        """Answers a client's frames, one after the other, until it leaves."""
        self.connections += 1
        try:
            async for frame in frames:
                await self._serve(connection, frame)
        finally:
            self.connections -= 1
            self._push.forget(connection)

    def listens(self, connection: Connection) -> bool:
        """Whether this client is told of messages, and so may be silent for as long as it likes."""
        return self._push.serves(connection)

    async def _serve(self, connection: Connection, frame: bytes) -> None:
        with anyio.CancelScope(shield=True):  # what was begun is finished and answered, also when we stop
            answer = await anyio.to_thread.run_sync(self._answer, frame, limiter=self._workers)
            if answer.frame is not None:
                connection.post(answer.frame)
            if answer.listening is not None:
                self._push.attach(connection, answer.listening)
        with anyio.move_on_after(self._limits.patience) as patience:
            await connection.drained()
        if patience.cancelled_caught:
            connection.cut("too slow")

    def _answer(self, frame: bytes) -> Answer:
        return self._clerk.answer(frame, listens=True)
