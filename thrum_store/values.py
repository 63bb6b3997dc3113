"""Values: their base classes, and their forms as JSON, as times and as safe text.

`dataclasses` costs 1.8 and `typing` 1.05 of an interpreter's start, at every call of `thrum`. `Record` and `NamedTuple`
give what the program uses of them, and type checkers read them as the originals. A module that derives from them needs
`from __future__ import annotations`, so that its annotations stay texts.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .errors import Invalid


# --- records and named tuples -----------------------------------------------------------------------------------------


if TYPE_CHECKING:
    from typing import Any, TypeVar, dataclass_transform
    from typing import NamedTuple as NamedTuple

    R = TypeVar("R", bound="Record")
else:
    from _collections import _tuplegetter  # what collections.namedtuple reads its fields with

    def dataclass_transform(**_):
        """Do nothing: type checkers read the original."""
        return lambda decorated: decorated


def _arguments(
    name: str, fields: tuple[str, ...], defaults: dict[str, Any], given: tuple[Any, ...], named: dict[str, Any]
) -> list[Any]:
    """Return one value for each field. Raises TypeError for a missing, unknown, repeated or extra argument."""
    if not given and len(named) == len(fields):
        try:
            return [named[field] for field in fields]
        except KeyError:
            pass  # the check below names the argument
    if len(given) > len(fields):
        raise TypeError(f"{name} takes {len(fields)} values, not {len(given)}")
    values = list(given)
    for field in fields[len(given) :]:
        if field in named:
            values.append(named.pop(field))
        elif field in defaults:
            values.append(defaults[field])
        else:
            raise TypeError(f"{name} needs {field!r}")
    if named:
        raise TypeError(f"{name} does not take {sorted(named)}")
    return values


def _declared(namespace: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Take the fields of a class body and their defaults out of its namespace."""
    annotations: dict[str, str] = namespace.get("__annotations__", {})
    fields = tuple(name for name, kind in annotations.items() if not kind.startswith("ClassVar"))
    return fields, {name: namespace.pop(name) for name in fields if name in namespace}


class _RecordType(type):
    """Makes the fields of a record its slots."""

    if not TYPE_CHECKING:

        def __new__(cls, name, bases, namespace):
            fields, defaults = _declared(namespace)
            namespace["__slots__"] = fields
            made = super().__new__(cls, name, bases, namespace)
            base = bases[0] if bases else None
            made._fields = made.__match_args__ = (*(base._fields if base else ()), *fields)
            made._defaults = {**(base._defaults if base else {}), **defaults}
            made._setters = tuple(getattr(made, field).__set__ for field in made._fields)
            return made


@dataclass_transform(frozen_default=True)
class Record(metaclass=_RecordType):
    """A frozen value with named fields: the base of requests and results.

    Fields are written as in a dataclass; arguments come by position or by name. Two records are equal if they are of
    one class and their fields are equal.
    """

    if not TYPE_CHECKING:

        def __init__(self, *given, **named):
            setters = self._setters  # of the slots, past our own __setattr__
            if named or len(given) != len(setters):
                given = _arguments(type(self).__name__, self._fields, self._defaults, given, named)
            for set_field, value in zip(setters, given):  # noqa: B905 - of one length by now; `strict` costs time
                set_field(self, value)

        def __setattr__(self, name, value):
            raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be set")

        def __delattr__(self, name):
            raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be removed")

        def __eq__(self, other):
            if type(other) is not type(self):
                return NotImplemented
            return all(getattr(self, field) == getattr(other, field) for field in self._fields)

        def __hash__(self):
            return hash(tuple(getattr(self, field) for field in self._fields))

        def __repr__(self):
            shown = ", ".join(f"{field}={getattr(self, field)!r}" for field in self._fields)
            return f"{type(self).__name__}({shown})"

        def __reduce__(self):
            return type(self), tuple(getattr(self, field) for field in self._fields)


def replaced(record: R, **changes: Any) -> R:
    """Return a copy of a record with these fields changed. Raises TypeError for a field that it does not have."""
    return type(record)(**{field: getattr(record, field) for field in fields_of(record) or ()} | changes)


