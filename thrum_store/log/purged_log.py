"""The logs where something was purged: reading begins behind the cut, and what is below it goes from the disk.

A cut is a sequence number. Segments wholly below it are removed; the one that holds it is replaced by one that begins
behind it, with the same number. Both follow from the shard and the cut alone, so every clone ends with the same bytes.
The last segment is never touched: positions point into it, and whoever appends holds it open.
"""

import os
import re
from typing import NamedTuple

from thrum_store.machine.host import Host
from thrum_store.machine.storage import failpoint

from . import purge_marks
from .events import Parser, Place, decode, encode_header, plain_parser
from .segments import ENDING, EventLog, Reading, Shard, ShardPosition

_SUFFIX = ".jsonl"
_LINE_END = ENDING + b"\n"  # compiled by its first use


class PurgePrefix(NamedTuple):
    """The beginning of a segment: its last sequence, how many events and messages it holds, and their bytes."""

    seq: int
    events: int
    messages: int
    bytes: int


class Cuts:
    """How far each shard was purged; looks at the file again when it changed."""

    def __init__(self, var: str, host: Host) -> None:
        self._var, self._host = var, host
        self._path = os.path.join(var, "cuts.json")
        self._stamp: tuple[int, int] | None = None
        self._known: dict[Shard, int] = {}

    def of(self, shard: Shard) -> int:
        """The last purged sequence of a shard; 0 for none."""
        return self.all().get(shard, 0)

    def all(self) -> dict[Shard, int]:
        """The cuts of all shards."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return {}
        stamp = (found.st_ino, found.st_mtime_ns)
        if stamp != self._stamp:
            self._known, self._stamp = purge_marks.read(self._var, self._host), stamp
        return self._known


class PurgedLog(EventLog):
    """All shards below one directory, as if what was purged had never been there."""

    def __init__(self, root: str, var: str, host: Host) -> None:
        super().__init__(root, host.storage)
        self.cuts = Cuts(var, host)

    def grew(self, shard: Shard, head: ShardPosition) -> bool:
        """Whether anything is there that `head` does not cover."""
        if not head.segment and self.cuts.of(shard):
            return bool(self.numbers(shard))
        return super().grew(shard, head)

    def read(self, shard: Shard, head: ShardPosition, parse: Parser = plain_parser) -> Reading:
        """The events that follow `head`, of one segment, without purged ones; their places stay what they were."""
        cut = self.cuts.of(shard)
        if cut <= head.seq and head.segment:
            return super().read(shard, head, parse)
        reading = super().read(shard, head if head.segment else self._beginning(shard, cut), parse)
        gone = sum(1 for event in reading.events if event.seq <= cut)
        start = reading.ends[gone - 1] if gone else reading.start
        return reading._replace(events=reading.events[gone:], ends=reading.ends[gone:], start=start)

    def pending(self, shard: Shard) -> bool:
        """Whether purged events are still on the disk, outside of the last segment."""
        numbers = self.numbers(shard)
        first = self._next_header(shard, numbers[0] - 1) if len(numbers) > 1 else None
        return first is not None and first[0].place.seq <= self.cuts.of(shard)

    def size(self, shard: Shard) -> int:
        """Bytes of all its files."""
        return sum(self._storage.size(self.segment(shard, number)) for number in self.numbers(shard))

    def gap(self, shard: Shard) -> str:
        """What headers and lengths say is missing before the last file, or nothing.

        Nothing else is read: what rotted inside of a line is found by reading alone.
        """
        numbers = self.numbers(shard)
        if numbers and numbers[0] != (self._beginning(shard, self.cuts.of(shard)).segment or 1):
            return "its beginning is missing"
        for number, after in zip(numbers, numbers[1:], strict=False):
            following, size = self._next_header(shard, number), self._storage.size(self.segment(shard, number))
            if after != number + 1:
                return f"segment {number + 1} is missing"
            if following is not None and size < self._counted(shard, number, size, following[0]):
                return f"segment {number} is shorter than the next one says"
            if following is None and after != numbers[-1]:
                return f"segment {after} has no header"
            if following is not None and (following[0].number, *following[0].place[:2]) != (after, *shard):
                return f"segment {after} is another one"
        return ""

    def older(self, shard: Shard, number: int, before: int, last: int) -> PurgePrefix | None:
        """What a segment that was read before, up to the sequence `last`, begins with that was said before a time.

        Purged events are left out. Only the ends of the lines are looked at; None where nothing is older, or where any
        line ends otherwise than an event's does.
        """
        found = self._next_header(shard, number - 1)
        data = self._storage.read(self.segment(shard, number))
        if found is None:
            return None
        (told, start), cut = found, self.cuts.of(shard)
        endings = list(re.compile(_LINE_END).finditer(data, start))
        first, gone = told.place.seq, max(cut + 1 - told.place.seq, 0)
        newer = (at for at, ending in enumerate(endings) if int(ending[1]) >= before and at >= gone)
        end = min(next(newer, len(endings)), last + 1 - first)
        if end <= gone or len(endings) != data.count(b"\n", start):
            return None
        messages = sum(ending[2] == b"message.create" for ending in endings[gone:end])
        begin = endings[gone - 1].end() if gone else start
        return PurgePrefix(first + end - 1, end - gone, messages, endings[end - 1].end() - begin)

    def trim(self, shard: Shard) -> None:
        """Removes what is below the cut, and can be repeated. Only under the shard's lock and commit.lock."""
        cut = self.cuts.of(shard)
        numbers = self.numbers(shard)
        for number, after in zip(numbers, numbers[1:], strict=False):
            following = self._next_header(shard, after - 1)
            if following is None:
                return
            if following[0].place.seq > cut + 1:
                self._behead(shard, number, cut)
                return
            self._storage.remove(self.segment(shard, number))
            failpoint("purge.removed")
        self._storage.sync_directory(os.path.dirname(self.segment(shard, 1)))

    def _behead(self, shard: Shard, number: int, cut: int) -> None:
        """Replaces a segment by one that begins behind the cut."""
        own, following = self._next_header(shard, number - 1), self._next_header(shard, number)
        if own is None or following is None or own[0].place.seq > cut:
            return
        told, at = own
        size = self._counted(shard, number, self._storage.size(self.segment(shard, number)), following[0])
        data = self._storage.read(self.segment(shard, number), 0, size)
        before = told.place.before
        while True:
            end = data.index(b"\n", at)
            event = decode(data[at:end])
            if event.seq > cut:
                break
            at, before = end + 1, event.hash
        gone = following[0].previous_length - (size - at)
        place = Place(shard.store, shard.agent, cut + 1, before)
        line = encode_header(place, number, told.previous_length, gone)
        self._storage.replace(self.segment(shard, number), line + data[at:])

    def _beginning(self, shard: Shard, cut: int) -> ShardPosition:
        """Where reading begins: behind the header of the first segment there is, if a purge explains that."""
        numbers = self.numbers(shard) if cut else []
        found = self._next_header(shard, numbers[0] - 1) if numbers else None
        if found is None or found[0].place.seq > cut + 1:
            return ShardPosition()
        told, length = found
        return ShardPosition(told.number, length, told.place.seq - 1, told.place.before)

    def numbers(self, shard: Shard) -> list[int]:
        """The segments of a shard that are there."""
        names = self._storage.listing(os.path.dirname(self.segment(shard, 1)))
        return [int(name[:8]) for name in names if name.endswith(_SUFFIX) and name[:8].isdecimal()]
