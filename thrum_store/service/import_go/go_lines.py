"""The lines of the Go program's logs, as events with a time and an id; pure. Torn and glued lines give what they hold.

Its writer did not look at the end of a file: after a crash, the next line was glued to the torn one. A time may be of
any width and offset. Where it makes no sense, the time in the event's id counts, or that of the line before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from thrum_store import values
from thrum_store.log.events import fingerprint

_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")
_LEAP = re.compile(r":60(?=[.Z+-]|$)")
_ULID = re.compile(r"[a-z]{3}_([0-7][0-9A-HJKMNP-TV-Z]{9})[0-9A-HJKMNP-TV-Z]{16}")
_ID = re.compile(r"(?!None)[A-Za-z0-9_.:-]{1,80}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ATTEMPTS = 256  # places in a broken line at which an event may begin
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class GoEvent(NamedTuple):
    """An event of the Go program: its time in milliseconds, its id and all of its fields."""

    ms: int
    id: str
    fields: dict[str, Any]


class GoLines(NamedTuple):
    """The events of all files by time, each id once, and the lines (`file:number`) that hold something else."""

    events: list[GoEvent]
    unreadable: list[str]


def read(files: Iterable[tuple[str, bytes]]) -> GoLines:
    """Read the files, in any order; a file is its name and its bytes."""
    events: dict[str, GoEvent] = {}
    unreadable: list[str] = []
    for name, data in files:
        latest = 0
        for number, line in enumerate(data.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), 1):
            objects, whole = _objects(line)
            if not whole:
                unreadable.append(f"{name}:{number}")
            for fields in objects:
                latest = _ms(fields, latest)
                named = str(fields.get("event_id"))
                identifier = named if _ID.fullmatch(named) else _derived(fields)
                events.setdefault(identifier, GoEvent(latest, identifier, fields))
    return GoLines(sorted(events.values(), key=lambda event: event.ms), unreadable)


def _derived(fields: dict[str, Any]) -> str:
    """Return an id for an event without a usable one: the same for equal fields."""
    return f"sha_{fingerprint(repr(sorted(fields.items())).encode('utf-8', 'replace'))}"


def _objects(line: bytes) -> tuple[list[dict[str, Any]], bool]:
    """Return the events in a line, and whether nothing else is in it."""
    text = line.decode("utf-8", "replace").strip()
    if not text:
        return [], True
    try:
        fields = values.loads(text)
        objects, whole = ([fields], True) if _is_event(fields) else ([], False)
    except (ValueError, RecursionError):
        objects, whole = _glued(text)
    return [_storable(fields) for fields in objects] if _is_suspicious(text) else objects, whole


def _glued(text: str) -> tuple[list[dict[str, Any]], bool]:
    """Return the whole events that stand anywhere in a line, and whether nothing else is in it."""
    begin, after, between = text.find("{"), 0, ""
    objects: list[dict[str, Any]] = []
    for _ in range(_ATTEMPTS):
        if begin < 0:
            break
        try:
            fields, end = values.loads_at(text, begin)
        except (ValueError, RecursionError):
            fields, end = None, begin + 1
        if fields is not None and _is_event(fields):
            objects.append(fields)
            between, after = between + text[after:begin], end
        begin = text.find("{", end)
    return objects, not (between + text[after:]).strip()


def _is_event(fields: Any) -> bool:
    return isinstance(fields, dict) and isinstance(fields.get("type"), str)  # pyright: ignore[reportUnknownMemberType]


def _is_suspicious(text: str) -> bool:
    """Return whether a line may hold characters that no log of ours takes: NUL, or half a surrogate pair."""
    return "\\u0000" in text or "\\ud" in text.lower() or "\0" in text


def _storable(value: Any) -> Any:
    """Return the value with U+FFFD in the place of such characters."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_storable(key): _storable(inside) for key, inside in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return [_storable(inside) for inside in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]


# --- times ------------------------------------------------------------------------------------------------------------


def _ms(fields: dict[str, Any], latest: int) -> int:
    """Return the time of an event: as it says, as its id says, or that of the event before."""
    for text in (fields.get("timestamp"), fields.get("event_id"), fields.get("message_id")):
        ms = milliseconds(text)
        if ms is not None:
            return ms
    return latest


def milliseconds(text: Any) -> int | None:
    """Return milliseconds since 1970 of an RFC 3339 time (UTC without an offset) or of an id; None for other values."""
    if not isinstance(text, str):
        return None
    if identifier := _ULID.fullmatch(text):
        return sum(_CROCKFORD.index(letter) << 5 * place for place, letter in enumerate(reversed(identifier[1])))
    try:
        when = datetime.fromisoformat(_LEAP.sub(":59", _FRACTION.sub(r"\1", text.strip().upper())))
    except ValueError:
        return None
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND
