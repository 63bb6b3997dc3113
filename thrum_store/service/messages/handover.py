"""Hand unread messages over to an agent: reserve them, answer with them, append one receipt for the batch.

A message stays unread until the response that carries it was written. If the process dies before that, the reservation
expires and the message is handed over again: possibly twice, never lost.
"""

from __future__ import annotations

from thrum_store.errors import Invalid
from thrum_store.log.events import Draft
from thrum_store.machine.host import failpoint
from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageHeader, speaking
from thrum_store.store import Store, use_case
from thrum_store.values import Record
from thrum_store.view.queries import lookup, mailbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.identity import Caller

CONTENT_BUDGET = 80_000  # characters in one batch: what a model takes in at once (about 25k tokens)
LIMIT = 100


class Mail(Record):
    """A message on its way to a language model."""

    header: MessageHeader
    content: str
    structured: dict[str, object] | None = None


class Handover(Record):
    """Reserved messages, oldest first, not marked as read yet; `remaining` more are unread."""

    messages: tuple[Mail, ...]
    remaining: int
    token: str


@use_case
def check(store: Store, caller: Caller, limit: int = 50) -> Handover:
    """Reserve the caller's oldest unread messages. Call `acknowledge` once they are delivered, else `release`.

    Raises Invalid, NotRegistered, WorktreeMismatch.
    """
    if not 1 <= limit <= LIMIT:
        raise Invalid(f"a check takes 1 to {LIMIT} messages, not {limit}", hint="call it again for more")
    reader = speaking(store, caller)
    box = message_parts.mailbox_of(store, caller, reader, lookup.UNREAD)
    if not mailbox.has_unread(store.view, reader.id, box):
        return Handover((), 0, "")
    token = store.host.entropy.token()
    with store.committing():
        now = store.host.clock.wall_ms()
        batch = _within_budget(lookup.unread(store.view, reader.id, limit, now, source=box))
        mailbox.reserve(store.view, reader.id, [unread.delivery for unread in batch], token, now)
    failpoint("check.reserved")
    remaining = lookup.unread_count(store.view, reader.id, box) - len(batch)
    mail = [
        Mail(message_parts.header_of(row), row.content, message_parts.structured_of(row.structured)) for _, row in batch
    ]
    return Handover(tuple(mail), remaining, token)


@use_case
def acknowledge(store: Store, caller: Caller, handover: Handover) -> None:
    """Append the receipt: the response with these messages was written."""
    if handover.messages:
        failpoint("check.responded")
        with store.writing(caller.name) as shard:
            shard.append(Draft("message.read", {"messages": [mail.header.id for mail in handover.messages]}))


@use_case
def release(store: Store, handover: Handover) -> None:
    """Drop the reservation: the response was not written, so the messages may be handed over again at once."""
    if handover.messages:
        with store.committing():
            mailbox.release(store.view, handover.token)


def _within_budget(batch: list[lookup.Unread]) -> list[lookup.Unread]:
    """Return the first messages of a batch that fit CONTENT_BUDGET, at least one."""
    size, taken = 0, list[lookup.Unread]()
    for unread in batch:
        size += len(unread.row.content)
        if taken and size > CONTENT_BUDGET:
            break
        taken.append(unread)
    return taken
