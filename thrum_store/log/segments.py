"""The logs: append-only files, each written by its own store alone.

A shard is a chain of segments, `v1/<store>/<agent>/00000001-<8 hex>.jsonl`; each header counts the bytes before it.
"""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from thrum_store.errors import Invalid, StorageFailed, ThrumError
from thrum_store.machine.digest import fingerprint
from thrum_store.machine.storage import Storage, failpoint

from .events import (
    GENESIS,
    LINE_LIMIT,
    Draft,
    Event,
    Header,
    InvalidLine,
    Parser,
    Place,
    decode,
    encode,
    encode_header,
    faithful,
    header,
    plain_parser,
    sealed,
)

# A sync costs what changed only where the files that changed are small (performance.md, "Git").
SEGMENT_LIMIT = 64 * 1024
_HEADER_LIMIT = 1024
ENDING = rb'"t":(-?[0-9]+),"v":[0-9]+,"y":"([a-z._]+)"}'  # of an event's line: its time and its kind
_ENDING_LIMIT = 96
_END = ENDING + b"$"  # compiled by its first use, which most processes never come to


class Shard(NamedTuple):
    """What one agent says through one store."""

    store: str
    agent: str


class ShardPosition(NamedTuple):
    """How far a shard was read: a segment, the bytes of it, and the last event there."""

    segment: int = 0
    offset: int = 0
    seq: int = 0
    hash: str = GENESIS


class Reading(NamedTuple):
    """What follows a head within one segment.

    `start`, `ends`: the offsets of the first event and after each. `torn` bytes were never acknowledged. `damage`: why.
    """

    events: list[Event]
    ends: list[int]
    head: ShardPosition
    start: int = 0
    torn: int = 0
    damage: str = ""


class EventLog:
    """All shards below one directory."""

    def __init__(self, root: str, storage: Storage) -> None:
        self.root = root
        self._storage = storage

    def shards(self) -> list[Shard]:
        """Every shard that has a directory, sorted."""
        found: list[Shard] = []
        for store in self._storage.listing(self.root):
            inside = os.path.join(self.root, store)
            found += [Shard(store, agent) for agent in self._storage.listing(inside) if "." not in agent]
        return found

    def segment(self, shard: Shard, number: int) -> str:
        """The path of a segment. Its name ends in something of its own: git finds deltas by the last 16 characters."""
        return f"{self.root}/{shard.store}/{shard.agent}/{_file_name(shard.agent, number)}"

    def grew(self, shard: Shard, head: ShardPosition) -> bool:
        """Whether anything is there that `head` does not cover: two looks, no read."""
        if head.segment and self._storage.size(self.segment(shard, head.segment)) != head.offset:
            return True
        return self._storage.size(self.segment(shard, head.segment + 1)) >= 0

    def read(self, shard: Shard, head: ShardPosition, parse: Parser = plain_parser) -> Reading:
        """The events that follow `head`, of one segment; call again until there are none. Never raises for what is
        in the file: `Reading.torn` and `Reading.damage` say it."""
        if head.segment:
            reading = self._read_rest(shard, head, parse)
            if reading.events or reading.torn or reading.damage:
                return reading
        return self._read_next(shard, head, parse)

    def _read_next(self, shard: Shard, head: ShardPosition, parse: Parser) -> Reading:
        expected = Place(shard.store, shard.agent, head.seq + 1, head.hash)
        found = self._next_header(shard, head.segment)
        if found is None:
            # Nothing follows a header that was not durable yet, so what is longer than one was said and has rotted.
            whole = len(encode_header(expected, head.segment + 1, head.offset))
            rotten = self._storage.size(self.segment(shard, head.segment + 1)) > whole
            return Reading([], [], head, damage=f"segment {head.segment + 1} has no header" if rotten else "")
        told, length = found
        if told.place != expected or told.number != head.segment + 1:
            return Reading([], [], head, damage=f"segment {head.segment + 1} does not continue the chain")
        return self._read_rest(shard, ShardPosition(told.number, length, head.seq, head.hash), parse)

    def _read_rest(self, shard: Shard, head: ShardPosition, parse: Parser) -> Reading:
        path = self.segment(shard, head.segment)
        size = self._storage.size(path)
        following = self._next_header(shard, head.segment)
        counted = size if following is None else self._counted(shard, head.segment, size, following[0])
        if size < max(head.offset, counted):
            return Reading([], [], head, damage=f"{os.path.basename(path)} is shorter than what was read from it")
        if counted <= head.offset:
            return Reading([], [], head)
        data = self._storage.read(path, head.offset, counted - head.offset)
        reading = chained(data, shard, head, parse)
        if reading.torn and following is not None:
            return reading._replace(torn=0, damage=f"{os.path.basename(path)} breaks off before its end")
        return reading

    def _counted(self, shard: Shard, number: int, size: int, following: Header) -> int:
        """How many bytes of a segment count, as the next one says; of a purged one, what is left of them."""
        own = self._next_header(shard, number - 1) if size < following.previous_length else None
        if own is None or not own[0].purged:
            return following.previous_length
        return own[1] + following.previous_length - own[0].purged

    def _next_header(self, shard: Shard, number: int) -> tuple[Header, int] | None:
        """The header of the segment after `number` and its length; None where there is no whole one."""
        try:
            start = self._storage.read(self.segment(shard, number + 1), 0, _HEADER_LIMIT)
        except FileNotFoundError:
            return None
        line, newline, _ = start.partition(b"\n")
        try:
            return (header(decode(line)), len(line) + 1) if newline else None
        except InvalidLine:
            return None

    def repair(self, shard: Shard, reading: Reading, aside: str) -> None:
        """Cuts a torn tail, after a copy of it was put into the directory `aside`. Only under the shard's lock."""
        if not reading.torn:
            return
        path = self.segment(shard, reading.head.segment)
        rest = self._storage.read(path, reading.head.offset)
        self._storage.directory(aside)
        name = f"{shard.agent}-{reading.head.segment}-{reading.head.offset}-{fingerprint(rest)[:8]}"
        self._storage.replace(os.path.join(aside, name), rest)
        self._storage.truncate(path, reading.head.offset)

    def sync(self, shard: Shard, head: ShardPosition, before: ShardPosition) -> None:
        """Makes what was found after `before` durable, before anybody may see it (reliability §0.6)."""
        if head.segment:
            path = self.segment(shard, head.segment)
            self._storage.sync(path)
            if head.segment != before.segment:  # its name too: whoever began it may have died before
                self._storage.sync_directory(os.path.dirname(path))

    def append(self, shard: Shard, head: ShardPosition, drafts: list[Draft], ms: int) -> Reading:
        """Says `drafts` after `head`, which must be the end; durable on return. Only under the shard's lock.

        Returns what a reader at `head` finds now. Raises Invalid, DiskFull or StorageFailed: then none of it was said.
        """
        lines, events = _encoded(shard, head, drafts, ms)
        head = self._open_segment(shard, head)
        failpoint("append.begin")
        self._write(shard, head, b"".join(lines))
        failpoint("append.durable")
        ends = list(accumulate((len(line) for line in lines), initial=head.offset))[1:]
        return Reading(
            events, ends, ShardPosition(head.segment, ends[-1], events[-1].seq, events[-1].hash), head.offset
        )

    def _write(self, shard: Shard, head: ShardPosition, data: bytes) -> None:
        try:
            self._storage.append(self.segment(shard, head.segment), data)
        except StorageFailed as error:
            if error.unsynced:
                self._leave_behind(shard, head)
            raise

    def _open_segment(self, shard: Shard, head: ShardPosition) -> ShardPosition:
        if head.segment and head.offset < SEGMENT_LIMIT:
            return head
        return self.begin_segment(shard, head)

    def begin_segment(self, shard: Shard, head: ShardPosition) -> ShardPosition:
        """Begins the next segment after `head`, which must be the end. Only under the shard's lock."""
        number = head.segment + 1
        path = self.segment(shard, number)
        place = Place(shard.store, shard.agent, head.seq + 1, head.hash)
        line = encode_header(place, number, head.offset)
        self._storage.directory(os.path.dirname(path))
        try:
            self._storage.create(path, line)
        except FileExistsError:  # begun by a process that died before its header was whole
            self._storage.truncate(path, 0)
            self._storage.append(path, line)
            self._storage.sync_directory(os.path.dirname(path))
        failpoint("segment.created")
        return ShardPosition(number, len(line), head.seq, head.hash)

    def _leave_behind(self, shard: Shard, head: ShardPosition) -> None:
        """After a failed sync nobody knows what the disk holds: continue in a new segment, and if that fails, cut."""
        try:
            self.begin_segment(shard, head)
        except ThrumError:
            self._storage.truncate(self.segment(shard, head.segment), head.offset)


