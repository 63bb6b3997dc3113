"""Offers: unread mail that was not shown to a session yet. An offer reserves nothing and marks nothing as read."""

from __future__ import annotations

import os

from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageHeader, mailbox_of, reading
from thrum_store.store import Store, use_case
from thrum_store.values import Record
from thrum_store.view.queries import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.identity import Caller
    from thrum_store.view.queries.lookup import Source, Unread

LIMIT = 50


class SeenMarker(Record):
    """The mail that a session has seen: all deliveries of a view up to `newest`, and these message ids."""

    generation: str = ""
    newest: int = 0
    messages: frozenset[str] = frozenset()


class OfferedMessage(Record):
    """A message in an offer, with its full text; the caller shortens it."""

    header: MessageHeader
    content: str


class Offer(Record):
    """Unread messages that the session has not seen, oldest first; `unread` counts all unread messages.

    `seen` is the session's marker once these were shown.
    """

    messages: tuple[OfferedMessage, ...]
    unread: int
    seen: SeenMarker


@use_case
def offer(store: Store, caller: Caller, seen: SeenMarker) -> Offer:
    """Return the mail to show to the caller's session now. Raises NotRegistered."""
    reader = reading(store, caller)
    box = mailbox_of(store, caller, reader, lookup.UNREAD)
    generation = os.path.basename(store.generation)
    after = seen.newest if generation == seen.generation else 0  # another view gives other numbers: then the ids decide
    now_ms = store.host.clock.wall_ms()
    unread = lookup.unread(store.view, reader.id, LIMIT, now_ms, after, box)
    rows = [row for _, row in unread if row.id not in seen.messages]
    newest = _newest(store, reader.id, unread, after, box)
    now = SeenMarker(generation, newest, seen.messages | {row.id for row in rows})
    messages = tuple(OfferedMessage(message_parts.header_of(row), row.content) for row in rows)
    return Offer(messages, lookup.unread_count(store.view, reader.id, box), now)


def _newest(store: Store, reader: int, unread: list[Unread], after: int, box: Source) -> int:
    """Return the delivery number up to which the session is informed.

    Mail that is just being handed over is excluded; beyond LIMIT only a count is shown.
    """
    if len(unread) < LIMIT:
        return unread[-1].delivery if unread else after
    return lookup.newest_unread(store.view, reader, box)
