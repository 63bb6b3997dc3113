"""Verification of foreign segments against our copy of a shard; pure, without any disk."""

from __future__ import annotations

from collections.abc import Mapping

from thrum_store import values
from thrum_store.log.events import (
    EVENT_TYPES,
    HEADER_LIMIT,
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
from thrum_store.log.segments import Shard, ShardPosition, length_before_purge, remaining
from thrum_store.values import NamedTuple

from .signed_heads import AdmissionError, SignedEnd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.log.events import Parser

START = ShardPosition()


class Piece(NamedTuple):
    """Bytes to put into a segment at `start`; `head` is the end of the shard after them."""

    number: int
    start: int
    data: bytes
    head: ShardPosition
    events: int


class VerifyLimit(NamedTuple):
    """The signed end to reach, and a position on the way whose event is known already."""

    end: SignedEnd
    known: ShardPosition = START


def verify_extension(
    shard: Shard, head: ShardPosition, ours: bytes, blobs: Mapping[int, bytes], end: SignedEnd, parse: Parser
) -> list[Piece]:
    """Return the pieces that extend our copy of a shard from `head` to its signed end.

    `ours` is our copy of the segment of `head`, up to it; `blobs` are the foreign segments from there on.
    Raises AdmissionError if anything differs from what the shard's own store signed.
    """
    start = head.offset
    if not head.segment:
        start = 0
        head = head._replace(segment=1, offset=_verify_header(_blob(blobs, 1), _after(shard, head), 1, 0))
    elif _blob(blobs, head.segment)[: head.offset] != ours:
        raise AdmissionError("diverged", f"segment {head.segment} differs from our copy")
    return [piece for piece in _walk(shard, head, start, blobs, VerifyLimit(end), parse) if piece.data]


def verify_purged(
    shard: Shard, known: ShardPosition, blobs: Mapping[int, bytes], end: SignedEnd, purged: int, parse: Parser
) -> list[Piece]:
    """Return a whole shard, purged up to event `purged`, to replace our copy, which ends at `known`.

    Raises AdmissionError as `verify_extension` does, and if the shard does not continue our copy.
    """
    first = min(blobs, default=0)
    begin, length = _read_header(_blob(blobs, first))
    _check_canonical(blobs[first][: length - 1])
    if begin.place[:2] != shard or begin.number != first or not 1 <= begin.place.seq <= purged + 1:
        raise AdmissionError("missing", f"event {purged + 1} is missing")
    head = ShardPosition(first, length, begin.place.seq - 1, begin.place.before)
    if head.seq == known.seq and head.hash != known.hash:
        raise AdmissionError("diverged", f"event {known.seq} differs from our copy")
    return _walk(shard, head, 0, blobs, VerifyLimit(end, known), parse)


def _walk(
    shard: Shard, head: ShardPosition, start: int, blobs: Mapping[int, bytes], limit: VerifyLimit, parse: Parser
) -> list[Piece]:
    """Verify everything from `head` up to the signed end; the first piece begins at `start`."""
    pieces: list[Piece] = []
    while True:
        blob, number = _blob(blobs, head.segment), head.segment
        size = _counted(blobs, number) if number < limit.end.segment else None
        at, head, events = _verify_lines(blob, head.offset, size, _after(shard, head), limit, parse)
        head = head._replace(segment=number)
        pieces.append(Piece(number, start, blob[start:at], head, events))
        if number >= limit.end.segment:
            break
        length = length_before_purge(_read_header(blob), at)
        offset = _verify_header(_blob(blobs, number + 1), _after(shard, head), number + 1, length)
        start, head = 0, ShardPosition(number + 1, offset, head.seq, head.hash)
    if (head.seq, head.hash) != (limit.end.seq, limit.end.hash):
        raise AdmissionError("heads", f"event {head.seq} is not the end that its store signed")
    return pieces


def _after(shard: Shard, head: ShardPosition) -> Place:
    return Place(shard.store, shard.agent, head.seq + 1, head.hash)


def _blob(blobs: Mapping[int, bytes], number: int) -> bytes:
    if number not in blobs:
        raise AdmissionError("missing", f"segment {number} is missing")
    return blobs[number]


def _read_header(blob: bytes) -> tuple[Header, int]:
    """Return the header of a segment and its length in bytes."""
    try:
        return decode_header(blob[:HEADER_LIMIT])
    except InvalidLine as error:
        raise AdmissionError("header", f"the header of a segment: {error}") from error


def _verify_header(blob: bytes, place: Place, number: int, previous_length: int) -> int:
    """Verify that the header of segment `number` continues at `place`; return its length in bytes."""
    actual, length = _read_header(blob)
    if actual != Header(number, place, previous_length):
        raise AdmissionError("diverged", f"segment {number} does not continue the one before it")
    _check_canonical(blob[: length - 1])
    return length


def _counted(blobs: Mapping[int, bytes], number: int) -> int:
    """Return how many bytes of a segment count, according to the header of the next one."""
    following, _ = _read_header(_blob(blobs, number + 1))
    counted = remaining(_read_header(blobs[number]), following)
    if not 0 <= counted <= len(blobs[number]):
        raise AdmissionError("missing", f"segment {number} is shorter than the next one says")
    return counted


def _verify_lines(
    blob: bytes, at: int, size: int | None, place: Place, limit: VerifyLimit, parse: Parser
) -> tuple[int, ShardPosition, int]:
    """Verify the lines from `at` up to `size`, else up to the signed end.

    Returns the offset after them, the position there and the number of events.
    """
    events = 0
    while place.seq <= limit.end.seq if size is None else at < size:
        newline = blob.find(b"\n", at)
        if newline < 0 or newline - at > LINE_LIMIT:
            raise AdmissionError("line", f"event {place.seq} is missing or does not end")
        event = verify_line(blob[at:newline], place, parse)
        if event.seq == limit.known.seq and event.hash != limit.known.hash:
            raise AdmissionError("diverged", f"event {event.seq} differs from our copy")
        place = place._replace(seq=place.seq + 1, before=event.hash)
        at, events = newline + 1, events + 1
    if size is not None and at != size:
        raise AdmissionError("header", "a segment ends within a line")
    return at, ShardPosition(0, at, place.seq - 1, place.before), events


def verify_line(line: bytes, place: Place, parse: Parser) -> Event:
    """Return the event in a foreign line that must stand at `place`. Raises AdmissionError."""
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
    """Refuse a line with repeated keys, odd numbers or anything hidden between the tokens."""
    try:
        same = canonical(values.loads(line)) == line
    except (ValueError, RecursionError) as error:
        raise AdmissionError("line", f"a line is not strict JSON: {error}") from error
    if not same:
        raise AdmissionError("line", "a line is not canonical JSON")
