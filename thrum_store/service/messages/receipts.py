"""Mailboxes for people: the inbox (`inbox.py`), what one sent, and marking as read. Looking never marks anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from thrum_store import model
from thrum_store.errors import Invalid, NotAuthor, UnknownMessage
from thrum_store.log.events import Draft
from thrum_store.model import EVERYONE, Caller
from thrum_store.service import results
from thrum_store.service.callers import acting, known
from thrum_store.service.results import Body, Pair, Recipient
from thrum_store.store import Store, use_case
from thrum_store.times import maybe_rfc3339, rfc3339
from thrum_store.view.queries import agents, mailbox, messages
from thrum_store.view.queries.messages import Row

from . import addressing
from .inbox import Inbox as Inbox
from .inbox import InboxMessage as InboxMessage
from .inbox import ReadInbox as ReadInbox
from .inbox import inbox as inbox
from .inbox import page_of as page_of
from .inbox import pages as pages

if TYPE_CHECKING:
    from .editing import MessageDetail


@dataclass(frozen=True)
class ReadSent:
    """Which of one's own messages to list, newest first. `to` narrows to an address, `unread` to unread ones."""

    to: str | None = None
    unread: bool = False
    page_size: int = 10
    page: int = 1


@dataclass(frozen=True)
class SentMessage:
    """A message one sent, and how far it got."""

    message_id: str
    thread_id: str
    reply_to: str | None
    agent_id: str
    body: Body
    created_at: str
    updated_at: str | None
    deleted: bool
    audiences: tuple[Pair, ...]
    recipients: tuple[Recipient, ...]
    read_count: int


@dataclass(frozen=True)
class Outbox:
    """A page of sent messages."""

    messages: tuple[SentMessage, ...]
    total: int
    page: int
    page_size: int
    total_pages: int


@dataclass(frozen=True)
class MarkRead:
    """The messages to mark as read, by id or all unread ones."""

    message_ids: tuple[str, ...] = ()
    everything: bool = False


@dataclass(frozen=True)
class Marked:
    """How many became read by this, and how many are still unread."""

    marked_count: int
    unread: int


@use_case
def sent(store: Store, caller: Caller, request: ReadSent) -> Outbox:
    """A page of what the caller sent, with the receipts of each. Raises Invalid, UnknownRecipient, NotRegistered."""
    size, number = page_of(request.page_size, request.page)
    author = known(store, caller)
    to = _sent_to(store, request.to, author.id) if request.to is not None else None
    rows, total = mailbox.sent(store.view, author.id, to, request.unread, size, number)
    return Outbox(tuple(_sent_message(store, row) for row in rows), total, number, size, pages(total, size))


@use_case
def sent_show(store: Store, caller: Caller, message_id: str) -> MessageDetail:
    """One message the caller sent, with all its recipients. Raises UnknownMessage, NotAuthor, NotRegistered."""
    from . import editing  # seven classes, 4 ms, that `inbox` has no use for

    detail = editing.get(store, message_id)
    if detail.message.author.agent_id != known(store, caller).name:
        raise NotAuthor(message_id, detail.message.author.agent_id)
    return detail


@use_case
def mark_read(store: Store, caller: Caller, request: MarkRead) -> Marked:
    """Marks messages of the caller's mailbox as read, in one event; those read before stay as they are.

    Raises Invalid, UnknownMessage naming the first id that is not there, NotRegistered, WorktreeMismatch.
    """
    if not request.message_ids and not request.everything:
        raise Invalid("nothing to mark", hint="name message ids, or use --all")
    for message_id in request.message_ids:
        if messages.message(store.view, model.message_id(message_id)) is None:
            raise UnknownMessage(message_id)
    reader = acting(store, caller)
    with store.writing(reader.name) as shard:
        unread = mailbox.unread_ids(store.view, reader.id)
        chosen = unread if request.everything else [one for one in unread if one in set(request.message_ids)]
        if chosen:
            shard.append(Draft("message.read", {"messages": chosen}))
    return Marked(len(chosen), mailbox.unread_count(store.view, reader.id))


def _sent_to(store: Store, address: str, author: int) -> tuple[str, list[int]]:
    """An address as it may stand in a message, and the agents behind it now."""
    bare = model.address(address)
    if bare == EVERYONE:
        return bare, []
    if agents.own(store.view, bare):
        return bare, [row[0] for row in addressing.resolve(store, [bare], -author).recipients]
    addressing.resolve(store, [bare], author)
    return bare, []


def _sent_message(store: Store, row: Row) -> SentMessage:
    recipients = tuple(results.recipient(delivery) for delivery in messages.deliveries(store.view, row.number))
    return SentMessage(
        message_id=row.id,
        thread_id=results.thread(row),
        reply_to=row.reply_to,
        agent_id=row.author_name,
        body=results.body(row),
        created_at=rfc3339(row.sent_ms),
        updated_at=maybe_rfc3339(row.edited_ms),
        deleted=row.deleted_ms is not None,
        audiences=results.pairs(row.audience),
        recipients=recipients,
        read_count=sum(1 for one in recipients if one.read_at),
    )
