"""The tools about messages: send, check, wait, broadcast."""

from __future__ import annotations

from typing import Annotated, Any

from mcp_types import CallToolResult
from pydantic import Field

from thrum_mcp.caller import Call, context_of, request_of
from thrum_mcp.wait_limits import DEFAULT
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage, Sent

from . import delivery, mail_wait, render, results
from .registration import reads, writes
from .results import tool_result

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
    recipients that wait. If a recipient is unknown, nothing is sent. To answer a message, pass its id as reply_to."""
    sent = await _send(call, SendMessage(content=content, to=(to,), reply_to=reply_to, structured=metadata))
    result = results.Sent(
        message_id=sent.header.id,
        resolved_to=sent.resolved_to,
        recipients=[recipient.address for recipient in sent.recipients],
        warnings=list(sent.warnings),
    )
    return tool_result(result, render.sent(result))


async def broadcast_message(
    call: Call, content: Annotated[str, Field(description="Message text, Markdown")]
) -> Annotated[CallToolResult, results.Broadcast]:
    """Send a message to every other agent, like send_message to @everyone."""
    sent = await _send(call, SendMessage(content=content, to=("@everyone",)))
    result = results.Broadcast(
        sent_to=["@everyone"],
        total_sent=1,
        message_ids=[sent.header.id],
        resolved_to=sent.resolved_to,
        warnings=list(sent.warnings),
    )
    return tool_result(result, render.broadcast(result))


async def _send(call: Call, request: SendMessage) -> Sent:
    return await context_of(call).as_caller(lambda store, caller: sending.send(store, caller, request))


async def check_messages(
    call: Call,
    limit: Annotated[int, Field(description="Most messages to return, up to 100")] = _DEFAULT_LIMIT,
) -> Annotated[CallToolResult, results.Checked]:
    """Read your unread messages, oldest first, and mark them as read. Call it before you begin, between steps and
    before you finish."""
    unread = await delivery.unread(call, min(limit, _MOST) if limit > 0 else _DEFAULT_LIMIT)
    result = results.Checked(
        status="messages" if unread.messages else "empty",
        messages=unread.messages,
        remaining=unread.remaining,
        next=delivery.NEXT if unread.messages else _nothing(unread.remaining),
    )
    return tool_result(result, render.checked(result))


def _nothing(elsewhere: int) -> str:
    if elsewhere:
        return f"Another call is receiving {elsewhere} unread right now. Call check_messages again to be sure."
    return "No unread messages. To wait for one, call wait_for_message."


async def wait_for_message(
    call: Call,
    timeout: Annotated[  # noqa: ASYNC109 - the name is the tool's interface
        int, Field(description="Most seconds to wait, up to 600")
    ] = DEFAULT,
) -> Annotated[CallToolResult, results.Waited]:
    """Wait until a message for you arrives and return it, marked as read. An unread message returns at once. If the
    wait ends without a message, call it again or go on with your work."""
    request_of(call).free.set()
    arrived, seconds = await mail_wait.wait(call, mail_wait.allowed_seconds(timeout, call))
    result = results.Waited(
        status="message_received" if arrived.messages else "timeout",
        message=arrived.messages[0] if arrived.messages else None,
        remaining=arrived.remaining,
        waited_seconds=seconds,
        next=delivery.NEXT if arrived.messages else f"No message in {seconds} s. Call wait_for_message again.",
    )
    return tool_result(result, render.waited(result))


TOOLS = (
    writes(send_message, "Send a message", at_hand=True),
    reads(check_messages, "Check for messages", at_hand=True),
    reads(wait_for_message, "Wait for a message", at_hand=True),
    writes(broadcast_message, "Send to every agent"),
)
