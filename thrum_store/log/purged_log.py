"""Purged logs: reading begins after the purge mark, and a purge removes the events up to it.

A purge mark is a sequence number. Segments wholly below it are removed; the one that holds it is replaced by one that
begins behind it, with the same number. Both follow from the shard and the mark alone, so every clone ends with the same
bytes. The last segment is never touched: positions point into it, and a writer may hold it open.
"""

from __future__ import annotations

import os
import re

from thrum_store.machine.host import failpoint
from thrum_store.repository.paths import FLOORS, SEGMENT_COPIES
from thrum_store.values import NamedTuple

from .events import Place, decode, encode_header, plain_parser
from .purge_marks import PurgeMarks
from .segments import EventLog, Reading, Shard, ShardPosition
from .torn_tail import ENDING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Host

    from .events import Header, Parser

_line_ends = re.compile(ENDING + b"\n").finditer


class PurgePrefix(NamedTuple):
    """The part of a segment that a purge would remove: its last sequence, and its events, messages and bytes."""

    seq: int
    events: int
    messages: int
    bytes: int


class PurgedLog(EventLog):
    """All shards below one directory, without their purged events."""

    def __init__(self, root: str, var: str, host: Host) -> None:
        super().__init__(root, host.storage, os.path.join(var, SEGMENT_COPIES))
        self.marks = PurgeMarks(var, host)
        self.floors = PurgeMarks(var, host, FLOORS)

    def grew(self, shard: Shard, head: ShardPosition) -> bool:
        """Return whether the shard holds anything beyond `head`."""
        if not head.segment and self.marks.of(shard):
            return bool(self.numbers(shard))
        return super().grew(shard, head)

    def read(self, shard: Shard, head: ShardPosition, parse: Parser = plain_parser) -> Reading:
        """Read the events that follow `head` in one segment, without purged ones; places do not change."""
        mark = self.marks.of(shard)
        if mark <= head.seq and head.segment:
            return super().read(shard, head, parse)
        reading = super().read(shard, head if head.segment else self._beginning(shard, mark), parse)
        purged = sum(event.seq <= mark for event in reading.events)
        start = reading.ends[purged - 1] if purged else reading.start
        return reading._replace(events=reading.events[purged:], ends=reading.ends[purged:], start=start)

    def pending(self, shard: Shard) -> bool:
        """Return whether purged events are still on the disk, outside of the last segment."""
        numbers = self.numbers(shard)
        first = self.header(shard, numbers[0]) if len(numbers) > 1 else None
        return first is not None and first[0].place.seq <= self.marks.of(shard)

    def size(self, shard: Shard) -> int:
        """Return the bytes of all its files."""
        return sum(self.storage.size(self.segment(shard, number)) for number in self.numbers(shard))

    def gap(self, shard: Shard) -> str:
        """Return a sentence about files missing before the last one, by headers and lengths; empty if none is.

        Nothing else is read: only a full reading finds damage inside of a line.
        """
        numbers = self.numbers(shard)
        if numbers and numbers[0] != (self._beginning(shard, self.marks.of(shard)).segment or 1):
            return "its beginning is missing"
        for number, after in zip(numbers, numbers[1:], strict=False):
            if reason := self._gap_between(shard, number, after, last=numbers[-1]):
                return reason
        return ""

    def _gap_between(self, shard: Shard, number: int, after: int, last: int) -> str:
        following, size = self.header(shard, number + 1), self.storage.size(self.segment(shard, number))
        if after != number + 1:
            return f"segment {number + 1} is missing"
        if following is None:
            return f"segment {after} has no header" if after != last else ""
        if size < self.counted(shard, number, following[0], size):
            return f"segment {number} is shorter than the next one says"
        if (following[0].number, *following[0].place[:2]) != (after, *shard):
            return f"segment {after} is another one"
        return ""

    def older(self, shard: Shard, number: int, before: int, last: int) -> PurgePrefix | None:
        """Return the prefix of a segment that is older than `before` (milliseconds), or None where nothing is.

        Only events up to the sequence `last`, which were read before, and without purged ones. It looks at the ends of
        the lines alone; None as well where any line ends otherwise than an event's does.
        """
        own = self.header(shard, number)
        if own is None:
            return None
        (header, start), data = own, self.storage.read(self.segment(shard, number))
        endings = list(_line_ends(data, start))
        first = header.place.seq
        purged = max(self.marks.of(shard) + 1 - first, 0)
        newer = (at for at, ending in enumerate(endings) if int(ending[1]) >= before and at >= purged)
        end = min(next(newer, len(endings)), last + 1 - first)
        if end <= purged or len(endings) != data.count(b"\n", start):
            return None
        messages = sum(ending[2] == b"message.create" for ending in endings[purged:end])
        begin = endings[purged - 1].end() if purged else start
        return PurgePrefix(first + end - 1, end - purged, messages, endings[end - 1].end() - begin)

    def trim(self, shard: Shard) -> None:
        """Remove the events up to the purge mark; can be repeated. Only under the shard's lock and commit.lock."""
        mark = self.marks.of(shard)
        numbers = self.numbers(shard)
        for number, after in zip(numbers, numbers[1:], strict=False):
            following = self.header(shard, after)
            if following is None:
                return
            if following[0].place.seq > mark + 1:
                self._behead(shard, number, mark, following[0])
                return
            self.second_copies.drop(self.segment(shard, number))
            self.storage.remove(self.segment(shard, number))
            failpoint("purge.removed")
        self.storage.sync_directory(os.path.dirname(self.segment(shard, 1)))

    def _behead(self, shard: Shard, number: int, mark: int, following: Header) -> None:
        """Replace a segment by one that begins after the purge mark."""
        own = self.header(shard, number)
        if own is None or own[0].place.seq > mark:
            return
        path = self.segment(shard, number)
        data = self.storage.read(path, 0, self.counted(shard, number, following, self.storage.size(path)))
        at, previous = own[1], own[0].place.before
        while True:
            end = data.index(b"\n", at)
            event = decode(data[at:end])
            if event.seq > mark:
                break
            at, previous = end + 1, event.hash
        gone = following.previous_length - (len(data) - at)
        place = Place(shard.store, shard.agent, mark + 1, previous)
        header = encode_header(place, number, own[0].previous_length, gone)
        self.second_copies.replace(path, header + data[at:])

    def _beginning(self, shard: Shard, mark: int) -> ShardPosition:
        """Return the position after the header of the first existing segment, if a purge removed those before it."""
        numbers = self.numbers(shard) if mark else []
        first = self.header(shard, numbers[0]) if numbers else None
        if first is None or first[0].place.seq > mark + 1:
            return ShardPosition()
        header, length = first
        return ShardPosition(header.number, length, header.place.seq - 1, header.place.before)
