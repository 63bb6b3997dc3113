"""From what the store says to what a model is shown: cut to what it can hold, every string made safe."""

from __future__ import annotations

from pydantic import JsonValue

from thrum_store.printable import safe_line, safe_text
from thrum_store.service.messages.editing import Message
from thrum_store.service.messages.handover import CONTENT_BUDGET, Mail
from thrum_store.service.messages.receipts import InboxMessage
from thrum_store.service.results import Body, Pair
from thrum_store.service.team.agents import AgentInfo

from . import results

_GLANCE = 8_000  # characters of one message in the inbox


def handed(mail: Mail) -> results.Message:
    """A message that is being handed over."""
    body = Body("", mail.content, mail.structured)
    return _message(mail.message_id, mail.from_, mail.timestamp, body, mail.to, mail.reply_to, CONTENT_BUDGET)


def listed(message: InboxMessage) -> results.Message:
    """A message in the inbox."""
    about = message.message_id, message.agent_id, message.created_at
    return _message(*about, message.body, message.audiences, message.reply_to, _GLANCE)


def single(message: Message) -> results.Message:
    """A message that was asked for."""
    about = message.message_id, message.author.agent_id, message.created_at
    return _message(*about, message.body, message.audiences, message.reply_to, CONTENT_BUDGET)


def _message(
    message_id: str, author: str, at: str, body: Body, to: tuple[Pair, ...], reply_to: str | None, room: int
) -> results.Message:
    return results.Message(
        message_id=message_id,
        from_=safe_line(author),
        content=safe_text(body.content[:room]),
        timestamp=at,
        to=[f"@{safe_line(pair.value)}" for pair in to] or None,
        reply_to=reply_to,
        metadata=_safe_fields(body.structured) if body.structured else None,
        shortened_from=len(body.content) if len(body.content) > room else None,
    )


def _safe(value: JsonValue) -> JsonValue:
    """A JSON value with all its strings made safe to show."""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, dict):
        return _safe_fields(value)
    if isinstance(value, list):
        return [_safe(entry) for entry in value]
    return value


def _safe_fields(fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {safe_line(key): _safe(entry) for key, entry in fields.items()}


def agent(info: AgentInfo, own: str | None) -> results.Agent:
    """An agent; `own` is the name of the one who asks."""
    return results.Agent(
        name=safe_line(info.agent_id),
        role=safe_line(info.role),
        module=safe_line(info.module) or None,
        display=safe_line(info.display) or None,
        status="active" if info.status == "active" else "offline",
        last_seen_at=info.last_seen_at,
        waiting=info.waiting or None,
        you=info.agent_id == own or None,
    )
