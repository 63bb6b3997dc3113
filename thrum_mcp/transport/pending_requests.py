"""A request and what becomes of its answer: how a message leaves "unread" only after it was really handed over.

Claim, respond, receipt (invariant S6). A tool claims messages and gives the exchange two endings. The transport calls
one of them: the receipt once the last byte of the answer was written, the release where no answer will ever be, because
the request was cancelled, failed, or the client left. Killed in between, neither happens, and the claim runs out.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio
from mcp_types import RequestId

from thrum_store.errors import ThrumError

logger = logging.getLogger(__name__)

Ending = Callable[[], Awaitable[None]]

_ENDLESS = frozenset({"subscriptions/listen"})  # requests that nothing but their cancellation ends
_DRAIN = 2.0  # seconds that requests in progress have to finish after the end of input


class PendingRequest:
    """One request in progress. `free` once the end of input need not wait for it: settled, or waiting for others."""

    def __init__(self) -> None:
        self.free = anyio.Event()
        self._endings: list[tuple[Ending, Ending]] = []

    def hand_over(self, *, receipt: Ending, release: Ending) -> None:
        """Runs `receipt` after the answer was written, or `release` if it never is."""
        self._endings.append((receipt, release))

    async def settle(self, *, answered: bool) -> None:
        """Runs the endings, to their end. Called once, by the transport."""
        with anyio.CancelScope(shield=True):
            for receipt, release in self._endings:
                try:
                    await (receipt if answered else release)()
                except ThrumError as error:
                    # The claim runs out by itself, and the message comes again: late, never lost.
                    logger.warning("a handover could not be settled: %s", error)
        self.free.set()


class PendingRequests:
    """All requests in progress, by id."""

    def __init__(self) -> None:
        self._open: dict[RequestId, PendingRequest] = {}

    def begin(self, request_id: RequestId, method: str) -> PendingRequest | None:
        """A new exchange, or None where one with this id is in progress already."""
        if request_id in self._open:
            return None
        exchange = PendingRequest()
        if method in _ENDLESS:
            exchange.free.set()
        self._open[request_id] = exchange
        return exchange

    def __contains__(self, request_id: object) -> bool:
        return request_id in self._open

    async def end(self, request_id: RequestId | None, *, answered: bool) -> None:
        """Settles an exchange that is over; nothing where it was settled before. Not interrupted by cancellation."""
        exchange = None if request_id is None else self._open.pop(request_id, None)
        if exchange is not None:
            await exchange.settle(answered=answered)

    async def drain(self) -> None:
        """Lets what is in progress finish, except what waits for others, for at most two seconds."""
        with anyio.move_on_after(_DRAIN):
            for exchange in list(self._open.values()):
                await exchange.free.wait()

    async def end_all(self) -> None:
        """Releases everything that will get no answer any more."""
        for request_id in list(self._open):
            await self.end(request_id, answered=False)
