"""What subscribers are told: each message that matches, once, in the order in which this view learned of them.

A feed goes by the ingest number, so a message counts when it arrives here, whatever clock its sender had and whether it
came from this machine, through git or from a peer.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import NamedTuple

from thrum_store.errors import Invalid
from thrum_store.log.events import thread_of
from thrum_store.service import results
from thrum_store.service.results import Pair
from thrum_store.store import Store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import feed, mailbox
from thrum_store.view.queries.feed import PREVIEW, Item
from thrum_store.view.queries.shards import lengths

_OVERLAP_MS = 600_000  # after a rebuild of the view a cursor reaches back this much further
_CURSOR = re.compile(r"([0-9a-z.-]{1,64}):([0-9]{1,18}):([0-9]{1,15})", re.ASCII)


class FeedCursor(NamedTuple):
    """How far a reader came: the view's generation, the ingest number, and the time of receipt, in milliseconds."""

    generation: str
    number: int
    received_ms: int

    def __str__(self) -> str:
        return f"{self.generation}:{self.number}:{self.received_ms}"


@dataclass(frozen=True)
class Author:
    """Who wrote a message."""

    agent_id: str
    role: str
    module: str


@dataclass(frozen=True)
class Match:
    """Why a subscriber is told: its subscription, which asked for a scope, a mention or all."""

    subscription_id: int
    match_type: str


@dataclass(frozen=True)
class Notification:
    """A message that just arrived. `preview` is the beginning of its text; `message.get` has it whole."""

    message_id: str
    thread_id: str
    reply_to: str | None
    author: Author
    preview: str
    scopes: tuple[Pair, ...]
    audiences: tuple[Pair, ...]
    timestamp: str
    cursor: str


def parse_cursor(text: str) -> FeedCursor:
    """A cursor as it was shown, or Invalid."""
    found = _CURSOR.fullmatch(text)
    if not found:
        raise Invalid(f"{text!r} is not a cursor", hint="pass on the `cursor` of the last notification, unchanged")
    generation_name, number, received_ms = found.groups()
    return FeedCursor(generation_name, int(number), int(received_ms))


def newest(store: Store) -> FeedCursor:
    """The cursor that means now."""
    return FeedCursor(generation(store), mailbox.newest(store.view), store.host.clock.wall_ms())


def generation(store: Store) -> str:
    """The name of the view that counts now, short enough for a cursor."""
    return os.path.basename(store.generation).removeprefix("p-v").removesuffix(".db")


def appended(store: Store) -> int:
    """Return the number of events of this store's agents, to notice new ones."""
    return sum(position.seq for shard, position in lengths(store.view).items() if shard.store == store.own)


def resume(store: Store, cursor: FeedCursor) -> int:
    """The ingest number from which a reader goes on.

    Exact in the view that gave the cursor. Where the view was rebuilt meanwhile, its numbers begin anew: then by time,
    ten minutes early, because coming twice is better than never.
    """
    if cursor.generation == generation(store) and cursor.number <= mailbox.newest(store.view):
        return cursor.number
    return feed.before_time(store.view, cursor.received_ms - _OVERLAP_MS)


FeedItem = Item  # a message as the view gives it, with its ingest number


class Batch(NamedTuple):
    """Messages in the order of their arrival, oldest first, and whether there may be more at once."""

    generation: str
    items: list[Item]
    more: bool


@use_case
def after(store: Store, number: int, limit: int) -> Batch:
    """The messages that came after an ingest number, at most `limit`."""
    items = feed.after(store.view, number, limit)
    return Batch(generation(store), items, len(items) == limit)


class FeedReader:
    """Reads what arrives from now on, each message once, even where the view is rebuilt meanwhile.

    Its numbers begin anew then. What was read before is told by the shards' own sequence.
    """

    def __init__(self, store: Store) -> None:
        since = mailbox.since(store.view, store.generation, None)
        self.start = self.number = since.number  # the last read gave everything after `start`, up to `number`
        self._heads = dict(since.heads)
        self._generation = generation(store)
        self._known = 0  # up to here the sequence tells what was read; beyond it everything is new

    def read(self, store: Store, limit: int) -> Batch:
        """What arrived since the last call, at most `limit` messages; the store was refreshed before."""
        if self._generation != generation(store):
            self._generation, self.number, self._known = generation(store), 0, mailbox.newest(store.view)
        self.start = self.number
        batch = after(store, self.number, limit)
        fresh = [item for item in batch.items if self._is_new(item)]
        for item in batch.items:
            shard = item.store, item.author
            self._heads[shard] = max(item.seq, self._heads.get(shard, 0))
            self.number = item.number
        if not batch.more:
            self._known = self.number
        return batch._replace(items=fresh)

    @property
    def settled(self) -> bool:
        """False while a rebuilt view is read from its beginning, and what was known before is left out."""
        return self.number >= self._known

    def _is_new(self, item: Item) -> bool:
        return item.number > self._known or item.seq > self._heads.get((item.store, item.author), 0)


def notification(item: Item, generation_name: str) -> Notification:
    """What a subscriber is told about a message."""
    more = "…" if len(item.preview) > PREVIEW else ""
    return Notification(
        message_id=item.id,
        thread_id=item.thread or thread_of(item.id),
        reply_to=item.reply_to,
        author=Author(results.shown(item.author, item.store, own=item.own), item.role, item.module),
        preview=item.preview[:PREVIEW] + more,
        scopes=results.pairs(item.scopes),
        audiences=results.pairs(item.audience),
        timestamp=rfc3339(item.sent_ms),
        cursor=str(FeedCursor(generation_name, item.number, item.received_ms)),
    )
