"""Events: their types, their ids, and the lines of JSON that hold them.

    {"a": agent, "d": data, "h": own hash, "i": id, "n": sequence, "p": hash of the line before, "s": store,
     "t": milliseconds, "v": 1, "y": type}

Keys are sorted, without spaces, in UTF-8; one newline ends the line. The hash is the first 128 bits of SHA-256 over the
line without `"h"`. An event of an unknown type is kept, published and skipped, never refused.
"""

from __future__ import annotations

from thrum_store import values
from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Data = dict[str, Any]
    Parser = Callable[[bytes], Any]


# --- SHA-256 without OpenSSL: `import hashlib` loads it and costs 7 ms ------------------------------------------------


if TYPE_CHECKING:
    from hashlib import sha256 as sha256
else:
    try:
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256


def fingerprint(data: bytes) -> str:
    """Return the first 128 bits of SHA-256 in hex: 32 characters. They chain the lines of a log."""
    return sha256(data).hexdigest()[:32]


# --- events -----------------------------------------------------------------------------------------------------------
# The table of event types: type -> the prefix of its ids. Its rules stand in view/events/.
EVENT_TYPES = {
    "message.create": "msg_",
    "message.edit": "evt_",
    "message.delete": "evt_",
    "message.read": "evt_",
    "agent.register": "evt_",
    "agent.delete": "evt_",
    "session.start": "ses_",
    "session.end": "evt_",
    "group.create": "grp_",
    "group.delete": "evt_",
    "group.member.add": "evt_",
    "group.member.remove": "evt_",
}
VERSION = 1
DEPTH = 64  # levels of nesting that a line may have: every parser takes that many
HEADER_LIMIT = 1024  # bytes
LINE_LIMIT = 2 * 1024 * 1024  # bytes
TIMES = 1 << 53  # milliseconds: what every parser and SQLite hold exactly
GENESIS = "0" * 32  # the hash before the first line of a shard
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_LIMIT = 1 << 48
_ENVELOPE = (str, str, int, str, int, str, str, dict, str)


class Draft(NamedTuple):
    """An event that is to be appended: its type and data."""

    type: str
    data: Data


class Event(NamedTuple):
    """An event with its place in the log."""

    store: str
    agent: str
    seq: int
    before: str
    ms: int
    type: str
    id: str
    data: Data
    hash: str


class Place(NamedTuple):
    """The place of the next line of a chain: its shard, its sequence and the hash before it."""

    store: str
    agent: str
    seq: int
    before: str


class Header(NamedTuple):
    """The first line of a segment: its number, the place of its first event, and how much counts of the one before.

    `previous_length`: bytes that count of the segment before. `purged`: bytes that counted in this one and are gone,
    its first header among them.
    """

    number: int
    place: Place
    previous_length: int
    purged: int = 0


class InvalidLine(ValueError):
    """A line that does not fit the chain; `str()` gives the reason."""


def mint(prefix: str, ms: int, store: str, agent: str, seq: int) -> str:
    """Return the id of event `seq` of a shard: the prefix and 26 characters that look like a ULID.

    The first 10 are a time, for people's eyes only. The last 16 are 80 bits of SHA-256 over (store, agent, sequence):
    an id follows from its event's place, so nobody can mint another's, and anybody can verify it. Nothing sorts by it.
    """
    tail = int.from_bytes(sha256(f"{store}/{agent}/{seq}".encode()).digest()[:10], "big")
    return prefix + _base32(max(ms, 0) % _TIME_LIMIT, 10) + _base32(tail, 16)


def _base32(number: int, length: int) -> str:
    return "".join([_CROCKFORD[number >> shift & 31] for shift in range(5 * length - 5, -1, -5)])


def belongs(identifier: str, store: str, agent: str, seq: int) -> bool:
    """Return whether `identifier` can only have been minted for that place."""
    return identifier[-16:] == mint("", 0, store, agent, seq)[-16:]


def authentic(event: Event) -> bool:
    """Return whether an event of a known type carries the id of its own place and time."""
    return event.id == mint(EVENT_TYPES[event.type], event.ms, event.store, event.agent, event.seq)


def thread_of(message_id: str) -> str:
    """Return the id of the thread that a message starts."""
    return "thr_" + message_id[4:]


def original(event: Event) -> Event:
    """Return the event; a carried-forward one gets the id and time of its purged original."""
    if "again" not in event.data:
        return event
    seq, ms = event.data["again"]
    return event._replace(ms=ms, id=mint(EVENT_TYPES[event.type], ms, event.store, event.agent, seq))


def canonical(value: object) -> bytes:
    """Encode a value as canonical JSON: sorted keys, no spaces, UTF-8. Raises ValueError for half a surrogate pair."""
    return values.canonical(value).encode()


