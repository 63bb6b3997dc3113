"""The inbox: list the messages of a mailbox, and mark them as read. Listing marks nothing."""

from __future__ import annotations

from thrum_store.errors import Invalid
from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageText, known
from thrum_store.store import Store, use_case
from thrum_store.values import Record
from thrum_store.view.queries import mailbox
from thrum_store.view.queries.mailbox import Filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.identity import Caller

PAGE_LIMIT = 100


class ReadInbox(Record):
    """Which messages to list, newest first. `everything`: those of the whole store, not only the caller's mailbox."""

    scope: str | None = None
    mentions: bool = False
    unread: bool = False
    everything: bool = False
    page_size: int = 10
    page: int = 1


class InboxMessage(MessageText):
    """A message in a mailbox. `history`: it went to everyone before the reader registered, and is never unread."""

    is_read: bool
    history: bool = False

    JSON = (
        "message_id=id thread_id=thread reply_to agent_id=author author_role=role body.format body.content"
        " body.structured scopes audiences=to created_at=sent_at updated_at deleted is_read history"
    )


class Inbox(Record):
    """A page of messages; `total` and `unread` count all that match the request, `unread` those for the caller."""

    messages: tuple[InboxMessage, ...]
    total: int
    unread: int
    page: int
    page_size: int
    total_pages: int
    address: str


@use_case
def inbox(store: Store, caller: Caller, request: ReadInbox) -> Inbox:
    """Return a page of the caller's mailbox. Marks nothing as read. Raises Invalid, NotRegistered."""
    size, number = page_of(request.page_size, request.page)
    reader = known(store, caller)
    wanted = Filter(
        reader=reader.id,
        unread=request.unread,
        everything=request.everything and not request.unread,
        scope=message_parts.tag(request.scope, "scope") if request.scope is not None else None,
        mentioned=(reader.name, caller.given.role or reader.role) if request.mentions else None,
        source=message_parts.mailbox_of(store, caller, reader),
        joined_ms=reader.first_ms,
    )
    page = mailbox.page(store.view, wanted, size, number)
    received = len(page.rows) - page.history
    shown = tuple(
        InboxMessage(*message_parts.text_of(row), read_ms is not None, place >= received)
        for place, (row, read_ms) in enumerate(page.rows)
    )
    return Inbox(shown, page.total, page.unread, number, size, pages(page.total, size), reader.name)


def page_of(size: int, number: int) -> tuple[int, int]:
    """Return the size and the number of a page unchanged. Raises Invalid if one of them is out of range."""
    if not 1 <= size <= PAGE_LIMIT:
        raise Invalid(f"a page has 1 to {PAGE_LIMIT} messages, not {size}", hint=f"use --page-size 1 to {PAGE_LIMIT}")
    if not 1 <= number <= 10**9:
        raise Invalid(f"there is no page {number}", hint="pages begin with 1")
    return size, number


def pages(total: int, size: int) -> int:
    """Return how many pages `total` messages fill."""
    return -(-total // size)
