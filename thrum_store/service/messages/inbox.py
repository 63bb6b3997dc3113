"""The inbox: what lies in a mailbox, newest first. Looking never marks anything.

A module of its own, because each `thrum inbox` is a process, and every dataclass costs it half a millisecond (a
named tuple a sixth of that).
"""

from dataclasses import dataclass
from typing import NamedTuple

from thrum_store import model
from thrum_store.errors import Invalid
from thrum_store.model import Caller
from thrum_store.service import results
from thrum_store.service.callers import known
from thrum_store.service.results import Body, Pair
from thrum_store.store import Store, use_case
from thrum_store.times import maybe_rfc3339, rfc3339
from thrum_store.view.queries import mailbox
from thrum_store.view.queries.mailbox import Filter
from thrum_store.view.queries.messages import Row

PAGE_LIMIT = 100


class ReadInbox(NamedTuple):
    """Which messages to list, newest first. `everything`: the whole store's, not only the caller's mailbox."""

    scope: str | None = None
    mentions: bool = False
    unread: bool = False
    everything: bool = False
    page_size: int = 10
    page: int = 1


@dataclass(frozen=True, eq=False, repr=False)
class InboxMessage:
    """A message as it lies in a mailbox."""

    message_id: str
    thread_id: str
    reply_to: str | None
    agent_id: str
    body: Body
    scopes: tuple[Pair, ...]
    audiences: tuple[Pair, ...]
    created_at: str
    updated_at: str | None
    deleted: bool
    is_read: bool


@dataclass(frozen=True, eq=False, repr=False)
class Inbox:
    """A page of messages; `total` and `unread` count all that the filter holds, `unread` what is for the caller."""

    messages: tuple[InboxMessage, ...]
    total: int
    unread: int
    page: int
    page_size: int
    total_pages: int
    agent_id: str


@use_case
def inbox(store: Store, caller: Caller, request: ReadInbox) -> Inbox:
    """A page of the caller's mailbox. Marks nothing. Raises Invalid, NotRegistered."""
    size, number = page_of(request.page_size, request.page)
    reader = known(store, caller)
    scope = model.tag(request.scope, "scope") if request.scope is not None else None
    wanted = Filter(
        reader=reader.id,
        unread=request.unread,
        everything=request.everything and not request.unread,
        scope=scope,
        mentioned=(reader.name, reader.role) if request.mentions else None,
    )
    page = mailbox.page(store.view, wanted, size, number)
    found = tuple(_inbox_message(row, read_ms is not None) for row, read_ms in page.rows)
    return Inbox(found, page.total, page.unread, number, size, pages(page.total, size), reader.name)


def page_of(size: int, number: int) -> tuple[int, int]:
    """A page's size and number, or Invalid."""
    if not 1 <= size <= PAGE_LIMIT:
        raise Invalid(f"a page has 1 to {PAGE_LIMIT} messages, not {size}", hint="use --page to see more")
    if not 1 <= number <= 10**9:
        raise Invalid(f"there is no page {number}", hint="pages begin with 1")
    return size, number


def pages(total: int, size: int) -> int:
    """How many pages `total` messages fill."""
    return -(-total // size)


def _inbox_message(row: Row, is_read: bool) -> InboxMessage:
    return InboxMessage(
        message_id=row.id,
        thread_id=results.thread(row),
        reply_to=row.reply_to,
        agent_id=results.shown(row.author_name, row.author_store, own=row.author_own),
        body=results.body(row),
        scopes=results.pairs(row.scopes),
        audiences=results.pairs(row.audience),
        created_at=rfc3339(row.sent_ms),
        updated_at=maybe_rfc3339(row.edited_ms),
        deleted=row.deleted_ms is not None,
        is_read=is_read,
    )
