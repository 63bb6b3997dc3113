"""Messages as a model is shown them: shortened to what it can take in, every string made safe."""

from __future__ import annotations

from thrum_store.service.messages.editing import Message
from thrum_store.service.messages.handover import CONTENT_BUDGET, Mail
from thrum_store.service.messages.receipts import InboxMessage
from thrum_store.service.results import Body, Pair

from . import results

_EXCERPT = 8_000  # characters of one message in the inbox


def handed_over(mail: Mail) -> results.Message:
    """Return a message that is being handed over."""
    body = Body("", mail.content, mail.structured)
    return _message(mail.message_id, mail.from_, mail.timestamp, body, mail.to, mail.reply_to, CONTENT_BUDGET)


def listed(message: InboxMessage) -> results.Message:
    """Return a message of the inbox."""
    about = message.message_id, message.agent_id, message.created_at
    return _message(*about, message.body, message.audiences, message.reply_to, _EXCERPT)


def single(message: Message) -> results.Message:
    """Return a message that was asked for by its id."""
    about = message.message_id, message.author.agent_id, message.created_at
    return _message(*about, message.body, message.audiences, message.reply_to, CONTENT_BUDGET)


def _message(
    message_id: str, author: str, at: str, body: Body, to: tuple[Pair, ...], reply_to: str | None, room: int
) -> results.Message:
    return results.Message(
        message_id=message_id,
        from_=author,
        content=body.content[:room],
        timestamp=at,
        to=[f"@{pair.value}" for pair in to] or None,
        reply_to=reply_to,
        metadata=body.structured,
        shortened_from=len(body.content) if len(body.content) > room else None,
    )