def encode(draft: Draft, place: Place, ms: int) -> tuple[bytes, Event]:
    """Return the line (with its newline) of `draft` at `place`, and the event."""
    store, agent, seq, before = place
    type, data = draft
    identifier = mint(EVENT_TYPES[type], ms, store, agent, seq)
    fields: Data = {
        "a": agent, "d": data, "i": identifier, "n": seq, "p": before, "s": store, "t": ms, "v": VERSION, "y": type,
    }  # fmt: skip
    line, own = _hashed(fields)
    return line, tuple.__new__(Event, (store, agent, seq, before, ms, type, identifier, data, own))


def encode_header(place: Place, number: int, previous_length: int, purged: int = 0) -> bytes:
    """Return the first line of a segment (with its newline); for the arguments see `Header`."""
    data = {"first": place.seq, "length": previous_length, "segment": number}
    fields: Data = {
        "a": place.agent, "d": {**data, "purged": purged} if purged else data, "i": "",
        "n": 0, "p": place.before, "s": place.store, "t": 0, "v": VERSION, "y": "segment",
    }  # fmt: skip
    return _hashed(fields)[0]


def _hashed(fields: Data) -> tuple[bytes, str]:
    """Return the line with its own hash put in, and the hash."""
    body = canonical(fields)
    own = fingerprint(body)
    at = body.rindex(b',"i":"')
    return b'%b,"h":"%b"%b\n' % (body[:at], own.encode(), body[at:]), own


def survives(draft: Draft, line: bytes) -> bool:
    """Return whether decoding the line gives the draft again: parsers disagree about some numbers and depths."""
    if "structured" not in draft.data:
        return True
    try:
        return canonical(decode(line[:-1]).data) == canonical(draft.data)
    except InvalidLine:
        return False


def fast_parser() -> Parser:
    """Return a parser for thousands of lines. It takes 30 ms to load, so a single send does without."""
    from orjson import loads

    return loads


def plain_parser(line: bytes) -> Any:
    """Parse a line exactly as `fast_parser` does, refusals included: read live or in a rebuild, it means the same."""
    raw = _PLAIN(line.decode())
    if b"\\u" in line:
        canonical(raw)  # refuses half a surrogate pair
    return raw


def _integer(text: str) -> int | float:
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 64 else _number(text)


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


_PLAIN = values.checking_decoder(_integer, _number, _constant)


def own_hash(line: bytes) -> str:
    """Return the verified hash of a line (without newline), or an empty text: then no writer finished it."""
    at = line.rfind(b',"h":"')
    if at < 0:
        return ""
    own = fingerprint(line[:at] + line[at + 39 :])
    return own if line.startswith(own.encode(), at + 6) else ""


def decode(line: bytes, parse: Parser = plain_parser) -> Event:
    """Return the event in a whole line (without newline), its hash verified. Raises InvalidLine."""
    own = own_hash(line)
    if not own:
        raise InvalidLine("the line does not match its own hash")
    try:
        raw = parse(line)
        if raw["v"] != VERSION:
            raise InvalidLine(f"format {raw['v']} is newer than this thrum")
        event = tuple.__new__(
            Event, (raw["s"], raw["a"], raw["n"], raw["p"], raw["t"], raw["y"], raw["i"], raw["d"], own)
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InvalidLine(str(error)) from error
    if tuple(map(type, event)) != _ENVELOPE or abs(event.ms) > TIMES:
        raise InvalidLine("its envelope is malformed")
    if line.count(b"{") + line.count(b"[") > DEPTH and not _shallow(event.data):
        raise InvalidLine(f"it is nested deeper than {DEPTH} levels")
    return event


def _shallow(data: Any) -> bool:
    """Return whether data is nested in less than DEPTH levels."""
    level: list[Any] = [data]
    for _ in range(DEPTH - 1):
        inside = [item.values() if item.__class__ is dict else item for item in level]
        level = [item for items in inside for item in items if item.__class__ in (dict, list)]
        if not level:
            return True
    return False


def decode_header(start: bytes) -> tuple[Header, int]:
    """Return the header at the start of a segment and its length in bytes. Raises InvalidLine if it has no header."""
    line, newline, _ = start.partition(b"\n")
    event = decode(line) if newline else None
    if event is None or event.type != "segment":
        raise InvalidLine("the segment does not begin with its header")
    first, number, length, purged = (
        _count(event.data.get(field, default))
        for field, default in (("first", None), ("segment", None), ("length", None), ("purged", 0))
    )
    return Header(number, Place(event.store, event.agent, first, event.before), length, purged), len(line) + 1


def _count(value: object) -> int:
    if type(value) is int and 0 <= value < TIMES:
        return value
    raise InvalidLine("the header of the segment is malformed")
