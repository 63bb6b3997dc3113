"""Pending requests: a message stays unread until the answer that carries it was written.

A tool reserves messages and gives its request two endings. The transport calls one of them: `receipt` after the last
byte of the answer was written, or `release` if there will be no answer, because the request was cancelled or failed or
the client left. If the process is killed in between, neither runs, and the reservation times out.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio
from mcp_types import RequestId

from thrum_store.errors import ThrumError

logger = logging.getLogger(__name__)

Ending = Callable[[], Awaitable[None]]

_ENDLESS = frozenset({"subscriptions/listen"})  # requests that only a cancellation ends
_DRAIN = 2.0  # seconds that pending requests have to finish after the end of input


class PendingRequest:
    """One request without an answer yet. `free` is set once the end of input need not wait for it."""

    def __init__(self) -> None:
        self.free = anyio.Event()
        self._endings: list[tuple[Ending, Ending]] = []

    def hand_over(self, *, receipt: Ending, release: Ending) -> None:
        """Run `receipt` after the answer was written, or `release` if it never is."""
        self._endings.append((receipt, release))

    async def settle(self, *, answered: bool) -> None:
        """Run the endings, uninterrupted. The transport calls this once."""
        with anyio.CancelScope(shield=True):
            for receipt, release in self._endings:
                try:
                    await (receipt if answered else release)()
                except ThrumError as error:
                    # The reservation times out and the message is delivered again: late, never lost.
                    logger.warning("cannot settle a handover: %s", error)
        self.free.set()


class PendingRequests:
    """All requests without an answer yet, by id."""

    def __init__(self) -> None:
        self._open: dict[RequestId, PendingRequest] = {}

    def begin(self, request_id: RequestId, method: str) -> PendingRequest | None:
        """Add a request; return None if one with this id is pending already."""
        if request_id in self._open:
            return None
        request = PendingRequest()
        if method in _ENDLESS:
            request.free.set()
        self._open[request_id] = request
        return request

    def __contains__(self, request_id: object) -> bool:
        return request_id in self._open

    async def end(self, request_id: RequestId | None, *, answered: bool) -> None:
        """Settle a request and remove it; do nothing if it was settled before. Cancellation does not interrupt this."""
        request = None if request_id is None else self._open.pop(request_id, None)
        if request is not None:
            await request.settle(answered=answered)

    async def drain(self) -> None:
        """Wait up to two seconds for the pending requests that are not `free`."""
        with anyio.move_on_after(_DRAIN):
            for request in list(self._open.values()):
                await request.free.wait()

    async def end_all(self) -> None:
        """Release everything that will get no answer any more."""
        for request_id in list(self._open):
            await self.end(request_id, answered=False)
