"""Send and reply."""

from __future__ import annotations

import os

from thrum_store.errors import Invalid, KeyReused
from thrum_store.identity import address_of
from thrum_store.log.events import Draft, thread_of
from thrum_store.repository.paths import woken_mark
from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageHeader, Pair, Recipient
from thrum_store.store import Store, use_case
from thrum_store.values import Record, replaced, rfc3339
from thrum_store.view.queries import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from thrum_store.identity import Caller
    from thrum_store.service.message_parts import Audience
    from thrum_store.view.queries.lookup import Row, Speaker


class SendMessage(Record):
    """A message and its addresses. No address at all means everyone.

    `key` makes a repeated send harmless: the second send returns the message of the first.
    """

    content: str
    to: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    format: str = "markdown"
    structured: dict[str, object] | None = None
    reply_to: str | None = None
    thread: str | None = None
    key: str | None = None


class Reply(Record):
    """An answer to the message `id`; it goes to that message's recipients and to its author."""

    id: str
    content: str
    format: str = "markdown"
    structured: dict[str, object] | None = None
    key: str | None = None


class Sent(Record):
    """A message that is durable, and its recipients."""

    header: MessageHeader
    resolved_to: int
    recipients: tuple[Recipient, ...]
    warnings: tuple[str, ...] = ()

    JSON = "message_id=id thread_id=thread created_at=sent_at resolved_to audiences=to recipients warnings"


@use_case
def send(store: Store, caller: Caller, request: SendMessage) -> Sent:
    """Send a message to agents, roles, groups or everyone; it is durable and in each mailbox on return.

    Raises Invalid, UnknownRecipient, UnknownMessage (for reply_to), KeyReused, NotRegistered, WorktreeMismatch; then
    nothing was stored.
    """
    sender = message_parts.speaking(store, caller)
    refs = message_parts.tags(request.refs, "ref")
    mentions = (ref.value for ref in refs if ref.type == "mention")
    audience = message_parts.resolve(store, (*request.to, *request.mentions, *mentions), sender.id)
    parent = message_parts.message(store, request.reply_to) if request.reply_to is not None else None
    data = _event_data(request, refs, sender, audience, parent)
    automatic = "thread" in data and _mark_automatic(store, sender, data)
    box = message_parts.mailbox_of(store, caller, sender)
    drafts = [Draft("message.create", data | _as_given(caller, sender))]
    with store.writing(sender.name) as shard:
        if "key" in data and (earlier := _under_key(store, sender, data)) is not None:
            return earlier
        if parent is not None and lookup.is_unread(store.view, parent.id, sender.id, box):
            drafts.append(Draft("message.read", {"messages": [parent.id]}))
        event, *_ = shard.append(*drafts)
    header = _header(event.id, event.ms, data, sender, caller.given.role or sender.role)
    recipients = tuple(
        Recipient(address_of(name, owner, own=owner == sender.store), header.sent_at, None, False)
        for _, name, owner in audience.recipients
    )
    warnings = (*audience.warnings, *store.take_warnings())
    if not recipients:
        warnings = (*warnings, _unreceived(header))
    if automatic and parent is not None:
        warnings = (*warnings, *_held_back(store, sender, header.thread, parent))
    return Sent(header, len(recipients), recipients, warnings)


def _mark_automatic(store: Store, sender: Speaker, data: dict[str, Any]) -> bool:
    """Mark a message in a thread that is sent in a turn which a wake began; return whether it is."""
    automatic = os.path.exists(store.paths.in_var(woken_mark(sender.name)))
    if automatic:
        data["refs"] = [*data.get("refs", ()), ["automatic", data["thread"]]]
    return automatic


def _held_back(store: Store, sender: Speaker, thread: str, parent: Row) -> tuple[str, ...]:
    """Return the warning that a reply wakes nobody, if there were too many automatic ones."""
    from . import held_wakes  # no turn that a person began needs it

    reason = held_wakes.between(store, thread, sender.id, parent)
    return () if reason is None else (held_wakes.sentence(reason),)


def _unreceived(header: MessageHeader) -> str:
    """Return the warning for a message without recipients."""
    if any(address.type == "everyone" for address in header.to):
        return "no other agent is registered; those who register within seven days see this message in their inbox"
    return "no agent receives this message yet"


