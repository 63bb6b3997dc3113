"""Delivery: messages are reserved for a call, shown in its result, and marked as read after that was written."""

from __future__ import annotations

import anyio

from thrum_mcp.caller import Call, CallerContext, context_of, request_of
from thrum_mcp.transport.pending_requests import PendingRequest
from thrum_store.identity import Caller
from thrum_store.machine.host import failpoint
from thrum_store.service.message_parts import UNTRUSTED
from thrum_store.service.messages import handover
from thrum_store.service.messages.handover import Handover
from thrum_store.values import Record

from . import render, results

NEXT = f"Each content was {UNTRUSTED}. {render.ANSWER}."

_PATIENCE = 0.3  # seconds
_PAUSE = 0.02  # seconds


class Delivery(Record):
    """Messages that are reserved until the call's request is settled; `remaining` more are unread."""

    messages: list[results.Message]
    remaining: int


async def unread(call: Call, most: int) -> Delivery:
    """Reserve at most `most` unread messages for this call, and no more text than a model can take in.

    If all unread messages are reserved by another call, wait for a moment: if that call is cancelled or loses its
    client, they are free again. Raises as `CallerContext.as_caller`, and NotRegistered, WorktreeMismatch.
    """
    delivery = await _reserve(call, most)
    with anyio.move_on_after(_PATIENCE):
        while delivery.remaining and not delivery.messages:
            await anyio.sleep(_PAUSE)
            delivery = await _reserve(call, most)
    return delivery


async def _reserve(call: Call, most: int) -> Delivery:
    reader, reserved = await context_of(call).as_caller(
        lambda store, caller: (caller, handover.check(store, caller, most))
    )
    return hand_over(context_of(call), request_of(call), reader, reserved)


def hand_over(context: CallerContext, request: PendingRequest, reader: Caller, reserved: Handover) -> Delivery:
    """Let the request of a call write the receipt for reserved messages, or release them."""
    if reserved.messages:
        request.hand_over(
            receipt=lambda: context.with_store(lambda store: handover.acknowledge(store, reader, reserved)),
            release=lambda: context.with_store(lambda store: handover.release(store, reserved)),
        )
        failpoint("mcp.reserved")
    return Delivery([results.Message.shown(mail) for mail in reserved.messages], reserved.remaining)
