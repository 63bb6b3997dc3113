"""Purged logs: what is below the mark is read no more, goes from the disk, and leaves every place as it was."""

from __future__ import annotations

import os

import pytest

from thrum_store.log import purge_marks
from thrum_store.log.purged_log import PurgedLog
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.host import Host

from .conftest import SHARD, appended, events, message, texts


@pytest.fixture
def end(log: PurgedLog) -> ShardPosition:
    """The end of nine messages in three segments of three."""
    head = ShardPosition()
    for start in (1, 4, 7):
        head = appended(log, log.begin_segment(SHARD, head), *map(str, range(start, start + 3)), ms=start)
    return head


def mark(var: str, host: Host, seq: int) -> None:
    """Purge the shard up to an event."""
    purge_marks.raise_to(var, host, {SHARD: seq})


@pytest.mark.parametrize("seq", range(10))
def test_what_is_below_the_mark_is_read_no_more(
    log: PurgedLog, end: ShardPosition, var: str, host: Host, seq: int
) -> None:
    mark(var, host, seq)
    before = events(log)
    assert [event.seq for event in before] == list(range(seq + 1, 10))
    log.trim(SHARD)
    log.trim(SHARD)
    assert events(log) == before
    assert log.gap(SHARD) == ""
    assert not log.pending(SHARD)
    assert log.read(SHARD, end).head == end


@pytest.mark.parametrize(("seq", "files"), [(2, [1, 2, 3]), (3, [2, 3]), (5, [2, 3]), (6, [3]), (9, [3])])
def test_whole_segments_go_and_the_last_one_stays(
    log: PurgedLog, end: ShardPosition, var: str, host: Host, seq: int, files: list[int]
) -> None:
    size = log.size(SHARD)
    mark(var, host, seq)
    assert log.pending(SHARD)
    log.trim(SHARD)
    assert log.numbers(SHARD) == files
    assert log.size(SHARD) < size


def test_a_purged_segment_can_be_purged_further(log: PurgedLog, end: ShardPosition, var: str, host: Host) -> None:
    for seq in (4, 5):
        mark(var, host, seq)
        log.trim(SHARD)
    assert texts(log) == ["6", "7", "8", "9"]
    appended(log, end, "10")
    assert texts(log)[-1] == "10"


def test_a_gap_is_seen(log: PurgedLog, end: ShardPosition, var: str, host: Host) -> None:
    paths = {number: log.segment(SHARD, number) for number in (1, 2, 3)}
    os.rename(paths[1], paths[1] + ".away")
    assert log.gap(SHARD) == "its beginning is missing"
    os.rename(paths[1] + ".away", paths[1])
    os.rename(paths[2], paths[2] + ".away")
    assert log.gap(SHARD) == "segment 2 is missing"
    os.rename(paths[2] + ".away", paths[2])
    os.truncate(paths[1], os.path.getsize(paths[1]) - 1)
    assert log.gap(SHARD) == "segment 1 is shorter than the next one says"


def test_the_older_part_of_a_segment_is_counted_by_the_ends_of_its_lines(log: PurgedLog, var: str, host: Host) -> None:
    head = log.begin_segment(SHARD, ShardPosition())
    for ms in (5, 6, 7, 6):
        head = log.append(SHARD, head, [message("x")], ms).head
    older = log.older(SHARD, 1, before=7, last=4)
    assert older is not None
    assert (older.seq, older.events, older.messages) == (2, 2, 2)  # not the fourth: it stands behind a newer one
    assert log.older(SHARD, 1, before=5, last=4) is None
    assert (log.older(SHARD, 1, before=9, last=3) or older).seq == 3
    mark(var, host, 1)
    left = log.older(SHARD, 1, before=7, last=4)
    assert left is not None
    assert (left.seq, left.events, left.bytes) == (2, 1, older.bytes // 2)


def test_a_mark_only_rises_and_is_seen_at_once(log: PurgedLog, var: str, host: Host) -> None:
    other = Shard("t" * 26, "bob")
    assert purge_marks.raise_to(var, host, {SHARD: 4, other: 2}) == {SHARD: 4, other: 2}
    assert purge_marks.raise_to(var, host, {SHARD: 3, other: 5}) == {other: 5}
    assert purge_marks.read(var, host) == log.marks.all() == {SHARD: 4, other: 5}
    purge_marks.raise_to(var, host, {SHARD: 6})
    assert log.marks.of(SHARD) == 6
    assert log.marks.of(Shard("s" * 26, "nobody")) == 0