def _as_given(caller: Caller, sender: Speaker) -> dict[str, Any]:
    """Return the fields of the author that flags and variables set for this call. Raises Invalid."""
    given = caller.given
    display = None if given.display is None else message_parts.label(given.display, "display name")
    fields = (
        ("role", given.role, sender.role),
        ("module", given.module, sender.module),
        ("display", display, sender.display),
    )
    return {field: value for field, value, registered in fields if value and value != registered}


def _header(message: str, ms: int, data: dict[str, Any], sender: Speaker, role: str) -> MessageHeader:
    """Return the header of a message that was just written, from the data of its event."""
    to, scopes = (tuple(Pair(*pair) for pair in data.get(field, ())) for field in ("to", "scopes"))
    thread = data.get("thread") or thread_of(message)
    return MessageHeader(message, thread, data.get("reply_to"), sender.name, to, scopes, rfc3339(ms), role)


@use_case
def reply(store: Store, caller: Caller, request: Reply) -> Sent:
    """Answer a message and mark it as read. Recipients who are gone are left out, with a warning.

    Raises Invalid, UnknownMessage, KeyReused, NotRegistered, WorktreeMismatch; then nothing was stored.
    """
    parent = message_parts.header_of(message_parts.message(store, request.id))
    sender = message_parts.speaking(store, caller)
    addresses = dict.fromkeys((parent.author, *(address.value for address in parent.to)))
    addresses.pop(sender.name, None)
    to = tuple(address for address in addresses if message_parts.exists(store, address))
    if not to:
        raise Invalid(
            "everybody who could receive this reply is gone", hint="`thrum send TEXT --to @NAME` sends a new message"
        )
    message = SendMessage(
        content=request.content,
        to=to,
        scopes=tuple(f"{scope.type}:{scope.value}" for scope in parent.scopes),
        format=request.format,
        structured=request.structured,
        reply_to=parent.id,
        key=request.key,
    )
    sent = send(store, caller, message)
    gone = tuple(f"@{address} no longer exists and was left out" for address in addresses if address not in to)
    return replaced(sent, warnings=sent.warnings + gone)


def _event_data(
    request: SendMessage, refs: tuple[message_parts.Tag, ...], sender: Speaker, audience: Audience, parent: Row | None
) -> dict[str, Any]:
    """Return the data of the `message.create` event. Raises Invalid for parts that a message may not hold."""
    mentioned = [message_parts.Tag("mention", value) for kind, value in audience.addresses if kind in ("agent", "role")]
    thread = None if parent is None else message_parts.thread_id_of(parent.thread, parent.id)
    data = {
        "content": message_parts.content(request.content),
        "format": message_parts.body_format(request.format),
        "to": [list(address) for address in audience.addresses],
        "recipients": [name if owner == sender.store else f"{name}@{owner}" for _, name, owner in audience.recipients],
    }
    optional = {
        "structured": None if request.structured is None else message_parts.structured(request.structured),
        "key": message_parts.key(request.key),
        "scopes": [list(scope) for scope in message_parts.tags(request.scopes, "scope")] or None,
        "refs": [list(ref) for ref in dict.fromkeys((*mentioned, *refs))] or None,
        "thread": thread if request.thread is None else message_parts.thread_id(request.thread),
        "reply_to": None if parent is None else parent.id,
        "session": sender.session,
    }
    return data | {field: value for field, value in optional.items() if value is not None}


def _under_key(store: Store, sender: Speaker, data: dict[str, Any]) -> Sent | None:
    """Return the message that was sent under this idempotency key. Raises KeyReused if it is another message."""
    row = lookup.with_key(store.view, sender.id, data["key"])
    if row is None:
        return None
    header = message_parts.header_of(row)
    if (row.content, [[address.type, address.value] for address in header.to]) != (data["content"], data["to"]):
        raise KeyReused(data["key"], row.id)
    recipients = tuple(message_parts.recipient_of(delivery) for delivery in lookup.deliveries(store.view, row.number))
    warnings = ("already sent under this idempotency key",)
    return Sent(header, len(recipients), recipients, warnings)
