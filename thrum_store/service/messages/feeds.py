"""Feeds: every message once, in the order in which this view learned of them.

A feed follows the ingest number, so a message counts when it arrives in this clone, independent of its sender's clock
and whether it came from this machine or through git.
"""

from __future__ import annotations

import os
import re

from thrum_store.errors import Invalid
from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageHeader
from thrum_store.store import Store, use_case
from thrum_store.values import NamedTuple, Record
from thrum_store.view.queries import feed, mailbox
from thrum_store.view.queries.mailbox import PREVIEW, Arrival
from thrum_store.view.queries.shards import lengths

_OVERLAP_MS = 600_000  # after a rebuild of the view a cursor reaches back this much further
_CURSOR = re.compile(r"([0-9a-z.-]{1,64}):([0-9]{1,18}):([0-9]{1,15})", re.ASCII)


class FeedCursor(NamedTuple):
    """A place in the feed: the view's generation, the ingest number, and the time of receipt in milliseconds."""

    generation: str
    number: int
    received_ms: int

    def __str__(self) -> str:
        return f"{self.generation}:{self.number}:{self.received_ms}"


class Match(Record):
    """The subscription that a message matches, and its type: a scope, a mention or all."""

    subscription_id: int
    match_type: str


class Notification(Record):
    """A message that just arrived. `preview` is the beginning of its text; `message.get` returns the whole."""

    header: MessageHeader
    role: str
    module: str
    preview: str
    cursor: str

    JSON = (
        "message_id=id thread_id=thread reply_to author.agent_id=author author.role author.module"
        " preview scopes audiences=to timestamp=sent_at cursor"
    )


def parse_cursor(text: str) -> FeedCursor:
    """Parse a cursor as it was shown. Raises Invalid."""
    match = _CURSOR.fullmatch(text)
    if not match:
        raise Invalid(f"{text!r} is not a cursor", hint="pass on the `cursor` of the last notification, unchanged")
    view, number, received_ms = match.groups()
    return FeedCursor(view, int(number), int(received_ms))


def newest(store: Store) -> FeedCursor:
    """Return the cursor that means now."""
    return FeedCursor(generation(store), mailbox.newest(store.view), store.host.clock.wall_ms())


def generation(store: Store) -> str:
    """Return the name of the current view, short enough for a cursor."""
    return os.path.basename(store.generation).removeprefix("p-v").removesuffix(".db")


def appended(store: Store) -> int:
    """Return the number of events of this store's agents, to notice new ones."""
    return sum(position.seq for shard, position in lengths(store.view).items() if shard.store == store.own)


def resume(store: Store, cursor: FeedCursor) -> int:
    """Return the ingest number after which a reader continues.

    It is exact in the view that gave the cursor. A rebuilt view has other numbers: then the time decides, ten minutes
    early, because it is better to get a message twice than never.
    """
    if cursor.generation == generation(store) and cursor.number <= mailbox.newest(store.view):
        return cursor.number
    return feed.before_time(store.view, cursor.received_ms - _OVERLAP_MS)


FeedItem = Arrival  # the name by which the daemon, which may not import the view, knows it


class Batch(NamedTuple):
    """Messages in the order of their arrival; `more`: there may be more at once."""

    generation: str
    items: list[Arrival]
    more: bool


@use_case
def after(store: Store, number: int, limit: int) -> Batch:
    """Return at most `limit` messages that came after an ingest number."""
    items = feed.after(store.view, number, limit)
    return Batch(generation(store), items, len(items) == limit)


class FeedReader:
    """A reader of the messages that arrive from now on, each once, even if the view is rebuilt meanwhile.

    A rebuilt view has other numbers. Then the shards' own sequence numbers tell which messages were read before.
    """

    def __init__(self, store: Store) -> None:
        since = mailbox.since(store.view, store.generation, None)
        self.start = self.number = since.number  # the last read gave everything after `start`, up to `number`
        self._heads = dict(since.heads)
        self._generation = generation(store)
        self._known = 0  # up to here the sequence tells what was read; beyond it everything is new

    def read(self, store: Store, limit: int) -> Batch:
        """Return at most `limit` messages that arrived since the last call; the store was refreshed before."""
        if self._generation != generation(store):
            self._generation, self.number, self._known = generation(store), 0, mailbox.newest(store.view)
        self.start = self.number
        batch = after(store, self.number, limit)
        fresh = [item for item in batch.items if self._is_new(item)]
        for item in batch.items:
            shard = item.author_store, item.author_name
            self._heads[shard] = max(item.seq, self._heads.get(shard, 0))
            self.number = item.number
        if not batch.more:
            self._known = self.number
        return batch._replace(items=fresh)

    @property
    def settled(self) -> bool:
        """Return False while a rebuilt view is read from its beginning and known messages are skipped."""
        return self.number >= self._known

    def _is_new(self, item: Arrival) -> bool:
        return item.number > self._known or item.seq > self._heads.get((item.author_store, item.author_name), 0)


def notification(item: Arrival, generation_name: str) -> Notification:
    """Return the notification of a message."""
    more = "…" if len(item.preview) > PREVIEW else ""
    cursor = FeedCursor(generation_name, item.number, item.received_ms)
    return Notification(
        message_parts.header_of(item), item.role, item.module, item.preview[:PREVIEW] + more, str(cursor)
    )
