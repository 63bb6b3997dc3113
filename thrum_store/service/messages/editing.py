"""One message: look at it, edit it, delete it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from thrum_store import model
from thrum_store.errors import Invalid, NeedsConfirmation, NotAuthor, UnknownMessage
from thrum_store.log.events import Draft
from thrum_store.model import Caller
from thrum_store.service import results
from thrum_store.service.callers import acting
from thrum_store.service.results import Body, Pair, Recipient
from thrum_store.store import Store, use_case
from thrum_store.times import maybe_rfc3339, rfc3339
from thrum_store.view.queries import messages
from thrum_store.view.queries.messages import Row


@dataclass(frozen=True)
class Author:
    """Who wrote a message, and in which session."""

    agent_id: str
    session_id: str | None


@dataclass(frozen=True)
class Deletion:
    """When and why a message was deleted; empty where it was not."""

    deleted_at: str | None
    delete_reason: str | None


@dataclass(frozen=True)
class Message:
    """Everything about one message."""

    message_id: str
    thread_id: str
    reply_to: str | None
    author: Author
    body: Body
    scopes: tuple[Pair, ...]
    refs: tuple[Pair, ...]
    metadata: Deletion
    created_at: str
    updated_at: str | None
    version: int
    deleted: bool
    audiences: tuple[Pair, ...]
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True)
class MessageDetail:
    """One message, whole."""

    message: Message


@dataclass(frozen=True)
class EditMessage:
    """A new text for a message of one's own; `structured` None keeps none."""

    message_id: str
    content: str
    structured: dict[str, Any] | None = None


@dataclass(frozen=True)
class Edited:
    """A message was edited; `version` counts its edits."""

    message_id: str
    updated_at: str
    version: int


@dataclass(frozen=True)
class DeleteMessage:
    """A message of one's own to delete; `force` says that it is meant."""

    message_id: str
    force: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Deleted:
    """A message is deleted: out of every mailbox, its text no longer shown."""

    message_id: str
    deleted_at: str


@use_case
def get(store: Store, message_id: str) -> MessageDetail:
    """One message with its recipients. Looking never marks it as read. Raises Invalid, UnknownMessage."""
    return MessageDetail(_message(store, _found(store, message_id)))


@use_case
def edit(store: Store, caller: Caller, request: EditMessage) -> Edited:
    """Replaces the text of a message of one's own. Raises Invalid, UnknownMessage, NotAuthor."""
    content = model.content(request.content)
    agent, row = _own(store, caller, request.message_id)
    data: dict[str, Any] = {"message": row.id, "content": content}
    if request.structured is not None:
        data["structured"] = model.structured(request.structured)
    with store.writing(agent) as shard:
        (event,) = shard.append(Draft("message.edit", data))
    now = messages.message(store.view, row.id)
    return Edited(row.id, rfc3339(event.ms), row.version + 1 if now is None else now.version)


@use_case
def delete(store: Store, caller: Caller, request: DeleteMessage) -> Deleted:
    """Deletes a message of one's own from every mailbox. Its bytes stay in the log until a purge.

    Raises NeedsConfirmation, Invalid, UnknownMessage, NotAuthor.
    """
    if not request.force:
        raise NeedsConfirmation(
            "deleting a message cannot be undone", hint=f"`thrum message delete {request.message_id} --force`"
        )
    agent, row = _own(store, caller, request.message_id)
    data = {"message": row.id} | ({"reason": model.label(request.reason, "reason")} if request.reason else {})
    with store.writing(agent) as shard:
        (event,) = shard.append(Draft("message.delete", data))
    return Deleted(row.id, rfc3339(event.ms))


def _found(store: Store, message_id: str) -> Row:
    row = messages.message(store.view, model.message_id(message_id))
    if row is None:
        raise UnknownMessage(message_id)
    return row


def _own(store: Store, caller: Caller, message_id: str) -> tuple[str, Row]:
    row = _found(store, message_id)
    agent = acting(store, caller)
    if row.author != agent.id:
        raise NotAuthor(row.id, results.shown(row.author_name, row.author_store, own=row.author_own))
    if row.deleted_ms is not None:
        raise Invalid(f"{row.id} was deleted", hint="send a new message")
    return agent.name, row


def _message(store: Store, row: Row) -> Message:
    return Message(
        message_id=row.id,
        thread_id=results.thread(row),
        reply_to=row.reply_to,
        author=Author(results.shown(row.author_name, row.author_store, own=row.author_own), row.session),
        body=results.body(row),
        scopes=results.pairs(row.scopes),
        refs=results.pairs(row.refs),
        metadata=Deletion(maybe_rfc3339(row.deleted_ms), row.delete_reason),
        created_at=rfc3339(row.sent_ms),
        updated_at=maybe_rfc3339(row.edited_ms),
        version=row.version,
        deleted=row.deleted_ms is not None,
        audiences=results.pairs(row.audience),
        recipients=tuple(results.recipient(delivery) for delivery in messages.deliveries(store.view, row.number)),
    )