def _encoded(shard: Shard, head: ShardPosition, drafts: list[Draft], ms: int) -> tuple[list[bytes], list[Event]]:
    lines: list[bytes] = []
    events: list[Event] = []
    place = Place(shard.store, shard.agent, head.seq + 1, head.hash)
    for draft in drafts:
        line, event = encode(draft, place, ms)
        if len(line) > LINE_LIMIT:
            raise Invalid(
                f"this takes {len(line):,} bytes in the log; {LINE_LIMIT:,} fit",
                hint="put it in a file and send the path",
            )
        if not faithful(draft, line):
            raise Invalid("the structured data holds too large a number or is too deep", hint="send it as text")
        lines.append(line)
        events.append(event)
        place = Place(shard.store, shard.agent, event.seq + 1, event.hash)
    return lines, events


@lru_cache(maxsize=1024)
def _file_name(agent: str, number: int) -> str:
    return f"{number:08}-{fingerprint(f'{agent}/{number}'.encode())[:8]}.jsonl"


def chained(data: bytes, shard: Shard, head: ShardPosition, parse: Parser) -> Reading:
    """The events in lines that stand behind `head`."""
    events: list[Event] = []
    ends: list[int] = []
    start, at = head.offset, 0
    while (end := data.find(b"\n", at)) >= 0:
        try:
            event = _next_event(data[at:end], shard, head, parse)
        except InvalidLine as error:
            return _stopped(Reading(events, ends, head, start), data[at:], shard.agent, str(error))
        at = end + 1
        head = ShardPosition(head.segment, start + at, event.seq, event.hash)
        events.append(event)
        ends.append(head.offset)
    return _stopped(Reading(events, ends, head, start), data[at:], shard.agent, "the last line does not end")


def _next_event(line: bytes, shard: Shard, head: ShardPosition, parse: Parser) -> Event:
    event = decode(line, parse)
    if event.seq != head.seq + 1 or event.before != head.hash:
        raise InvalidLine(f"event {event.seq} does not follow event {head.seq}")
    if event.store != shard.store or event.agent != shard.agent:
        raise InvalidLine(f"event {event.seq} belongs to another shard")
    return event


def _stopped(reading: Reading, rest: bytes, agent: str, why: str) -> Reading:
    """A reading that cannot go on: `rest` is a torn tail, unless a line in it was written whole and has rotted."""
    *lines, unended = rest.split(b"\n")
    begin = b'{"a":"%b","d":{' % agent.encode()
    rotten = any(sealed(line) or _was_whole(line, begin) for line in lines)
    rotten = rotten or (unended[-1:] != b"\0" and bool(sealed(unended[:-1])))  # the newline itself has rotted
    return reading._replace(damage=why) if rotten else reading._replace(torn=len(rest))


def _was_whole(line: bytes, begin: bytes) -> bool:
    """Whether a line that breaks the chain begins and ends as an event does, one flipped bit aside.

    A crash leaves a beginning without an end; a power cut leaves holes of NULs as well.
    """
    tail = line[-_ENDING_LIMIT:]
    if b"\0\0" in line:
        return False
    ends = re.compile(_END).search
    return bool(ends(tail)) or (line.startswith(begin) and any(map(ends, _flipped(tail))))


def _flipped(data: bytes) -> Iterator[bytes]:
    """`data` with each of its bits turned over in turn."""
    for at, byte in enumerate(data):
        for bit in range(8):
            yield b"%b%c%b" % (data[:at], byte ^ (1 << bit), data[at + 1 :])
