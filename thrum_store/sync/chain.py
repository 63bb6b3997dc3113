"""Whether foreign bytes are what follows our copy of a shard. Pure: nothing here touches a disk (reliability §8.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from ..events import KINDS, LINE_LIMIT, Broken, Event, Parser, Place, authentic, decode, header
from ..ids import belongs
from ..log import Head, Shard
from .heads import Goal
from .refusal import Refusal

_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Piece(NamedTuple):
    """Bytes that go to the end of a segment, at `start`; `head` is where the shard ends then."""

    number: int
    start: int
    data: bytes
    head: Head
    events: int


def extension(
    shard: Shard, head: Head, ours: bytes, blobs: Mapping[int, bytes], goal: Goal, parse: Parser
) -> list[Piece]:
    """What has to be added to our copy, which ends at `head`, to reach the signed `goal`.

    `ours` is our copy of the segment that `head` is in, up to it; `blobs` are the foreign segments from there on.
    Raises Refusal where anything of it is not exactly what the shard's own store signed.
    """
    pieces: list[Piece] = []
    for number in range(max(head.segment, 1), goal.segment + 1):
        blob = _blob(blobs, number)
        if number == head.segment:
            if blob[: head.offset] != ours:
                raise Refusal("diverged", f"segment {number} differs from our copy")
            start = begin = head.offset
        else:
            start, begin = 0, _header(blob, _after(shard, head), number, head.offset)
        end = _counted(blobs, number) if number < goal.segment else None
        reached = _lines(blob, begin, end, _after(shard, head), goal, parse)
        head = Head(number, reached[0], reached[1].seq - 1, reached[1].before)
        pieces.append(Piece(number, start, blob[start : head.offset], head, reached[2]))
    if (head.seq, head.hash) != (goal.seq, goal.hash):
        raise Refusal("heads", f"event {head.seq} is not the end that its store signed")
    return [piece for piece in pieces if piece.data]


def _after(shard: Shard, head: Head) -> Place:
    return Place(shard.store, shard.agent, head.seq + 1, head.hash)


def _blob(blobs: Mapping[int, bytes], number: int) -> bytes:
    if number not in blobs:
        raise Refusal("missing", f"segment {number} is missing")
    return blobs[number]


def _first_line(blob: bytes) -> Event:
    line, newline, _ = blob[:1024].partition(b"\n")
    if not newline:
        raise Refusal("header", "a segment has no header")
    try:
        return decode(line)
    except Broken as error:
        raise Refusal("header", f"the header of a segment: {error}") from error


def _header(blob: bytes, place: Place, number: int, length: int) -> int:
    """Checks the header of segment `number`, which must continue at `place`; returns its length."""
    event = _first_line(blob)
    try:
        told = header(event)
    except (Broken, KeyError) as error:
        raise Refusal("header", f"the header of segment {number}: {error}") from error
    if (told.place, told.number, told.previous_length) != (place, number, length):
        raise Refusal("diverged", f"segment {number} does not continue our copy")
    end = blob.index(b"\n")
    _check_canonical(blob[:end])
    return end + 1


def _counted(blobs: Mapping[int, bytes], number: int) -> int:
    """How many bytes of a segment count, as the next one says."""
    try:
        counted = header(_first_line(_blob(blobs, number + 1))).previous_length
    except (Broken, KeyError) as error:
        raise Refusal("header", f"the header of segment {number + 1}: {error}") from error
    if not isinstance(counted, int) or not 0 <= counted <= len(blobs[number]):
        raise Refusal("missing", f"segment {number} is shorter than the next one says")
    return counted


def _lines(blob: bytes, at: int, end: int | None, place: Place, goal: Goal, parse: Parser) -> tuple[int, Place, int]:
    """Checks lines from `at` up to `end`, or up to the goal's sequence; where they end, what is next, how many."""
    events = 0
    while place.seq <= goal.seq if end is None else at < end:
        newline = blob.find(b"\n", at)
        if newline < 0 or newline - at > LINE_LIMIT:
            raise Refusal("line", f"event {place.seq} is not there, or does not end")
        event = admissible(blob[at:newline], place, parse)
        place = place._replace(seq=place.seq + 1, before=event.hash)
        at, events = newline + 1, events + 1
    if end is not None and at != end:
        raise Refusal("header", "a segment ends within a line")
    return at, place, events


def admissible(line: bytes, place: Place, parse: Parser) -> Event:
    """The event in a foreign line that must stand at `place`; raises Refusal."""
    try:
        event = decode(line, parse)
    except Broken as error:
        raise Refusal("line", f"event {place.seq}: {error}") from error
    if (event.store, event.agent) != (place.store, place.agent):
        raise Refusal("place", f"event {place.seq} belongs to another shard")
    if (event.seq, event.before) != (place.seq, place.before):
        raise Refusal("chain", f"event {event.seq} does not follow event {place.seq - 1}")
    _check_canonical(line)
    own = authentic(event) if event.kind in KINDS else belongs(event.id, *place[:3])
    if not own:
        raise Refusal("id", f"event {event.seq} carries an id that is not its own")
    return event


def _check_canonical(line: bytes) -> None:
    """One meaning, one way to write it: no repeated key, no odd number, nothing hidden between the tokens."""
    try:
        same = _CANONICAL.encode(json.loads(line)).encode() == line
    except (ValueError, RecursionError) as error:
        raise Refusal("line", f"a line is not strict JSON: {error}") from error
    if not same:
        raise Refusal("line", "a line is not written in the one way that counts")
