"""Offers: unread mail that was not shown to a session yet. An offer reserves nothing and marks nothing as read.

It also records the turns that such mail begins, for the limit of automatic replies (`held_wakes`).
"""

from __future__ import annotations

import os

from thrum_store.errors import DiskFull, StorageFailed
from thrum_store.repository.paths import TURNS, prompt_time, woken_mark
from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageHeader, mailbox_of, reading
from thrum_store.store import Store, use_case
from thrum_store.values import Record
from thrum_store.view.queries import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.identity import Caller
    from thrum_store.view.queries.lookup import Row, Source, Unread

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

    `seen` is the session's marker once these were shown. `held` are the reasons why mail among it wakes nobody.
    """

    messages: tuple[OfferedMessage, ...]
    unread: int
    seen: SeenMarker
    held: tuple[str, ...] = ()


@use_case
def offer(store: Store, caller: Caller, seen: SeenMarker, *, wakes: bool = False) -> Offer:
    """Return the mail to show to the caller's session now; if it `wakes` the session, without what may not.

    Raises NotRegistered.
    """
    reader = reading(store, caller)
    box = mailbox_of(store, caller, reader, lookup.UNREAD)
    generation = os.path.basename(store.generation)
    after = seen.newest if generation == seen.generation else 0  # another view gives other numbers: then the ids decide
    now_ms = store.host.clock.wall_ms()
    unread = lookup.unread(store.view, reader.id, LIMIT, now_ms, after, box)
    rows = [row for _, row in unread if row.id not in seen.messages]
    held = _held(store, reader.id, rows)
    newest = _newest(store, reader.id, unread, after, box)
    if held and wakes:
        rows = [row for row in rows if row.id not in held]
        newest = min(delivery for delivery, row in unread if row.id in held) - 1  # what is left out is not seen
    now = SeenMarker(generation, newest, seen.messages | {row.id for row in rows})
    messages = tuple(OfferedMessage(message_parts.header_of(row), row.content) for row in rows)
    return Offer(messages, lookup.unread_count(store.view, reader.id, box), now, tuple(dict.fromkeys(held.values())))


def begin_turn(store: Store, agent: str, *, woken: bool) -> None:
    """Record that a wake, or else a person, began the agent's turn. A disk that refuses stops no hook."""
    storage, mark = store.host.storage, store.paths.in_var(woken_mark(agent))
    try:
        if not woken:
            storage.directory(store.paths.in_var(TURNS))
            storage.replace_unsynced(store.paths.in_var(prompt_time(agent)), str(store.host.clock.wall_ms()).encode())
            storage.remove(mark)
        elif not os.path.exists(mark):
            storage.directory(store.paths.in_var(TURNS))
            storage.replace_unsynced(mark, b"")
    except (StorageFailed, DiskFull):
        return


def _held(store: Store, reader: int, rows: list[Row]) -> dict[str, str]:
    """Return why messages wake nobody, by id."""
    replies = [row for row in rows if row.reply_to is not None]
    if not replies:
        return {}
    from . import held_wakes  # most mail begins a thread

    return {
        message: held_wakes.sentence(reason) for message, reason in held_wakes.of_mail(store, reader, replies).items()
    }


def _newest(store: Store, reader: int, unread: list[Unread], after: int, box: Source) -> int:
    """Return the delivery number up to which the session is informed.

    Mail that is just being handed over is excluded; beyond LIMIT only a count is shown.
    """
    if len(unread) < LIMIT:
        return unread[-1].delivery if unread else after
    return lookup.newest_unread(store.view, reader, box)
