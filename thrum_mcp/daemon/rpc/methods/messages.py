"""message.* and purge.execute"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from thrum_mcp.daemon.rpc.request_context import RequestContext, method
from thrum_store.errors import Invalid
from thrum_store.service.messages import editing, receipts, search, sending
from thrum_store.service.messages.editing import Deleted, DeleteMessage, Edited, EditMessage, MessageDetail
from thrum_store.service.messages.receipts import Inbox, Marked, MarkRead, Outbox, ReadInbox, ReadSent
from thrum_store.service.messages.search import Found, Search
from thrum_store.service.messages.sending import Reply, SendMessage, Sent
from thrum_store.service.results import Pair
from thrum_store.service.upkeep import purge
from thrum_store.service.upkeep.purge import Purge, Purged

Tag = str | Pair  # "module:auth" or {"type": "module", "value": "auth"}


def text(tag: Tag) -> str:
    """A scope or a ref as one text."""
    return tag if isinstance(tag, str) else f"{tag.type}:{tag.value}"


@dataclass(frozen=True)
class SendParams:
    """A message to send; without `mentions` (and `to`, which means the same) it goes to everyone."""

    content: str
    mentions: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    scopes: tuple[Tag, ...] = ()
    refs: tuple[Tag, ...] = ()
    format: str = "markdown"
    structured: dict[str, Any] | None = None
    reply_to: str | None = None
    thread_id: str | None = None
    idempotency_key: str | None = None
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class ReplyParams:
    """An answer; it goes to whom the message went, and to its author."""

    message_id: str
    content: str
    format: str = "markdown"
    structured: dict[str, Any] | None = None
    idempotency_key: str | None = None
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class MessageParams:
    """One message."""

    message_id: str


@dataclass(frozen=True)
class ListParams:
    """Which messages; `all` lists the whole store instead of the caller's mailbox."""

    scope: Tag | None = None
    mentions: bool = False
    unread: bool = False
    all: bool = False
    page_size: int = 10
    page: int = 1
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class OutboxParams:
    """Which of the caller's own messages."""

    to: str | None = None
    unread: bool = False
    page_size: int = 10
    page: int = 1
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class EditParams:
    """A new text for a message of one's own."""

    message_id: str
    content: str | None = None
    structured: dict[str, Any] | None = None
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class DeleteParams:
    """A message of one's own to delete."""

    message_id: str
    reason: str | None = None
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class MarkParams:
    """Messages to mark as read, by id or all unread ones."""

    message_ids: tuple[str, ...] = ()
    all: bool = False
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class SearchParams:
    """Words that all occur; `mine`: only in what the caller got or wrote; `best`: best first."""

    words: str
    author: str | None = None
    to: str | None = None
    scope: Tag | None = None
    after: str | None = None
    before: str | None = None
    mine: bool = False
    best: bool = False
    page_size: int = 10
    page: int = 1
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class PurgeParams:
    """What is older than `before`, or with `all` everything; only counted unless `dry_run` is false."""

    before: str | None = None
    all: bool = False
    dry_run: bool = True


def _send(desk: RequestContext, params: SendParams) -> Sent:
    """Sends a message; it is durable and in each mailbox when the answer comes."""
    request = SendMessage(
        content=params.content,
        to=params.to,
        mentions=params.mentions,
        scopes=tuple(text(tag) for tag in params.scopes),
        refs=tuple(text(tag) for tag in params.refs),
        format=params.format,
        structured=params.structured,
        reply_to=params.reply_to,
        thread_id=params.thread_id,
        key=params.idempotency_key,
    )
    return sending.send(desk.store, desk.caller(params.caller_agent_id), request)


def _reply(desk: RequestContext, params: ReplyParams) -> Sent:
    """Answers a message and marks it as read."""
    request = Reply(params.message_id, params.content, params.format, params.structured, params.idempotency_key)
    return sending.reply(desk.store, desk.caller(params.caller_agent_id), request)


def _get(desk: RequestContext, params: MessageParams) -> MessageDetail:
    """One message, whole. Marks nothing as read."""
    return editing.get(desk.store, params.message_id)


def _list(desk: RequestContext, params: ListParams) -> Inbox:
    """A page of messages, newest first. Marks nothing as read."""
    request = ReadInbox(
        scope=text(params.scope) if params.scope is not None else None,
        mentions=params.mentions,
        unread=params.unread,
        everything=params.all,
        page_size=params.page_size,
        page=params.page,
    )
    return receipts.inbox(desk.store, desk.caller(params.caller_agent_id), request)


def _outbox(desk: RequestContext, params: OutboxParams) -> Outbox:
    """A page of what the caller sent, with its receipts."""
    request = ReadSent(params.to, params.unread, params.page_size, params.page)
    return receipts.sent(desk.store, desk.caller(params.caller_agent_id), request)


def _edit(desk: RequestContext, params: EditParams) -> Edited:
    """Replaces the text of a message of one's own; without `content` it stays and only `structured` changes."""
    content = params.content
    if content is None:
        if params.structured is None:
            raise Invalid("an edit changes something", hint="give content or structured")
        content = editing.get(desk.store, params.message_id).message.body.content
    request = EditMessage(params.message_id, content, params.structured)
    return editing.edit(desk.store, desk.caller(params.caller_agent_id), request)


def _delete(desk: RequestContext, params: DeleteParams) -> Deleted:
    """Deletes a message of one's own from every mailbox."""
    request = DeleteMessage(params.message_id, force=True, reason=params.reason)
    return editing.delete(desk.store, desk.caller(params.caller_agent_id), request)


def _mark_read(desk: RequestContext, params: MarkParams) -> Marked:
    """Marks messages of the caller's mailbox as read."""
    request = MarkRead(params.message_ids, params.all)
    return receipts.mark_read(desk.store, desk.caller(params.caller_agent_id), request)


def _search(desk: RequestContext, params: SearchParams) -> Found:
    """Finds messages by their words. Marks nothing as read."""
    caller = desk.caller(params.caller_agent_id) if params.mine else None
    scope = text(params.scope) if params.scope is not None else None
    request = Search(
        params.words, params.author, params.to, scope, params.after, params.before, params.mine, params.best,
        params.page_size, params.page,
    )  # fmt: skip
    return search.find(desk.store, caller, request)


def _purge(desk: RequestContext, params: PurgeParams) -> Purged:
    """Counts or removes old messages, sessions and events of this store's agents."""
    return purge.purge(desk.store, Purge(params.before, params.all, not params.dry_run))


METHODS = {
    "message.send": method(_send),
    "message.reply": method(_reply),
    "message.get": method(_get),
    "message.list": method(_list),
    "message.outbox": method(_outbox),
    "message.edit": method(_edit),
    "message.delete": method(_delete),
    "message.markRead": method(_mark_read),
    "message.search": method(_search),
    "purge.execute": method(_purge),
}