def fields_of(value: object) -> tuple[str, ...] | None:
    """Return the names of the fields of a record, named tuple or dataclass, or of such a class; else None."""
    kept = getattr(value, "__dataclass_fields__", None)
    return tuple(kept) if kept is not None else getattr(value, "_fields", None)


if not TYPE_CHECKING:

    class _NamedTupleType(type):
        """Makes the fields of a named tuple readable by name."""

        def __new__(cls, name, bases, namespace):
            if not bases:
                return super().__new__(cls, name, (tuple,), namespace)
            fields, defaults = _declared(namespace)
            namespace["__slots__"] = ()
            made = super().__new__(cls, name, bases, namespace)
            for place, field in enumerate(fields):
                setattr(made, field, _tuplegetter(place, ""))
            made._fields = made.__match_args__ = fields
            made._field_defaults = defaults
            made._length = len(fields)
            return made

    class NamedTuple(metaclass=_NamedTupleType):
        """A tuple with named fields, as `typing.NamedTuple` makes it."""

        __slots__ = ()

        def __new__(cls, *given, **named):
            if named or len(given) != cls._length:
                given = _arguments(cls.__name__, cls._fields, cls._field_defaults, given, named)
            return tuple.__new__(cls, given)

        _make = classmethod(tuple.__new__)  # for the rows of a query: as many values as fields, and three times as fast

        def _replace(self, **changes):
            return type(self)(**{**self._asdict(), **changes})

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            shown = ", ".join(f"{field}={value!r}" for field, value in self._asdict().items())
            return f"{type(self).__name__}({shown})"


# --- JSON -------------------------------------------------------------------------------------------------------------
_ENCODERS: dict[str, Callable[[object], str]] = {}  # made at first use
_FORMS: dict[str, dict[str, Any]] = {
    "compact": {"ensure_ascii": False, "separators": (",", ":")},
    "escaped": {},
    "canonical": {"ensure_ascii": False, "separators": (",", ":"), "sort_keys": True},
    "canonical_ascii": {"ensure_ascii": True, "separators": (",", ":"), "sort_keys": True},
    "finite": {"ensure_ascii": False, "allow_nan": False},
    "spaced": {"ensure_ascii": False},
}


