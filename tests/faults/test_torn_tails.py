"""Torn tails: bytes after the last whole line are set aside and truncated; the next event is right."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Two
from tests.oracle import spoken
from thrum_store.log.events import Draft, Place, encode
from thrum_store.log.segments import SEGMENT_LIMIT, EventLog, Shard
from thrum_store.machine.host import Storage
from thrum_store.repository.paths import VIEW_POINTER, Paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import Store, open_store

from .crowd import nothing_lost, sound


class FeedReader:
    """alice's log, to which a test adds what a crash could have left."""

    def __init__(self, repo: Paths, store: Store, two_agents: Two) -> None:
        self.repo = repo
        self.alice = two_agents.alice
        self.acknowledged = [self.send(store)]
        self.shard = Shard(store.own, "alice")

    @property
    def path(self) -> Path:
        """Her last segment."""
        return sorted(Path(self.repo.logs, *self.shard).glob("*.jsonl"))[-1]

    def send(self, store: Store) -> str:
        """Send a message, which must work at once."""
        sent = sending.send(store, self.alice, SendMessage("next", to=("bob",)))
        assert sent.warnings == ()
        return sent.header.id

    def line(self) -> bytes:
        """Return the line that alice would write next."""
        (events,) = [events for (_, name), events in spoken(self.repo.logs).items() if name == "alice"]
        last = events[-1]
        data = {"content": "lost", "format": "plain", "to": [["agent", "bob"]], "recipients": ["bob"]}
        return encode(Draft("message.create", data), Place(last["s"], "alice", last["n"] + 1, last["h"]), last["t"])[0]

    def survives(self, *tails: bytes) -> None:
        """Assert that after each of these tails alice goes on, and a copy of it was kept."""
        aside = Path(self.repo.var, "torn")
        for count, tail in enumerate(tails):
            with self.path.open("ab") as file:
                file.write(tail)
            if count % 8 == 2:
                os.unlink(os.path.join(self.repo.var, VIEW_POINTER))  # then a rebuild meets it first
            with open_store(self.repo) as store:
                self.acknowledged.append(self.send(store))
            assert tail in {copy.read_bytes() for copy in aside.glob("alice-*")}
            for copy in aside.glob("alice-*"):
                copy.unlink()
        nothing_lost(sound(self.repo), "alice", self.acknowledged)


@pytest.fixture
def tail(repo: Paths, store: Store, two_agents: Two) -> Iterator[FeedReader]:
    """alice's log with two events."""
    made = FeedReader(repo, store, two_agents)
    store.close()
    yield made


def test_any_beginning_of_the_last_line_is_cut(tail: FeedReader) -> None:
    line = tail.line()
    tail.survives(*(line[:length] for length in range(1, len(line))))


def test_nothing_but_nuls_is_cut(tail: FeedReader) -> None:
    tail.survives(*(bytes(length) for length in (1, 2, 3, 100, 4096, 70_000)))


def test_garbage_is_cut(tail: FeedReader) -> None:
    draw = random.Random(5)
    tail.survives(*(draw.randbytes(draw.randint(1, 300)) for _ in range(50)))


def test_half_a_line_and_then_nuls_or_garbage_is_cut(tail: FeedReader) -> None:
    draw, line = random.Random(6), tail.line()
    cuts = [line[: draw.randrange(1, len(line) - 1)] for _ in range(50)]
    tail.survives(
        *(cut + bytes(draw.randint(1, 600)) for cut in cuts),
        *(cut + draw.randbytes(draw.randint(4, 300)) + b"\n" for cut in cuts),
    )


def test_a_line_whose_beginning_is_a_hole_is_cut(tail: FeedReader) -> None:
    line = tail.line()
    tail.survives(*(bytes(hole) + line[hole:] for hole in range(2, len(line), 7)))


def test_a_whole_line_that_nobody_acknowledged_is_said(tail: FeedReader) -> None:
    with tail.path.open("ab") as file:
        file.write(tail.line())
    with open_store(tail.repo) as store:
        rows = store.view.execute("SELECT content FROM messages ORDER BY seq").fetchall()
    assert rows == [("next",), ("lost",)]
    tail.survives()


def test_a_torn_header_of_a_new_segment_is_written_again(tail: FeedReader) -> None:
    with open_store(tail.repo) as store:
        sent = sending.send(store, tail.alice, SendMessage("x" * SEGMENT_LIMIT, to=("bob",)))
    second = Path(EventLog(tail.repo.logs, Storage()).segment(tail.shard, 2))
    second.write_bytes(b'{"a":"alice","d":{"fir')
    with open_store(tail.repo) as store:
        tail.acknowledged += [sent.header.id, tail.send(store)]
    assert second.read_bytes().startswith(b'{"a":"alice","d":{"first":4,')
    tail.survives()
