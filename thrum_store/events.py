"""What happened: one line of JSON per event, and the first line of each segment.

    {"a": agent, "d": data, "h": own hash, "i": id, "n": sequence, "p": hash of the line before, "s": store,
     "t": milliseconds, "v": 1, "y": kind}

Keys sorted, no spaces, UTF-8, ended by one newline (reliability §7). The hash is the first 128 bits of SHA-256 over the
line without `"h"`. A kind we do not know is kept, published and skipped, never refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from .digest import fingerprint
from .ids import mint

VERSION = 1
LINE_LIMIT = 2 * 1024 * 1024
GENESIS = "0" * 32  # what the first line of a shard names as the line before

Data = dict[str, Any]
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))

# kind -> the prefix of the ids of such events
KINDS = {
    "message.create": "msg_",
    "message.edit": "evt_",
    "message.delete": "evt_",
    "message.read": "evt_",
    "agent.register": "evt_",
    "session.start": "ses_",
    "session.end": "evt_",
    "group.create": "grp_",
    "group.delete": "evt_",
    "group.member.add": "evt_",
    "group.member.remove": "evt_",
}


_PAIRS = "list of pairs"
_TEXTS = "list of texts"
# kind -> what its data must hold; `?` marks what may be missing.
SHAPES: dict[str, dict[str, object]] = {
    "message.create": {
        "to": _PAIRS, "recipients": _TEXTS, "content": str, "format": str, "scopes?": _PAIRS, "refs?": _PAIRS,
        "thread?": str, "reply_to?": str, "session?": str, "structured?": dict, "key?": str,
    },
    "message.edit": {"message": str, "content": str, "structured?": dict},
    "message.delete": {"message": str, "reason?": str},
    "message.read": {"messages": _TEXTS},
    "agent.register": {
        "kind": str, "role": str, "module": str, "display": str, "worktree": str, "host": str,
    },
    "session.start": {},
    "session.end": {"session": str, "reason": str},
    "group.create": {"group": str, "description?": str},
    "group.delete": {"group": str, "added": _TEXTS},
    "group.member.add": {"group": str, "member_type": str, "member_value": str},
    "group.member.remove": {"group": str, "member_type": str, "member_value": str, "added": _TEXTS},
}  # fmt: skip


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


class Broken(ValueError):
    """Raised when a line is not what the chain needs next; `str()` says why."""


def encode(draft: Draft, place: Place, ms: int) -> tuple[bytes, Event]:
    """The line (newline included) that says `draft` at `place`, and the event it is."""
    identifier = mint(KINDS[draft.kind], ms, place.store, place.agent, place.seq)
    fields: Data = {
        "a": place.agent, "d": draft.data, "i": identifier, "n": place.seq, "p": place.before,
        "s": place.store, "t": ms, "v": VERSION, "y": draft.kind,
    }  # fmt: skip
    line, own = _sealed(fields)
    return line, Event(place.store, place.agent, place.seq, place.before, ms, draft.kind, identifier, draft.data, own)


def encode_header(place: Place, number: int, previous_length: int) -> bytes:
    """The first line of segment `number`: which event comes next, and how much of the segment before counts."""
    fields: Data = {
        "a": place.agent, "d": {"first": place.seq, "length": previous_length, "segment": number}, "i": "",
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


def decode(line: bytes, parse: Parser = json.loads) -> Event:
    """The event in a whole line (without its newline), its own hash verified; raises Broken."""
    at = line.rfind(b',"h":"')
    own = line[at + 6 : at + 38]
    if at < 0 or fingerprint(line[:at] + line[at + 39 :]).encode() != own:
        raise Broken("the line does not match its own hash")
    try:
        raw = parse(line)
        if raw["v"] != VERSION:
            raise Broken(f"format {raw['v']} is newer than this thrum")
        return Event(raw["s"], raw["a"], raw["n"], raw["p"], raw["t"], raw["y"], raw["i"], raw["d"], own.decode())
    except (KeyError, TypeError, ValueError) as error:
        raise Broken(str(error)) from error


def malformed(event: Event) -> str:
    """Why an event of a known kind makes no sense, or an empty text."""
    for field, shape in SHAPES[event.kind].items():
        name = field.removesuffix("?")
        if name not in event.data:
            if name == field:
                return f"{event.kind} lacks {name!r}"
        elif not _fits(event.data[name], shape):
            return f"{event.kind} has a strange {name!r}"
    return ""


def _fits(value: Any, shape: object) -> bool:
    if isinstance(shape, type):
        return bool(value.__class__ is shape)
    if value.__class__ is not list:
        return False
    if shape == _TEXTS:
        return all(item.__class__ is str for item in value)
    return all(item.__class__ is list and [part.__class__ for part in item] == [str, str] for item in value)


class Header(NamedTuple):
    """What the first line of a segment says."""

    number: int
    place: Place
    previous_length: int


def header(event: Event) -> Header:
    """The segment header in a decoded first line; raises Broken where it is something else."""
    if event.kind != "segment":
        raise Broken("the segment does not begin with its header")
    first, number, length = event.data["first"], event.data["segment"], event.data["length"]
    return Header(number, Place(event.store, event.agent, first, event.before), length)
