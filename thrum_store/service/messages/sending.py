"""Send and reply."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from thrum_store import model
from thrum_store.errors import Invalid, KeyReused, UnknownMessage
from thrum_store.log.events import Draft, thread_of
from thrum_store.model import Caller
from thrum_store.service import results
from thrum_store.service.callers import speaking
from thrum_store.service.results import Pair, Recipient
from thrum_store.store import Store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import messages
from thrum_store.view.queries.agents import Speaker
from thrum_store.view.queries.messages import Row

from . import addressing
from .addressing import Audience


class SendMessage(NamedTuple):
    """What to say, and to whom. No address at all means everyone.

    `key` makes a repeated send harmless: the second one returns the first one's message.
    """

    content: str
    to: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    format: str = "markdown"
    structured: dict[str, Any] | None = None
    reply_to: str | None = None
    thread_id: str | None = None
    key: str | None = None


class Reply(NamedTuple):
    """An answer to a message; it goes to whom the message went, and to its author."""

    message_id: str
    content: str
    format: str = "markdown"
    structured: dict[str, Any] | None = None
    key: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Sent:
    """A message that is durable, and who it went to."""

    message_id: str
    thread_id: str
    created_at: str
    resolved_to: int
    audiences: tuple[Pair, ...]
    recipients: tuple[Recipient, ...]
    warnings: tuple[str, ...] = ()


@use_case
def send(store: Store, caller: Caller, request: SendMessage) -> Sent:
    """Says something to agents, roles, groups or everyone; durable and in each mailbox on return.

    Raises Invalid, UnknownRecipient, UnknownMessage (for reply_to), KeyReused, NotRegistered, WorktreeMismatch; then
    nothing was stored.
    """
    sender = speaking(store, caller)
    scopes, refs = model.tags(request.scopes, "scope"), model.tags(request.refs, "ref")
    mentions = [*request.to, *request.mentions, *(ref.value for ref in refs if ref.type == "mention")]
    audience = addressing.resolve(store, mentions, sender.id)
    data = _data(request, audience)
    data |= _tags("scopes", scopes) | _tags("refs", (*_mentioned(audience), *refs)) | _linked(store, request)
    return _say(store, sender, data, audience, read=request.reply_to)


@use_case
def reply(store: Store, caller: Caller, request: Reply) -> Sent:
    """Answers a message and marks it as read. Whoever of its audience is gone is left out, with a warning.

    Raises Invalid, UnknownMessage, KeyReused, NotRegistered, WorktreeMismatch; then nothing was stored.
    """
    parent = messages.message(store.view, model.message_id(request.message_id))
    if parent is None:
        raise UnknownMessage(request.message_id)
    sender = speaking(store, caller)
    to, gone = _audience_of(store, parent, sender)
    if not to:
        raise Invalid("nobody is left to answer to", hint="send a new message: `thrum send TEXT --to @name`")
    sent = send(
        store,
        caller,
        SendMessage(
            content=request.content, to=to, format=request.format, structured=request.structured,
            reply_to=parent.id, key=request.key,
            scopes=tuple(f"{pair.type}:{pair.value}" for pair in results.pairs(parent.scopes)),
        ),
    )  # fmt: skip
    return replace(sent, warnings=(*sent.warnings, *(f"@{name} is gone; left out" for name in gone)))


def _audience_of(store: Store, parent: Row, sender: Speaker) -> tuple[tuple[str, ...], list[str]]:
    """The parent's author and addresses, without the sender; and the addresses that nobody answers to any more."""
    author = results.shown(parent.author_name, parent.author_store, own=parent.author_own)
    wanted = [author] if parent.author != sender.id else []
    wanted += [pair.value for pair in results.pairs(parent.audience)]
    to: list[str] = []
    gone: list[str] = []
    for address in dict.fromkeys(wanted):
        if address != sender.name:
            (to if addressing.exists(store, address) else gone).append(address)
    return tuple(to), gone


def _data(request: SendMessage, audience: Audience) -> dict[str, Any]:
    data: dict[str, Any] = {
        "content": model.content(request.content),
        "format": model.body_format(request.format),
        "to": [list(address) for address in audience.addresses],
    }
    if request.structured is not None:
        data["structured"] = model.structured(request.structured)
    if (key := model.key(request.key)) is not None:
        data["key"] = key
    return data


def _tags(field: str, tags: tuple[model.Tag, ...]) -> dict[str, Any]:
    merged = dict.fromkeys(tags)
    return {field: [list(tag) for tag in merged]} if merged else {}


def _mentioned(audience: Audience) -> tuple[model.Tag, ...]:
    return tuple(model.Tag("mention", value) for kind, value in audience.addresses if kind in ("agent", "role"))


def _linked(store: Store, request: SendMessage) -> dict[str, Any]:
    """The message this one answers, and the thread it belongs to."""
    data: dict[str, Any] = {}
    if request.thread_id is not None:
        data["thread"] = model.thread_id(request.thread_id)
    if request.reply_to is not None:
        parent = messages.message(store.view, model.message_id(request.reply_to))
        if parent is None:
            raise UnknownMessage(request.reply_to)
        data |= {"reply_to": parent.id, "thread": data.get("thread") or results.thread(parent)}
    return data


def _say(store: Store, sender: Speaker, data: dict[str, Any], audience: Audience, read: str | None) -> Sent:
    data["recipients"] = [
        name if owner == sender.store else f"{name}@{owner}" for _, name, owner in audience.recipients
    ]
    if sender.session:
        data["session"] = sender.session
    drafts = [Draft("message.create", data)]
    with store.writing(sender.name) as shard:
        if "key" in data and (said := messages.with_key(store.view, sender.id, data["key"])):
            return _again(store, said, data)
        if read is not None and messages.is_unread(store.view, read, sender.id):
            drafts.append(Draft("message.read", {"messages": [read]}))
        event, *_ = shard.append(*drafts)
    warnings = [*audience.warnings, *store.take_warnings()]
    if not audience.recipients:
        warnings.append("nobody is there to receive it yet")
    sent_at = rfc3339(event.ms)
    return Sent(
        message_id=event.id,
        thread_id=data.get("thread") or thread_of(event.id),
        created_at=sent_at,
        resolved_to=len(audience.recipients),
        audiences=tuple(Pair(kind, value) for kind, value in audience.addresses),
        recipients=tuple(
            Recipient(results.shown(name, owner, own=owner == sender.store), sent_at, None, False)
            for _, name, owner in audience.recipients
        ),
        warnings=tuple(warnings),
    )


def _again(store: Store, said: Row, data: dict[str, Any]) -> Sent:
    if (said.content, results.pairs(said.audience)) != (data["content"], tuple(Pair(*to) for to in data["to"])):
        raise KeyReused(data["key"], said.id)
    recipients = tuple(results.recipient(delivery) for delivery in messages.deliveries(store.view, said.number))
    return Sent(
        message_id=said.id,
        thread_id=results.thread(said),
        created_at=rfc3339(said.sent_ms),
        resolved_to=len(recipients),
        audiences=results.pairs(said.audience),
        recipients=recipients,
        warnings=("already sent under this idempotency key",),
    )