def _encoder(form: str) -> Callable[[object], str]:
    import json  # 0.84 of an interpreter's start, most of it for `re`; its C part alone may serve here later

    _ENCODERS[form] = json.JSONEncoder(**_FORMS[form]).encode
    return _ENCODERS[form]


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text. Raises ValueError."""
    import json  # as above

    return json.loads(text)


def loads_at(text: str, place: int) -> tuple[Any, int]:
    """Return the value of the JSON text that begins at a place, and where it ends. Raises ValueError."""
    import json  # as above

    return json.JSONDecoder().raw_decode(text, place)


def compact(value: object) -> str:
    """Return JSON without white space."""
    return (_ENCODERS.get("compact") or _encoder("compact"))(value)


def escaped(value: object) -> str:
    """Return JSON in ASCII alone, for a reader that may expect another encoding."""
    return (_ENCODERS.get("escaped") or _encoder("escaped"))(value)


def canonical(value: object) -> str:
    """Return JSON without white space, its keys sorted."""
    return (_ENCODERS.get("canonical") or _encoder("canonical"))(value)


def canonical_ascii(value: object) -> str:
    """Return JSON in ASCII without white space, its keys sorted."""
    return (_ENCODERS.get("canonical_ascii") or _encoder("canonical_ascii"))(value)


def finite(value: object) -> str:
    """Return JSON. Raises ValueError for NaN and infinities."""
    return (_ENCODERS.get("finite") or _encoder("finite"))(value)


def spaced(value: object) -> str:
    """Return JSON on one line, with spaces, as people read it."""
    return (_ENCODERS.get("spaced") or _encoder("spaced"))(value)


def readable(value: object, ascii_only: bool = False) -> str:
    """Return JSON indented by two spaces."""
    import json  # as above

    return json.dumps(value, ensure_ascii=ascii_only, indent=2)


def checking_decoder(
    integer: Callable[[str], Any], number: Callable[[str], Any], constant: Callable[[str], Any]
) -> Callable[[str], Any]:
    """Return a decoder that makes numbers, and NaN and infinities, with these functions."""
    import json  # as above

    return json.JSONDecoder(parse_int=integer, parse_float=number, parse_constant=constant).decode


def as_json(value: Any) -> Any:
    """Return a result as objects, arrays and values that every JSON encoder takes.

    A result whose JSON keys are not its fields names them in `JSON`, a text of items `key=field`: `key` alone stands
    for a field of that name, `outer.key=field` for a key inside an object. Fields of the result's header count as its
    own. After a first item `*`, only the keys that differ are named; a field `address` then has the key `agent_id`.
    Without `JSON`, it is `*`.
    """
    if value.__class__ is dict:
        return {key: as_json(item) for key, item in value.items()}
    if fields_of(value) is None:
        return [as_json(item) for item in value] if value.__class__ in (list, tuple) else value
    document: dict[str, Any] = {}
    for outer, key, field in json_keys(value.__class__):
        place = document.setdefault(outer, {}) if outer else document
        place[key] = as_json(getattr(value if hasattr(value, field) else value.header, field))
    return document


def json_keys(result: type) -> Iterator[tuple[str, str, str]]:
    """Yield the outer key (or none), the key and the field of each value that a result has in JSON, in order."""
    items: list[str] = getattr(result, "JSON", "*").split()
    if items[0] == "*":
        others = {"address": "agent_id=address"}
        others |= {item.partition("=")[2]: item for item in items[1:]}
        items = [others.get(field, field) for field in fields_of(result) or ()]
    for item in items:
        path, _, field = item.partition("=")
        outer, _, key = path.rpartition(".")
        yield outer, key.removesuffix("_"), field or key


# --- texts ------------------------------------------------------------------------------------------------------------


def storable(text: str, noun: str) -> str:
    """Return `text` if it can be stored. Raises Invalid for a NUL or a lone surrogate."""
    if "\0" in text:
        raise _invalid(f"the {noun} contains a NUL character", hint="remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _invalid(f"the {noun} is not valid UTF-8", hint="write it in UTF-8") from None
    return text


def _invalid(message: str, *, hint: str) -> Invalid:
    from .errors import Invalid  # a hook that stays silent needs no errors

    return Invalid(message, hint=hint)


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 message`, `2,345 messages`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


# --- times and durations ----------------------------------------------------------------------------------------------
_UNITS = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}  # ms before m
_NUMBER = "0123456789."
_LIMIT = 253_402_300_799_999  # the last millisecond of the year 9999


def rfc3339(ms: int) -> str:
    """Return `ms` since 1970 as 2026-11-23T16:00:00.123Z, always of this width; at most the end of the year 9999."""
    seconds, rest = divmod(min(max(ms, 0), _LIMIT), 1000)
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z"


def maybe_rfc3339(ms: int | None) -> str | None:
    """Return `rfc3339` of a time, or None."""
    return None if ms is None else rfc3339(ms)


def seconds(text: str, noun: str = "duration") -> float:
    """Parse `90s`, `1h30m`, `-30s` or `+1m` to seconds. Raises Invalid."""
    total = _total(text[1:] if text[:1] in ("-", "+") else text)
    if total is None:
        raise _invalid(f"{text!r} is not a {noun}", hint="write it like 30s, 5m, 1h30m or 2d")
    return -total if text.startswith("-") else total


def _total(text: str) -> float | None:
    """Return the seconds in a sequence of numbers with units, or None for any other text."""
    total = None
    while text:
        rest = text.lstrip(_NUMBER)
        number = text[: len(text) - len(rest)]
        unit = next((unit for unit in _UNITS if rest.startswith(unit)), "")
        whole, point, fraction = number.partition(".")
        if not unit or not whole.isdigit() or (point and not fraction.isdigit()):
            return None
        total, text = (total or 0.0) + float(number) * _UNITS[unit], rest[len(unit) :]
    return total


def moment(text: str, now_ms: int, noun: str = "time") -> int:
    """Parse a time to milliseconds since 1970: `2d` or `24h` before `now_ms`, `2026-03-15` (midnight UTC) or RFC 3339.

    Raises Invalid, also for a duration of zero.
    """
    from datetime import UTC, datetime  # 2 ms, which a send does without

    hint = "write 2d, 24h, 2026-03-15 or 2026-03-15T12:00:00Z"
    if text[:1].isdecimal() and "-" not in text:
        back = seconds(text, noun)
        if back > 0:
            return now_ms - int(back * 1000)
        raise _invalid(f"{text!r} is not a duration above zero", hint=hint)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise _invalid(f"{text!r} is not a {noun}", hint=hint) from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


# --- safe text --------------------------------------------------------------------------------------------------------
_KEPT = "\n\t"
_JOINER = "\u200d"
_SELECTORS = "\ufe0e\ufe0f"  # text or emoji; each other variation selector is always made visible
_KEYCAP = "\u20e3"
# Letters that are drawn as text or as an emoji, outside of the blocks of emoji (Unicode's emoji-variation-sequences).
_EMOJI = frozenset("©®‼⁉™ℹ↔↕↖↗↘↙↩↪⌚⌛⌨⏏⏩⏪⏫⏬⏭⏮⏯⏰⏱⏲⏳⏸⏹⏺Ⓜ▪▫▶◀◻◼◽◾⤴⤵⬅⬆⬇⬛⬜⭐⭕〰〽㊗㊙")


def _visible(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"<U+{code:04X}>"


class _Table(dict[int, str]):
    """The letters that are made visible, for `str.translate`: single ones as items, large ranges by their limits."""

    def __missing__(self, code: int) -> int | str:
        return _visible(code) if 0xD800 <= code < 0xE000 or 0xE0000 <= code < 0xE1000 else code


def _table() -> _Table:
    hidden = [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5]
    hidden += [*range(0x180B, 0x1810), *range(0x200B, 0x2010), 0x2028, 0x2029, *range(0x202A, 0x202F)]
    hidden += [*range(0x2060, 0x2070), 0x2800, 0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0, *range(0xFFF0, 0xFFFC)]
    hidden += [*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B)]
    return _Table({code: _visible(code) for code in hidden if chr(code) not in _KEPT})


_TABLE = _Table()


def safe_text(text: str) -> str:
    """Return `text` with each control, bidi, invisible and surrogate character made visible; newline and tab stay.

    Invisible characters can carry a text to a model that no person sees. A zero-width joiner is left out between
    emoji, where it only glues them. A variation selector stays behind an emoji, where it says how that is drawn.
    """
    if text.isascii() and text.isprintable():
        return text
    if not _TABLE:
        _TABLE.update(_table())
    if _JOINER in text:
        text = _without_joiners(text)
    if any(selector in text for selector in _SELECTORS):
        return "".join(_around_selectors(text))
    return text.translate(_TABLE)


def _without_joiners(text: str) -> str:
    parts = text.split(_JOINER)
    kept = [parts[0]]
    for before, part in zip(parts, parts[1:], strict=False):
        kept += [part] if _is_emoji(before[-1:]) and _is_emoji(part[:1]) else [_JOINER, part]
    return "".join(kept)


def _around_selectors(text: str) -> Iterator[str]:
    """Yield the safe parts of a text, and between them the selectors that stay: one behind an emoji or in a keycap."""
    begin = 0
    for place in (place for place, letter in enumerate(text) if letter in _SELECTORS):
        before, behind = text[place - 1 : place], text[place + 1 : place + 2]
        if before not in _SELECTORS and (_is_emoji(before) or (behind == _KEYCAP and before in "#*0123456789")):
            yield text[begin:place].translate(_TABLE)
            yield text[place]
            begin = place + 1
    yield text[begin:].translate(_TABLE)


def _is_emoji(letter: str) -> bool:
    ranges = "\u2600" <= letter <= "\u27bf" or "\U0001f000" <= letter <= "\U0001faff"
    return ranges or letter in _EMOJI or letter == "\ufe0f"


def safe_line(text: str) -> str:
    """Return `text` as `safe_text` does, on one line: newline and tab become visible too."""
    return safe_text(text).replace("\n", "\\n").replace("\t", "\\t")
