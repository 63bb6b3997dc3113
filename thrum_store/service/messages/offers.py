"""Offering mail: telling an agent, unasked, what lies unread. An offer marks nothing as read and claims nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass

from thrum_store.model import Caller
from thrum_store.service import results
from thrum_store.service.callers import known
from thrum_store.store import Store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import mailbox
from thrum_store.view.queries.mailbox import Unread

from .handover import LEASE_MS

LIMIT = 50


@dataclass(frozen=True)
class SeenMarker:
    """What one session was told before: up to which delivery of which view, and which messages."""

    generation: str = ""
    newest: int = 0
    messages: frozenset[str] = frozenset()


@dataclass(frozen=True)
class OfferedMessage:
    """A message to tell of. `content` is whole; whoever shows it cuts it."""

    message_id: str
    agent_id: str
    created_at: str
    reply_to: str | None
    content: str


@dataclass(frozen=True)
class Offer:
    """Unread messages that the session was not told of, oldest first; `unread` counts all, told of or not.

    `told` is what the session was told once these are shown to it.
    """

    messages: tuple[OfferedMessage, ...]
    unread: int
    told: SeenMarker


@use_case
def offer(store: Store, caller: Caller, told: SeenMarker) -> Offer:
    """What to tell the caller now. Raises NotRegistered."""
    reader = known(store, caller).id
    view = os.path.basename(store.generation)
    after = told.newest if view == told.generation else 0  # a new view counts anew: then the ids decide
    claimed = (store.host.clock.wall_ms(), LEASE_MS)
    found = mailbox.unread(store.view, reader, LIMIT, *claimed, after=after)
    fresh = [one.row for one in found if one.row.id not in told.messages]
    newest = _newest(store, reader, found, after)
    now = SeenMarker(view, newest, told.messages | {row.id for row in fresh})
    messages = tuple(
        OfferedMessage(
            row.id,
            results.shown(row.author_name, row.author_store, own=row.author_own),
            rfc3339(row.sent_ms),
            row.reply_to,
            row.content,
        )
        for row in fresh
    )
    return Offer(messages, mailbox.unread_count(store.view, reader), now)


def _newest(store: Store, reader: int, found: list[Unread], after: int) -> int:
    """Up to where the session knows now: what is just being handed over is not told of, a long rest is as a number."""
    if len(found) < LIMIT:
        return found[-1].delivery if found else after
    return mailbox.newest_unread(store.view, reader)
