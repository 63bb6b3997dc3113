"""The logs: append-only files, each written by its own store alone.

A shard is a chain of segments, `v1/<store>/<agent>/00000001-<8 hex>.jsonl`; each header counts the bytes before it.
"""

from __future__ import annotations

import os
from itertools import accumulate

from thrum_store.errors import Invalid, StorageFailed, ThrumError
from thrum_store.machine.host import Displaced, failpoint
from thrum_store.values import NamedTuple

from .events import (
    GENESIS,
    HEADER_LIMIT,
    LINE_LIMIT,
    InvalidLine,
    Place,
    decode,
    decode_header,
    encode,
    encode_header,
    fingerprint,
    plain_parser,
    survives,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Storage

    from .events import Draft, Event, Header, Parser
    from .second_copies import SecondCopies

SEGMENT_LIMIT = 64 * 1024  # bytes: a sync moves whole files, so it costs what changed only while those are small
_file_names: dict[tuple[str, int], str] = {}  # the names made last: each look at a log needs two


def _file_name(agent: str, number: int) -> str:
    """Return the file name of a segment."""
    if len(_file_names) >= 4096:
        _file_names.clear()
    name = f"{number:08}-{fingerprint(f'{agent}/{number}'.encode())[:8]}.jsonl"
    _file_names[agent, number] = name
    return name


class Shard(NamedTuple):
    """The log of one agent in one store."""

    store: str
    agent: str


class ShardPosition(NamedTuple):
    """A position in a shard: a segment, the bytes read of it, and the last event read."""

    segment: int = 0
    offset: int = 0
    seq: int = 0
    hash: str = GENESIS


class Reading(NamedTuple):
    """The events that follow a position within one segment.

    `start`, `ends`: the offsets of the first event and after each. `head`: the position behind them. `torn`: bytes at
    the end that were never acknowledged. `damage`: why the rest cannot be read.
    """

    events: list[Event]
    ends: list[int]
    head: ShardPosition
    start: int = 0
    torn: int = 0
    damage: str = ""


class EventLog:
    """All shards below one directory."""

    def __init__(self, root: str, storage: Storage, copies: str = "") -> None:
        self.root = root
        self.storage = storage
        self.copies = copies  # the directory of the second copies of our own segments; empty for none

    @property
    def second_copies(self) -> SecondCopies:
        """The second copies of our own segments."""
        from .second_copies import SecondCopies  # where all is well, a segment needs them once in 64 KiB

        return SecondCopies(self.root, self.copies, self.storage)

    def shards(self) -> list[Shard]:
        """Return every shard that has a directory, sorted."""
        shards: list[Shard] = []
        for store in self.storage.listing(self.root):
            agents = self.storage.listing(os.path.join(self.root, store))
            shards += [Shard._make((store, agent)) for agent in agents if "." not in agent]
        return shards

    def segment(self, shard: Shard, number: int) -> str:
        """Return the path of a segment. Its name ends in a hash: git finds deltas by the last 16 characters."""
        name = _file_names.get((shard.agent, number)) or _file_name(shard.agent, number)
        return f"{self.root}/{shard.store}/{shard.agent}/{name}"

    def grew(self, shard: Shard, head: ShardPosition) -> bool:
        """Return whether the shard holds anything beyond `head`: two stats, no read."""
        if head.segment and self.storage.size(self.segment(shard, head.segment)) != head.offset:
            return True
        return self.storage.size(self.segment(shard, head.segment + 1)) >= 0

    # reading

    def read(self, shard: Shard, head: ShardPosition, parse: Parser = plain_parser) -> Reading:
        """Read the events that follow `head` in one segment; call again until there are none.

        Never raises for the contents of a file: `Reading.torn` and `Reading.damage` report them.
        """
        if head.segment:
            reading = self._read_rest(shard, head, parse)
            if reading.events or reading.torn or reading.damage:
                return reading
        return self._read_next(shard, head, parse)

    def _read_next(self, shard: Shard, head: ShardPosition, parse: Parser) -> Reading:
        expected, number = _place_after(shard, head), head.segment + 1
        header_read = self.header(shard, number)
        if header_read is None:
            # Nothing follows a header that is not durable: a file longer than its header held events and has rotted.
            whole = len(encode_header(expected, number, head.offset))
            rotten = self.storage.size(self.segment(shard, number)) > whole
            return Reading([], [], head, damage=f"segment {number} has no header" if rotten else "")
        header, length = header_read
        if header.place != expected or header.number != number:
            return Reading([], [], head, damage=f"segment {number} does not continue the chain")
        return self._read_rest(shard, ShardPosition(number, length, head.seq, head.hash), parse)

    def _read_rest(self, shard: Shard, head: ShardPosition, parse: Parser) -> Reading:
        path = self.segment(shard, head.segment)
        size = self.storage.size(path)
        following = self.header(shard, head.segment + 1)
        end = size if following is None else self.counted(shard, head.segment, following[0], size)
        if size < max(head.offset, end):
            return Reading([], [], head, damage=f"{os.path.basename(path)} is shorter than what was read from it")
        if end <= head.offset:
            return Reading([], [], head)
        reading = chained(self.storage.read(path, head.offset, end - head.offset), shard, head, parse)
        if reading.torn and following is not None:
            return reading._replace(torn=0, damage=f"{os.path.basename(path)} breaks off before its end")
        return reading

    def counted(self, shard: Shard, number: int, following: Header, size: int) -> int:
        """Return how many bytes of a segment count, as the header of the `following` one says.

        A purged segment has what the purge left of them. Pass the file's `size` to avoid reading its header.
        """
        own = self.header(shard, number) if size < following.previous_length else None
        return remaining(own, following) if own else following.previous_length

    def header(self, shard: Shard, number: int) -> tuple[Header, int] | None:
        """Return the header of a segment and its length, or None if it is missing or not whole."""
        try:
            return decode_header(self.storage.read(self.segment(shard, number), 0, HEADER_LIMIT))
        except (FileNotFoundError, InvalidLine):
            return None

    def numbers(self, shard: Shard) -> list[int]:
        """Return the numbers of the segments that a shard has."""
        return segment_numbers(self.storage.listing(os.path.dirname(self.segment(shard, 1))))

    # writing

    def sync(self, shard: Shard, head: ShardPosition, before: ShardPosition) -> None:
        """Make everything between `before` and `head` durable; nobody may see it earlier."""
        if head.segment:
            path = self.segment(shard, head.segment)
            self.storage.sync(path)
            if head.segment != before.segment:  # its name too: its writer may have died before
                self.storage.sync_directory(os.path.dirname(path))

    def append(self, shard: Shard, head: ShardPosition, drafts: list[Draft], ms: int) -> Reading:
        """Append `drafts` at `head`, which must be the end of the shard; fsynced on return.

        Only under the shard's lock. Returns the reading of them at `head`. Raises Invalid, DiskFull or
        StorageFailed: then none was appended.
        """
        return self.append_dated(shard, head, drafts, [ms] * len(drafts))

    def append_dated(self, shard: Shard, head: ShardPosition, drafts: list[Draft], times: list[int]) -> Reading:
        """Append `drafts` as `append` does, each with its own time."""
        lines, events = _encoded(shard, head, drafts, times)
        head = self._open_segment(shard, head)
        failpoint("append.begin")
        self._write(shard, head, b"".join(lines))
        failpoint("append.durable")
        ends = list(accumulate(map(len, lines), initial=head.offset))[1:]
        end = ShardPosition(head.segment, ends[-1], events[-1].seq, events[-1].hash)
        return Reading(events, ends, end, head.offset)

    def _write(self, shard: Shard, head: ShardPosition, data: bytes) -> None:
        path = self.segment(shard, head.segment)
        try:
            try:
                self.storage.append(path, data, head.offset, 2 if self.copies else 1)
            except Displaced:  # somebody removed or replaced the file, or it has no second copy yet
                names = self.second_copies.settle(os.path.dirname(path))
                self.storage.append(path, data, head.offset, names)
        except StorageFailed as error:
            if error.unsynced:
                self._abandon_segment(shard, head)
            raise

    def _open_segment(self, shard: Shard, head: ShardPosition) -> ShardPosition:
        if head.segment and head.offset < SEGMENT_LIMIT:
            return head
        return self.begin_segment(shard, head)

    def begin_segment(self, shard: Shard, head: ShardPosition) -> ShardPosition:
        """Begin the next segment at `head`, which must be the end of the shard. Only under the shard's lock."""
        number = head.segment + 1
        path = self.segment(shard, number)
        line = encode_header(_place_after(shard, head), number, head.offset)
        self.storage.directory(os.path.dirname(path))
        if self.copies:
            self.second_copies.check_lost(path)
        try:
            self.storage.create(path, line)
        except FileExistsError:  # begun by a process that died before its header was whole
            self.storage.truncate(path, 0)
            self.storage.append(path, line)
            self.storage.sync_directory(os.path.dirname(path))
        failpoint("segment.created")
        if self.copies:
            self.second_copies.keep(path)
        return ShardPosition(number, len(line), head.seq, head.hash)

    def _abandon_segment(self, shard: Shard, head: ShardPosition) -> None:
        """Continue in a new segment after a failed sync, because the disk's content is unknown; else truncate."""
        try:
            self.begin_segment(shard, head)
        except ThrumError:
            self.storage.truncate(self.segment(shard, head.segment), head.offset)


def segment_numbers(names: list[str]) -> list[int]:
    """Return the numbers of the segments among file names."""
    return [int(name[:8]) for name in names if name.endswith(".jsonl") and name[:8].isdecimal()]


def remaining(own: tuple[Header, int], following: Header) -> int:
    """Return how many bytes of a segment count: its header and length are `own`, the next one's header `following`."""
    header, length = own
    return length + following.previous_length - header.purged if header.purged else following.previous_length


def length_before_purge(own: tuple[Header, int], counted: int) -> int:
    """Return how many bytes of a segment counted before a purge, given how many do now: the inverse of `remaining`."""
    header, length = own
    return counted - length + header.purged if header.purged else counted


def _place_after(shard: Shard, head: ShardPosition) -> Place:
    return Place(shard.store, shard.agent, head.seq + 1, head.hash)


def _encoded(
    shard: Shard, head: ShardPosition, drafts: list[Draft], times: list[int]
) -> tuple[list[bytes], list[Event]]:
    lines: list[bytes] = []
    events: list[Event] = []
    place = _place_after(shard, head)
    for draft, ms in zip(drafts, times, strict=True):
        line, event = encode(draft, place, ms)
        if len(line) > LINE_LIMIT:
            raise Invalid(
                f"this takes {len(line):,} bytes in the log; {LINE_LIMIT:,} fit",
                hint="put it in a file and send the path",
            )
        if not survives(draft, line):
            raise Invalid("the structured data holds too large a number or is too deep", hint="send it as text")
        lines.append(line)
        events.append(event)
        place = Place(shard.store, shard.agent, event.seq + 1, event.hash)
    return lines, events


def chained(data: bytes, shard: Shard, head: ShardPosition, parse: Parser) -> Reading:
    """Return the events of consecutive lines that begin at `head`."""
    events: list[Event] = []
    ends: list[int] = []
    at = 0
    seq, previous = head.seq, head.hash
    damage = "the last line does not end"
    while (end := data.find(b"\n", at)) >= 0:
        try:
            event = _next_event(data[at:end], shard, seq, previous, parse)
        except InvalidLine as error:
            damage = str(error)
            break
        at, seq, previous = end + 1, event.seq, event.hash
        events.append(event)
        ends.append(head.offset + at)
    reading = Reading(events, ends, ShardPosition(head.segment, head.offset + at, seq, previous), head.offset)
    return _stopped(reading, data[at:], shard.agent, damage) if at < len(data) else reading


def _stopped(reading: Reading, rest: bytes, agent: str, damage: str) -> Reading:
    from .torn_tail import was_whole  # only for a log that cannot be read to its end

    if was_whole(rest, agent):
        return reading._replace(damage=damage)
    return reading._replace(torn=len(rest))


def _next_event(line: bytes, shard: Shard, seq: int, previous: str, parse: Parser) -> Event:
    event = decode(line, parse)
    if event.seq != seq + 1 or event.before != previous:
        raise InvalidLine(f"event {event.seq} does not follow event {seq}")
    if event.store != shard.store or event.agent != shard.agent:
        raise InvalidLine(f"event {event.seq} belongs to another shard")
    return event
