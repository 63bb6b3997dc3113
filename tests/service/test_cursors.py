"""The corners of cursors: the wait's, and the feed's."""

from __future__ import annotations

import pytest

from tests.conftest import Two
from thrum_store.errors import Invalid
from thrum_store.service.messages import editing, feeds, sending
from thrum_store.service.messages.editing import DeleteMessage
from thrum_store.service.messages.feeds import FeedCursor, FeedReader
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import Store
from thrum_store.view.queries.mailbox import Arrival, WaitCursor

NOW, BACK = None, 5_000  # a cursor without a time of receipt, and one with it


def arrival(number: int, seq: int, received_ms: int, author: str = "alice") -> Arrival:
    """A message of the store `s`."""
    return Arrival(
        number, f"msg_{number}", None, None, author, "s", True, "", "", seq, 0, received_ms, "text", None, None, "[]"
    )


@pytest.mark.parametrize(
    ("received_ms", "generation", "message", "covered"),
    [
        (NOW, "view", arrival(11, 1, 0), True),
        (NOW, "view", arrival(10, 99, 9_000), False),  # in the cursor's own view only the number counts
        (NOW, "rebuilt", arrival(1, 8, 0), True),
        (NOW, "rebuilt", arrival(99, 7, 9_000), False),  # in another view only the shard's sequence
        (NOW, "rebuilt", arrival(1, 1, 0, "carol"), True),  # a shard that nobody had read before
        (BACK, "view", arrival(1, 1, 5_000), True),
        (BACK, "view", arrival(10, 1, 4_999), False),
        (BACK, "view", arrival(11, 1, 4_999), True),  # the clock was set back: it came after the cursor all the same
        (BACK, "rebuilt", arrival(1, 8, 4_999), True),
        (BACK, "rebuilt", arrival(1, 7, 4_999), False),
    ],
)
def test_a_wait_cursor_covers_what_came_after_it(
    received_ms: int | None, generation: str, message: Arrival, covered: bool
) -> None:
    cursor = WaitCursor("view", 10, received_ms, {("s", "alice"): 7})
    assert cursor.covers(generation, message) is covered


@pytest.mark.parametrize(
    ("received_ms", "generation", "floor"), [(NOW, "view", 10), (NOW, "rebuilt", 0), (BACK, "view", 0)]
)
def test_a_wait_cursor_has_a_floor_only_where_the_number_alone_decides(
    received_ms: int | None, generation: str, floor: int
) -> None:
    assert WaitCursor("view", 10, received_ms, {}).floor(generation) == floor


def sent(store: Store, two: Two, count: int) -> list[str]:
    """So many messages from alice to bob; their ids."""
    return [sending.send(store, two.alice, SendMessage("text", to=("bob",))).header.id for _ in range(count)]


def test_a_page_of_the_feed_that_is_just_full_says_there_may_be_more(store: Store, two_agents: Two) -> None:
    messages = sent(store, two_agents, 4)
    first = feeds.after(store, 0, 2)
    second = feeds.after(store, first.items[-1].number, 2)
    last = feeds.after(store, second.items[-1].number, 2)
    assert [item.id for item in (*first.items, *second.items)] == messages
    assert (first.more, second.more, last.more, last.items) == (True, True, False, [])


def test_the_feed_leaves_out_what_was_deleted_and_goes_on_behind_it(store: Store, two_agents: Two) -> None:
    first, gone, last = sent(store, two_agents, 3)
    editing.delete(store, two_agents.alice, DeleteMessage(gone, force=True))
    assert [item.id for item in feeds.after(store, 0, 10).items] == [first, last]
    assert [item.id for item in feeds.after(store, feeds.after(store, 0, 1).items[0].number, 1).items] == [last]


def test_the_feed_has_nothing_behind_its_end(store: Store, two_agents: Two) -> None:
    sent(store, two_agents, 1)
    assert feeds.after(store, feeds.newest(store).number, 10).items == []
    assert feeds.after(store, 10**18, 10).items == []


def test_a_cursor_resumes_by_its_number_in_its_own_view_and_by_time_in_another(store: Store, two_agents: Two) -> None:
    sent(store, two_agents, 2)
    cursor = feeds.newest(store)
    sent(store, two_agents, 1)
    assert feeds.resume(store, cursor) == cursor.number
    store.rebuild()
    assert feeds.resume(store, cursor) == 0  # ten minutes early: all of it comes again
    hour = 3_600_000
    assert feeds.resume(store, cursor._replace(received_ms=cursor.received_ms + hour)) == feeds.newest(store).number
    beyond = FeedCursor(feeds.generation(store), 10**9, cursor.received_ms)  # of a view that had more
    assert feeds.resume(store, beyond) == 0


def test_a_reader_gives_each_message_once_over_full_pages_and_a_rebuild(store: Store, two_agents: Two) -> None:
    sent(store, two_agents, 2)
    reader = FeedReader(store)
    messages = sent(store, two_agents, 4)
    received = [item.id for _ in range(3) for item in reader.read(store, 2).items]
    store.rebuild()
    messages += sent(store, two_agents, 1)
    while True:
        batch = reader.read(store, 2)
        received += [item.id for item in batch.items]
        if not batch.more:
            break
    assert received == messages
    assert reader.settled


@pytest.mark.parametrize("text", ["", "3.3", "3.3:1", "3.3:1:x", "3.3:-1:1", "3.3:1:1:1", "a b:1:1", "3.3:1:1\n"])
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        feeds.parse_cursor(text)


def test_a_cursor_is_read_as_it_was_written(store: Store, two_agents: Two) -> None:
    cursor = feeds.newest(store)
    assert feeds.parse_cursor(str(cursor)) == cursor
