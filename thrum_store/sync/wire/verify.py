"""Whether foreign bytes are what follows our copy of a shard. Pure: nothing here touches a disk (reliability §8.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from thrum_store.log.events import (
    EVENT_TYPES,
    LINE_LIMIT,
    Event,
    Header,
    InvalidLine,
    Place,
    authentic,
    belongs,
    canonical,
    decode,
    decode_header,
)
from thrum_store.log.segments import HEADER_LIMIT, Shard, ShardPosition, length_before_purge, remaining

from .refusal import AdmissionError
from .signed_heads import SignedEnd

NOTHING = ShardPosition()
TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.log.events import Parser


class Piece(NamedTuple):
    """Bytes that go to the end of a segment, at `start`; `head` is where the shard ends then."""

    number: int
    start: int
    data: bytes
    head: ShardPosition
    events: int


def extension(
    shard: Shard, head: ShardPosition, ours: bytes, blobs: Mapping[int, bytes], goal: SignedEnd, parse: Parser
) -> list[Piece]:
    """What has to be added to our copy, which ends at `head`, to reach the signed `goal`.

    `ours` is our copy of the segment that `head` is in, up to it; `blobs` are the foreign segments from there on.
    Raises Refusal where anything of it is not exactly what the shard's own store signed.
    """
    start = head.offset
    if not head.segment:
        start = 0
        head = head._replace(segment=1, offset=_header(_blob(blobs, 1), _after(shard, head), 1, 0))
    elif _blob(blobs, head.segment)[: head.offset] != ours:
        raise AdmissionError("diverged", f"segment {head.segment} differs from our copy")
    return [piece for piece in _walk(shard, head, start, blobs, VerifyLimit(goal), parse) if piece.data]


def succession(
    shard: Shard, known: ShardPosition, blobs: Mapping[int, bytes], goal: SignedEnd, cut: int, parse: Parser
) -> list[Piece]:
    """A whole shard of which everything up to `cut` was purged, in place of our copy, which ends at `known`.

    Raises Refusal as `extension` does, and where it is not the continuation of what we have.
    """
    first = min(blobs, default=0)
    told, length = _told(_blob(blobs, first))
    _check_canonical(blobs[first][: length - 1])
    if told.place[:2] != shard or told.number != first or not 1 <= told.place.seq <= cut + 1:
        raise AdmissionError("missing", f"event {cut + 1} is missing")
    head = ShardPosition(first, length, told.place.seq - 1, told.place.before)
    if head.seq == known.seq and head.hash != known.hash:
        raise AdmissionError("diverged", f"event {known.seq} differs from our copy")
    return _walk(shard, head, 0, blobs, VerifyLimit(goal, known), parse)


class VerifyLimit(NamedTuple):
    """How far to go, and an event on the way that is known already."""

    goal: SignedEnd
    known: ShardPosition = NOTHING


def _walk(
    shard: Shard, head: ShardPosition, start: int, blobs: Mapping[int, bytes], reach: VerifyLimit, parse: Parser
) -> list[Piece]:
    """Checks everything from `head`, whose segment is there, up to the goal; the first piece begins at `start`."""
    pieces: list[Piece] = []
    goal = reach.goal
    while True:
        blob, number = _blob(blobs, head.segment), head.segment
        end = _counted(blobs, number) if number < goal.segment else None
        at, head, events = _lines(blob, head.offset, end, _after(shard, head), reach, parse)
        head = head._replace(segment=number)
        pieces.append(Piece(number, start, blob[start:at], head, events))
        if number >= goal.segment:
            break
        begin = _header(_blob(blobs, number + 1), _after(shard, head), number + 1, length_before_purge(_told(blob), at))
        start, head = 0, ShardPosition(number + 1, begin, head.seq, head.hash)
    if (head.seq, head.hash) != (goal.seq, goal.hash):
        raise AdmissionError("heads", f"event {head.seq} is not the end that its store signed")
    return pieces


def _after(shard: Shard, head: ShardPosition) -> Place:
    return Place(shard.store, shard.agent, head.seq + 1, head.hash)


def _blob(blobs: Mapping[int, bytes], number: int) -> bytes:
    if number not in blobs:
        raise AdmissionError("missing", f"segment {number} is missing")
    return blobs[number]


def _told(blob: bytes) -> tuple[Header, int]:
    """Return the header of a segment and its length."""
    try:
        return decode_header(blob[:HEADER_LIMIT])
    except InvalidLine as error:
        raise AdmissionError("header", f"the header of a segment: {error}") from error


def _header(blob: bytes, place: Place, number: int, length: int) -> int:
    """Checks the header of segment `number`, which must continue at `place`; returns its length."""
    told, end = _told(blob)
    if told != Header(number, place, length):
        raise AdmissionError("diverged", f"segment {number} does not continue what is before it")
    _check_canonical(blob[: end - 1])
    return end


def _counted(blobs: Mapping[int, bytes], number: int) -> int:
    """Return how many bytes of a segment count, as the next one says."""
    following, _ = _told(_blob(blobs, number + 1))
    counted = remaining(_told(blobs[number]), following)
    if not 0 <= counted <= len(blobs[number]):
        raise AdmissionError("missing", f"segment {number} is shorter than the next one says")
    return counted


def _lines(
    blob: bytes, at: int, end: int | None, place: Place, reach: VerifyLimit, parse: Parser
) -> tuple[int, ShardPosition, int]:
    """Checks lines from `at` up to `end`, or up to the goal's sequence; where they end, the last event, how many."""
    events = 0
    while place.seq <= reach.goal.seq if end is None else at < end:
        newline = blob.find(b"\n", at)
        if newline < 0 or newline - at > LINE_LIMIT:
            raise AdmissionError("line", f"event {place.seq} is not there, or does not end")
        event = admissible(blob[at:newline], place, parse)
        if event.seq == reach.known.seq and event.hash != reach.known.hash:
            raise AdmissionError("diverged", f"event {event.seq} differs from our copy")
        place = place._replace(seq=place.seq + 1, before=event.hash)
        at, events = newline + 1, events + 1
    if end is not None and at != end:
        raise AdmissionError("header", "a segment ends within a line")
    return at, ShardPosition(0, at, place.seq - 1, place.before), events


def admissible(line: bytes, place: Place, parse: Parser) -> Event:
    """The event in a foreign line that must stand at `place`; raises Refusal."""
    try:
        event = decode(line, parse)
    except InvalidLine as error:
        raise AdmissionError("line", f"event {place.seq}: {error}") from error
    if (event.store, event.agent) != (place.store, place.agent):
        raise AdmissionError("place", f"event {place.seq} belongs to another shard")
    if (event.seq, event.before) != (place.seq, place.before):
        raise AdmissionError("chain", f"event {event.seq} does not follow event {place.seq - 1}")
    _check_canonical(line)
    own = authentic(event) if event.type in EVENT_TYPES else belongs(event.id, *place[:3])
    if not own:
        raise AdmissionError("id", f"event {event.seq} carries an id that is not its own")
    return event


def _check_canonical(line: bytes) -> None:
    """One meaning, one way to write it: no repeated key, no odd number, nothing hidden between the tokens."""
    try:
        same = canonical(json.loads(line)) == line
    except (ValueError, RecursionError) as error:
        raise AdmissionError("line", f"a line is not strict JSON: {error}") from error
    if not same:
        raise AdmissionError("line", "a line is not written in the one way that counts")
