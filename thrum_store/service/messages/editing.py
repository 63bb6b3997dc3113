"""One message: show it, edit it, delete it, mark it as read."""

from __future__ import annotations

from thrum_store.errors import Invalid, NeedsConfirmation, NotAuthor
from thrum_store.log.events import Draft
from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageText, Pair, Recipient, speaking
from thrum_store.store import Store, use_case
from thrum_store.values import Record, maybe_rfc3339, rfc3339
from thrum_store.view.queries import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from thrum_store.identity import Caller


# --- one message ------------------------------------------------------------------------------------------------------


class Message(MessageText):
    """Everything about one message. `session`: in which its author wrote it; `version` counts its edits."""

    session: str | None
    refs: tuple[Pair, ...]
    deleted_at: str | None
    delete_reason: str | None
    version: int
    recipients: tuple[Recipient, ...]

    JSON = (
        "message_id=id thread_id=thread reply_to author.agent_id=author author.role=role author.session_id=session"
        " body.format body.content body.structured scopes refs metadata.deleted_at metadata.delete_reason"
        " created_at=sent_at updated_at version deleted audiences=to recipients"
    )


class MessageDetail(Record):
    """One message, whole."""

    message: Message


class EditMessage(Record):
    """A message of the caller and its new text, or None to keep the text; `structured` replaces the structured data."""

    id: str
    content: str | None = None
    structured: dict[str, object] | None = None


class Edited(Record):
    """An edited message; `version` counts its edits."""

    id: str
    updated_at: str
    version: int

    JSON = "* message_id=id"


class DeleteMessage(Record):
    """A message of the caller to delete; `force` confirms it."""

    id: str
    force: bool = False
    reason: str | None = None


class Deleted(Record):
    """A deleted message: it is in no mailbox any more, and its text is no longer shown."""

    id: str
    deleted_at: str

    JSON = "* message_id=id"


@use_case
def get(store: Store, message_id: str) -> MessageDetail:
    """Return one message with its recipients. Marks nothing as read. Raises Invalid, UnknownMessage."""
    row = message_parts.message(store, message_id)
    refs, deleted_at = message_parts.pairs_of(row.refs), maybe_rfc3339(row.deleted_ms)
    recipients = tuple(message_parts.recipient_of(delivery) for delivery in lookup.deliveries(store.view, row.number))
    return MessageDetail(
        Message(*message_parts.text_of(row), row.session, refs, deleted_at, row.delete_reason, row.version, recipients)
    )


@use_case
def edit(store: Store, caller: Caller, request: EditMessage) -> Edited:
    """Replace the text of a message of the caller, or only its structured data if the request has no text.

    Raises Invalid, UnknownMessage, NotAuthor.
    """
    if request.content is None and request.structured is None:
        raise Invalid("this edit changes nothing", hint="give content or structured data")
    text = None if request.content is None else message_parts.content(request.content)
    agent = _author_of(store, caller, request.id)
    with store.writing(agent) as shard:
        row = message_parts.message(store, request.id)  # only its author edits it, and the author's shard is locked
        data: dict[str, Any] = {"message": row.id, "content": row.content if text is None else text}
        if request.structured is not None:
            data["structured"] = message_parts.structured(request.structured)
        (event,) = shard.append(Draft("message.edit", data))
    now = lookup.message(store.view, row.id)
    return Edited(row.id, rfc3339(event.ms), row.version + 1 if now is None else now.version)


@use_case
def delete(store: Store, caller: Caller, request: DeleteMessage) -> Deleted:
    """Delete a message of the caller from every mailbox. Its bytes stay in the log until a purge.

    Raises NeedsConfirmation, Invalid, UnknownMessage, NotAuthor.
    """
    if not request.force:
        raise NeedsConfirmation(
            "deleting a message cannot be undone",
            hint=f"use --force to confirm deletion: `thrum message delete {request.id} --force`",
        )
    agent = _author_of(store, caller, request.id)
    deleted = message_parts.message(store, request.id).id
    data = {"message": deleted}
    if request.reason:
        data["reason"] = message_parts.label(request.reason, "reason")
    with store.writing(agent) as shard:
        (event,) = shard.append(Draft("message.delete", data))
    return Deleted(deleted, rfc3339(event.ms))


def _author_of(store: Store, caller: Caller, message_id: str) -> str:
    """Return the caller's name. Raises NotAuthor if the message is not the caller's, Invalid if it was deleted."""
    row = message_parts.message(store, message_id)
    agent = speaking(store, caller)
    if row.author != agent.id:
        raise NotAuthor(row.id, message_parts.header_of(row).author)
    if row.deleted_ms is not None:
        raise Invalid(f"{row.id} was deleted", hint="send a new message")
    return agent.name


# --- marking as read --------------------------------------------------------------------------------------------------


class MarkRead(Record):
    """The messages to mark as read: by id, or every unread one."""

    message_ids: tuple[str, ...] = ()
    everything: bool = False


class Marked(Record):
    """The number of messages that became read, and of those that are still unread."""

    marked_count: int
    unread: int


@use_case
def mark_read(store: Store, caller: Caller, request: MarkRead) -> Marked:
    """Mark messages of the caller's mailbox as read, in one event; receipts that exist already stay as they are.

    Raises Invalid, UnknownMessage for the first unknown id, NotRegistered, WorktreeMismatch.
    """
    if not request.message_ids and not request.everything:
        raise Invalid("nothing to mark", hint="`thrum message read --all`, or name message ids")
    wanted = {message_parts.message(store, message_id).id for message_id in request.message_ids}
    reader = speaking(store, caller)
    box = message_parts.mailbox_of(store, caller, reader)
    with store.writing(reader.name) as shard:
        unread = lookup.unread_ids(store.view, reader.id, box)
        chosen = [message for message in unread if request.everything or message in wanted]
        if chosen:
            shard.append(Draft("message.read", {"messages": chosen}))
    return Marked(len(chosen), lookup.unread_count(store.view, reader.id, box))
