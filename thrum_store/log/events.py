"""What happened: one line of JSON per event, and the first line of each segment.

    {"a": agent, "d": data, "h": own hash, "i": id, "n": sequence, "p": hash of the line before, "s": store,
     "t": milliseconds, "v": 1, "y": kind}

Keys sorted, no spaces, UTF-8, ended by one newline (reliability §7). The hash is the first 128 bits of SHA-256 over the
line without `"h"`. A kind we do not know is kept, published and skipped, never refused.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from thrum_store.machine.digest import fingerprint

from .event_types import EVENT_TYPES, TIMES, Data
from .ids import mint

VERSION = 1
DEPTH = 64  # levels of nesting that a line may have: every parser takes that many
LINE_LIMIT = 2 * 1024 * 1024
GENESIS = "0" * 32  # what the first line of a shard names as the line before

_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Draft(NamedTuple):
    """Something to be said: the kind and its data; its place in the log comes when it is said."""

    kind: str
    data: Data


class Event(NamedTuple):
    """Something that was said, with its place in the log."""

    store: str
    agent: str
    seq: int
    before: str
    ms: int
    kind: str
    id: str
    data: Data
    hash: str


class Place(NamedTuple):
    """Where in a chain the next line goes."""

    store: str
    agent: str
    seq: int
    before: str


class InvalidLine(ValueError):
    """Raised when a line is not what the chain needs next; `str()` says why."""


def encode(draft: Draft, place: Place, ms: int) -> tuple[bytes, Event]:
    """The line (newline included) that says `draft` at `place`, and the event it is."""
    identifier = mint(EVENT_TYPES[draft.kind], ms, place.store, place.agent, place.seq)
    fields: Data = {
        "a": place.agent, "d": draft.data, "i": identifier, "n": place.seq, "p": place.before,
        "s": place.store, "t": ms, "v": VERSION, "y": draft.kind,
    }  # fmt: skip
    line, own = _sealed(fields)
    return line, Event(place.store, place.agent, place.seq, place.before, ms, draft.kind, identifier, draft.data, own)


def encode_header(place: Place, number: int, previous_length: int, purged: int = 0) -> bytes:
    """The first line of segment `number`: which event comes next, and how much of the segment before counts.

    `purged` bytes of what counted in this one are gone, its first header among them.
    """
    told = {"first": place.seq, "length": previous_length, "segment": number}
    fields: Data = {
        "a": place.agent, "d": {**told, "purged": purged} if purged else told, "i": "",
        "n": 0, "p": place.before, "s": place.store, "t": 0, "v": VERSION, "y": "segment",
    }  # fmt: skip
    return _sealed(fields)[0]


def _sealed(fields: Data) -> tuple[bytes, str]:
    body = _CANONICAL.encode(fields).encode()
    own = fingerprint(body)
    at = body.rindex(b',"i":"')
    return b'%b,"h":"%b"%b\n' % (body[:at], own.encode(), body[at:]), own


Parser = Callable[[bytes], Any]


def fast_parser() -> Parser:
    """A parser for thousands of lines; it costs 30 ms to load, so a single send does without."""
    from orjson import loads

    return loads


def plain_parser(line: bytes) -> Any:
    """Takes, refuses and returns what `fast_parser` does: live or rebuilt, a line means the same."""
    raw = _PLAIN.decode(line.decode())
    if b"\\u" in line:
        _CANONICAL.encode(raw).encode()  # refuses half a surrogate pair
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


_PLAIN = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=_constant)


def sealed(line: bytes) -> str:
    """The own hash of a line (without its newline); empty where the line does not match it: no writer finished it."""
    at = line.rfind(b',"h":"')
    if at < 0:
        return ""
    own = fingerprint(line[:at] + line[at + 39 :])
    return own if line.startswith(own.encode(), at + 6) else ""


def decode(line: bytes, parse: Parser = plain_parser) -> Event:
    """The event in a whole line (without its newline), its own hash verified; raises Broken."""
    own = sealed(line)
    if not own:
        raise InvalidLine("the line does not match its own hash")
    try:
        raw = parse(line)
        if raw["v"] != VERSION:
            raise InvalidLine(f"format {raw['v']} is newer than this thrum")
        event = Event(raw["s"], raw["a"], raw["n"], raw["p"], raw["t"], raw["y"], raw["i"], raw["d"], own)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InvalidLine(str(error)) from error
    if tuple(map(type, event)) != _ENVELOPE or abs(event.ms) > TIMES:
        raise InvalidLine("its envelope is strange")
    if line.count(b"{") + line.count(b"[") > DEPTH and not _shallow(event.data):
        raise InvalidLine(f"it is nested deeper than {DEPTH} levels")
    return event


_ENVELOPE = (str, str, int, str, int, str, str, dict, str)


def _shallow(data: Any) -> bool:
    level: list[Any] = [data]
    for _ in range(DEPTH - 1):
        inside = [item.values() if item.__class__ is dict else item for item in level]
        level = [item for items in inside for item in items if item.__class__ in (dict, list)]
        if not level:
            return True
    return False


def faithful(draft: Draft, line: bytes) -> bool:
    """Whether a line gives back what was put into it: JSON has numbers and depths that no parser agrees on."""
    if "structured" not in draft.data:
        return True
    try:
        return _CANONICAL.encode(decode(line[:-1]).data) == _CANONICAL.encode(draft.data)
    except InvalidLine:
        return False


def authentic(event: Event) -> bool:
    """Whether an event carries the id of its own place in its own shard: nobody can take another one's id."""
    return event.id == mint(EVENT_TYPES[event.kind], event.ms, event.store, event.agent, event.seq)


def original(event: Event) -> Event:
    """What an event stands for: the purged one that it says again, with that one's id and time; else itself."""
    seq, ms = event.data.get("again", (0, 0))
    if not 0 < seq < event.seq:
        return event
    return event._replace(id=mint(EVENT_TYPES[event.kind], ms, event.store, event.agent, seq), ms=ms)


class Header(NamedTuple):
    """What the first line of a segment says."""

    number: int
    place: Place
    previous_length: int
    purged: int = 0


def header(event: Event) -> Header:
    """The segment header in a decoded first line; raises Broken where it is something else."""
    if event.kind != "segment":
        raise InvalidLine("the segment does not begin with its header")
    first, number, length = [_count(event.data.get(field)) for field in ("first", "segment", "length")]
    purged = _count(event.data.get("purged", 0))
    return Header(number, Place(event.store, event.agent, first, event.before), length, purged)


def _count(value: object) -> int:
    if type(value) is int and 0 <= value < TIMES:
        return value
    raise InvalidLine("the segment has a strange header")
