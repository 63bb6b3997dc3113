"""Segments: what is appended comes back; a torn tail is no damage, and damage is no torn tail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from thrum_store.errors import Invalid, StorageFailed
from thrum_store.log import torn_tail
from thrum_store.log.events import GENESIS, Draft, Header, Place
from thrum_store.log.segments import (
    SEGMENT_LIMIT,
    EventLog,
    ShardPosition,
    length_before_purge,
    remaining,
)
from thrum_store.machine.host import DISK, Storage

from .conftest import SHARD, appended, events, message, texts

LONG = "x" * 5000


def rot(path: str, old: bytes, new: bytes) -> None:
    """Change bytes of a file where they stand."""
    data = Path(path).read_bytes()
    assert data.count(old) == 1
    Path(path).write_bytes(data.replace(old, new))


def test_events_are_read_as_they_were_appended(log: EventLog) -> None:
    first = log.append(SHARD, ShardPosition(), [message("a"), message("b")], 5)
    second = log.append(SHARD, first.head, [message("c")], 6)
    assert events(log) == first.events + second.events
    assert [(event.seq, event.ms) for event in events(log)] == [(1, 5), (2, 5), (3, 6)]
    assert log.read(SHARD, first.head) == second
    assert not log.grew(SHARD, second.head)
    assert log.shards() == [SHARD]


def test_a_full_segment_is_followed_by_another(log: EventLog) -> None:
    end = appended(log, ShardPosition(), *[f"{number} {LONG}" for number in range(20)])
    assert end.segment == 2
    assert os.path.getsize(log.segment(SHARD, 1)) >= SEGMENT_LIMIT
    assert [text.partition(" ")[0] for text in texts(log)] == [str(number) for number in range(20)]


def test_nothing_is_read_where_there_is_no_log(log: EventLog) -> None:
    assert events(log) == []
    assert not log.grew(SHARD, ShardPosition())
    assert log.shards() == []


def test_a_torn_tail_is_put_aside_and_the_next_append_follows(log: EventLog, scratch: Path) -> None:
    end = appended(log, ShardPosition(), "a", "b")
    with open(log.segment(SHARD, 1), "ab") as file:
        file.write(b'{"a":"alice","d":{"con')
    reading = log.read(SHARD, end)
    assert (reading.torn, reading.damage, reading.events) == (22, "", [])
    torn_tail.repair(DISK, log.segment(SHARD, 1), end.offset, str(scratch / "torn"), "alice-1")
    (copy,) = (scratch / "torn").iterdir()
    assert copy.read_bytes() == b'{"a":"alice","d":{"con'
    appended(log, end, "c")
    assert texts(log) == ["a", "b", "c"]


@pytest.mark.parametrize("tail", [b"\0" * 40, b"noise\n", b'{"a":"alice","d":{}\0\0\0"y":"message.read"}\n'])
def test_bytes_that_were_never_a_line_are_torn(log: EventLog, tail: bytes) -> None:
    end = appended(log, ShardPosition(), "a")
    with open(log.segment(SHARD, 1), "ab") as file:
        file.write(tail)
    reading = log.read(SHARD, end)
    assert (reading.torn, reading.damage) == (len(tail), "")


@pytest.mark.parametrize(
    ("old", "new"), [(b"second", b"sEcond"), (b'"content":"second"', b'"cOntent":"second"'), (b'"n":2', b'"n":3')]
)
def test_a_line_that_has_rotted_is_damage(log: EventLog, old: bytes, new: bytes) -> None:
    appended(log, ShardPosition(), "first", "second", "third")
    rot(log.segment(SHARD, 1), old, new)
    reading = log.read(SHARD, ShardPosition())
    assert [event.data["content"] for event in reading.events] == ["first"]
    assert reading.damage and not reading.torn


def test_a_rotten_newline_at_the_end_is_damage(log: EventLog) -> None:
    end = appended(log, ShardPosition(), "first")
    path = Path(log.segment(SHARD, 1))
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    assert end.offset == path.stat().st_size
    assert log.read(SHARD, ShardPosition()).damage


def test_a_segment_that_became_shorter_is_damage(log: EventLog) -> None:
    end = appended(log, ShardPosition(), "a", "b")
    os.truncate(log.segment(SHARD, 1), end.offset - 1)
    assert "shorter" in log.read(SHARD, end).damage


def test_a_segment_without_a_header_is_damage_unless_nothing_followed_it(log: EventLog) -> None:
    end = appended(log, ShardPosition(), "a")
    next_path = Path(log.segment(SHARD, 2))
    next_path.write_bytes(b'{"a":"al')  # a writer died here
    assert log.read(SHARD, end).damage == ""
    next_path.write_bytes(b"x" * 1000)
    assert "has no header" in log.read(SHARD, end).damage
    next_path.unlink()
    log.begin_segment(SHARD, end)
    assert appended(log, log.read(SHARD, end).head, "b").segment == 2


def test_a_segment_of_another_chain_is_damage(log: EventLog) -> None:
    end = appended(log, ShardPosition(), "a")
    log.begin_segment(SHARD, end._replace(hash="f" * 32))
    assert "does not continue" in log.read(SHARD, end).damage


class Unsynced(Storage):
    """A disk whose sync fails once: nobody knows what it holds then."""

    failures = 1

    def append(self, path: str, data: bytes, end: int = -1, names: int = 0) -> None:
        """Write the bytes and fail to make them durable."""
        super().append(path, data, end, names)
        if self.failures:
            self.failures -= 1
            raise StorageFailed("the sync failed", unsynced=True)


def test_after_a_failed_sync_the_next_header_says_how_much_counts(scratch: Path) -> None:
    log = EventLog(str(scratch / "v1"), Storage())
    end = appended(log, ShardPosition(), "a")
    with pytest.raises(StorageFailed):
        appended(EventLog(log.root, Unsynced()), end, "never acknowledged")
    assert texts(log) == ["a"]
    reading = log.read(SHARD, end)
    assert (reading.head.segment, reading.events) == (2, [])
    appended(log, reading.head, "b")
    assert texts(log) == ["a", "b"]


def test_what_no_line_can_hold_is_refused_and_nothing_is_written(log: EventLog) -> None:
    for draft in (message("x" * 3_000_000), Draft("message.create", {"structured": {"n": float("nan")}})):
        with pytest.raises(Invalid):
            log.append(SHARD, ShardPosition(), [message("a"), draft], 1)
    assert log.shards() == []


@pytest.mark.parametrize("purged", [0, 400])
def test_the_bytes_that_count_before_and_after_a_purge(purged: int) -> None:
    own = Header(1, Place(*SHARD, 1, GENESIS), 0, purged), 150
    following = Header(2, Place(*SHARD, 9, "f" * 32), 5000)
    counted = remaining(own, following)
    assert counted == (150 + 5000 - 400 if purged else 5000)
    assert length_before_purge(own, counted) == 5000
