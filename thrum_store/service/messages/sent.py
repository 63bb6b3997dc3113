"""The messages that an agent sent, newest first, with their receipts."""

from __future__ import annotations

from thrum_store import identity
from thrum_store.errors import NotAuthor
from thrum_store.identity import EVERYONE, Caller
from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageText, Recipient, known
from thrum_store.store import Store, use_case
from thrum_store.values import Record
from thrum_store.view.queries import lookup, mailbox

from . import editing
from .inbox import page_of, pages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.queries.lookup import Row

    from .editing import MessageDetail


class ReadSent(Record):
    """Which of one's own messages to list, newest first. `to`: only to this address; `unread`: only unread ones."""

    to: str | None = None
    unread: bool = False
    page_size: int = 10
    page: int = 1


class SentMessage(MessageText):
    """A message that the caller sent, with its recipients."""

    recipients: tuple[Recipient, ...]
    read_count: int

    JSON = (
        "message_id=id thread_id=thread reply_to agent_id=author body.format body.content body.structured"
        " created_at=sent_at updated_at deleted audiences=to recipients read_count"
    )


class Outbox(Record):
    """A page of sent messages."""

    messages: tuple[SentMessage, ...]
    total: int
    page: int
    page_size: int
    total_pages: int


@use_case
def outbox(store: Store, caller: Caller, request: ReadSent) -> Outbox:
    """Return a page of the caller's sent messages, with receipts.

    Raises Invalid, UnknownRecipient, NotRegistered.
    """
    size, number = page_of(request.page_size, request.page)
    author = known(store, caller)
    to = _sent_to(store, request.to, author.id) if request.to is not None else None
    rows, total = mailbox.sent(store.view, author.id, to, request.unread, size, number)
    return Outbox(tuple(_sent_message(store, row) for row in rows), total, number, size, pages(total, size))


@use_case
def show_sent(store: Store, caller: Caller, message_id: str) -> MessageDetail:
    """Return one message of the caller with all its recipients. Raises UnknownMessage, NotAuthor, NotRegistered."""
    detail = editing.get(store, message_id)
    author = detail.message.header.author
    if author != known(store, caller).name:
        raise NotAuthor(message_id, author)
    return detail


def _sent_to(store: Store, address: str, author: int) -> tuple[str, list[int]]:
    """Return an address as it may stand in a message, and the ids of the agents that it means now."""
    bare = identity.bare_address(address)
    if bare == EVERYONE:
        return bare, []
    if lookup.own(store.view, bare):
        return bare, [row[0] for row in message_parts.resolve(store, [bare], -author).recipients]
    message_parts.resolve(store, [bare], author)
    return bare, []


def _sent_message(store: Store, row: Row) -> SentMessage:
    recipients = tuple(message_parts.recipient_of(delivery) for delivery in lookup.deliveries(store.view, row.number))
    return SentMessage(*message_parts.text_of(row), recipients, sum(1 for recipient in recipients if recipient.read_at))
