"""Handing messages over to an agent: claim, respond, then one receipt for the batch (reliability S6).

A message leaves "unread" only after the response that carried it was written. Where the process dies in between, its
claim runs out and the messages come again: at most once too often, never lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from thrum_store.errors import Invalid
from thrum_store.log.events import Draft
from thrum_store.machine.storage import failpoint
from thrum_store.model import Caller
from thrum_store.service import results
from thrum_store.service.callers import speaking
from thrum_store.service.results import Pair
from thrum_store.store import Store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import mailbox
from thrum_store.view.queries.messages import Row

LEASE_MS = 30_000  # how long a claim holds: longer than any response takes to be written
CONTENT_BUDGET = 80_000  # characters in one batch: what a model takes in at once (about 25k tokens)
LIMIT = 100


@dataclass(frozen=True)
class Mail:
    """A message for a language model: who says what, when, and what it answers."""

    message_id: str
    from_: str
    to: tuple[Pair, ...]
    content: str
    timestamp: str
    thread_id: str
    reply_to: str | None = None
    structured: dict[str, Any] | None = None


@dataclass(frozen=True)
class Handover:
    """Messages that are claimed and not marked as read yet; `remaining` more are unread."""

    messages: tuple[Mail, ...]
    remaining: int
    token: str


@use_case
def check(store: Store, caller: Caller, limit: int = 50) -> Handover:
    """Claims the caller's oldest unread messages. Call `acknowledge` once they are delivered, or `release`.

    Raises Invalid, NotRegistered, WorktreeMismatch.
    """
    if not 1 <= limit <= LIMIT:
        raise Invalid(f"a check takes 1 to {LIMIT} messages, not {limit}", hint="call it again for more")
    reader = speaking(store, caller)
    if not mailbox.has_unread(store.view, reader.id):
        return Handover((), 0, "")
    token = store.host.entropy.token()
    with store.committing():
        now = store.host.clock.wall_ms()
        batch = _within_budget(mailbox.unread(store.view, reader.id, limit, now, LEASE_MS))
        mailbox.reserve(store.view, reader.id, [one.delivery for one in batch], token, now + LEASE_MS)
    failpoint("check.claimed")
    remaining = mailbox.unread_count(store.view, reader.id) - len(batch)
    return Handover(tuple(_mail(one.row) for one in batch), remaining, token)


@use_case
def acknowledge(store: Store, caller: Caller, handover: Handover) -> None:
    """Writes the receipt: the response with these messages has gone out."""
    if handover.messages:
        failpoint("check.responded")
        with store.writing(caller.name) as shard:
            shard.append(Draft("message.read", {"messages": [mail.message_id for mail in handover.messages]}))


@use_case
def release(store: Store, handover: Handover) -> None:
    """Takes the claim back: the response did not go out, so the messages may be handed over again at once."""
    if handover.messages:
        with store.committing():
            mailbox.release(store.view, handover.token)


def _within_budget(batch: list[mailbox.Unread]) -> list[mailbox.Unread]:
    size, taken = 0, list[mailbox.Unread]()
    for one in batch:
        size += len(one.row.content)
        if taken and size > CONTENT_BUDGET:
            break
        taken.append(one)
    return taken


def _mail(row: Row) -> Mail:
    body = results.body(row)
    return Mail(
        message_id=row.id,
        from_=results.shown(row.author_name, row.author_store, own=row.author_own),
        to=results.pairs(row.audience),
        content=row.content,
        timestamp=rfc3339(row.sent_ms),
        thread_id=results.thread(row),
        reply_to=row.reply_to,
        structured=body.structured,
    )
