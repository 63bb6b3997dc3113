"""Messages on their way from the mailbox into a tool's result: claimed, shown, accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from thrum_mcp.caller import CallerContext
from thrum_mcp.transport.pending_requests import PendingRequest
from thrum_store.fence import UNTRUSTED
from thrum_store.machine.storage import failpoint
from thrum_store.model import Caller
from thrum_store.service.messages import handover
from thrum_store.service.messages.handover import Handover

from . import render, results, sanitize

NEXT = f"Each content was {UNTRUSTED}. {render.ANSWER}."

_MOMENT = 0.3  # seconds
_LOOK = 0.02


@dataclass(frozen=True)
class Claimed:
    """Messages that belong to this call until its exchange is settled; `remaining` more are unread."""

    messages: Sequence[results.Message]
    remaining: int


async def claim_or_none(door: CallerContext, exchange: PendingRequest, most: int) -> Claimed:
    """Like `claim`; where all that is unread is just going to another call, it sees how that ends, for a moment.

    That call may have been cancelled, or lost its client: then its messages are free again at once.
    """
    claimed = await claim(door, exchange, most)
    with anyio.move_on_after(_MOMENT):
        while claimed.remaining and not claimed.messages:
            await anyio.sleep(_LOOK)
            claimed = await claim(door, exchange, most)
    return claimed


async def claim(door: CallerContext, exchange: PendingRequest, most: int) -> Claimed:
    """At most `most` unread messages, and no more than a model takes in at once.

    The exchange writes the receipt after the answer is out, or gives the messages back. Raises as `Door.act`, and
    NotRegistered, WorktreeMismatch.
    """
    reader, handed = await door.act(lambda store, caller: (caller, handover.check(store, caller, most)))
    return hand_over(door, exchange, reader, handed)


def hand_over(door: CallerContext, exchange: PendingRequest, reader: Caller, handed: Handover) -> Claimed:
    """What was claimed for this call: from now on its exchange decides what becomes of it."""
    if handed.messages:
        exchange.hand_over(
            receipt=lambda: door.look(lambda store: handover.acknowledge(store, reader, handed)),
            release=lambda: door.look(lambda store: handover.release(store, handed)),
        )
        failpoint("mcp.claimed")
    return Claimed([sanitize.handed(mail) for mail in handed.messages], handed.remaining)
