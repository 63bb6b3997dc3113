"""Send, check, wait, broadcast."""

from __future__ import annotations

from typing import Annotated, Any

from mcp_types import CallToolResult
from pydantic import Field

from thrum_mcp.caller import Call, door, exchange
from thrum_store.service.messages import sending

from . import delivery, render, results, waits
from .registration import reads, writes

_DEFAULT_LIMIT = 50
_MOST = 100


async def send_message(
    call: Call,
    to: Annotated[str, Field(description="@name, @role, @group or @everyone")],
    content: Annotated[str, Field(description="Message text, Markdown")],
    reply_to: Annotated[str | None, Field(description="Id of the message this answers")] = None,
    metadata: Annotated[dict[str, Any] | None, Field(description="Key-value pairs")] = None,
) -> Annotated[CallToolResult, results.Sent]:
    """Send a message to another agent, to all agents with a role, or to a group. It is stored durably and wakes
    whoever waits; an unknown recipient refuses the whole send. To answer a message, pass its id as reply_to."""
    request = sending.SendMessage(content=content, to=(to,), reply_to=reply_to, structured=metadata)
    sent = await door(call).act(lambda store, caller: sending.send(store, caller, request))
    result = results.Sent(
        message_id=sent.message_id,
        resolved_to=sent.resolved_to,
        recipients=[one.agent_id for one in sent.recipients],
        warnings=list(sent.warnings) or None,
    )
    return results.said(result, render.sent(result))


async def check_messages(
    call: Call,
    limit: Annotated[int, Field(description="Most messages to return, up to 100")] = _DEFAULT_LIMIT,
) -> Annotated[CallToolResult, results.Checked]:
    """Read your unread messages, oldest first, and mark them as read. Call it before you begin, between steps and
    before you finish."""
    most = min(limit, _MOST) if limit > 0 else _DEFAULT_LIMIT
    claimed = await delivery.claim_or_none(door(call), exchange(call), most)
    result = results.Checked(
        status="messages" if claimed.messages else "empty",
        messages=list(claimed.messages),
        remaining=claimed.remaining,
        next=delivery.NEXT if claimed.messages else _nothing(claimed.remaining),
    )
    return results.said(result, render.checked(result))


def _nothing(elsewhere: int) -> str:
    if elsewhere:
        return f"Another call is just receiving {elsewhere} unread; call check_messages again to be sure."
    return "No unread messages. To wait for one: wait_for_message."


async def wait_for_message(
    call: Call,
    timeout: Annotated[  # noqa: ASYNC109 - the name is the tool's interface
        int, Field(description="Most seconds to wait, up to 600")
    ] = waits.DEFAULT,
) -> Annotated[CallToolResult, results.Waited]:
    """Wait until a message for you arrives and return it, marked as read; an unread one returns at once. When it
    ends without a message, call it again, or go on with your work."""
    exchange(call).free.set()
    waited = await waits.wait(call, waits.allowed(timeout, call))
    result = results.Waited(
        status="message_received" if waited.messages else "timeout",
        message=waited.messages[0] if waited.messages else None,
        remaining=waited.remaining,
        waited_seconds=waited.seconds,
        next=delivery.NEXT if waited.messages else f"No message in {waited.seconds} s. Call wait_for_message again.",
    )
    return results.said(result, render.waited(result))


async def broadcast_message(
    call: Call, content: Annotated[str, Field(description="Message text, Markdown")]
) -> Annotated[CallToolResult, results.Broadcast]:
    """Send a message to every other agent, like send_message to @everyone."""
    request = sending.SendMessage(content=content, to=("@everyone",))
    sent = await door(call).act(lambda store, caller: sending.send(store, caller, request))
    result = results.Broadcast(
        sent_to=["@everyone"],
        total_sent=1,
        message_ids=[sent.message_id],
        resolved_to=sent.resolved_to,
        warnings=list(sent.warnings) or None,
    )
    return results.said(result, render.broadcast(result))


TOOLS = (
    writes(send_message, "Send a message", at_hand=True),
    reads(check_messages, "Check for messages", at_hand=True),
    reads(wait_for_message, "Wait for a message", at_hand=True),
    writes(broadcast_message, "Send to every agent"),
)
