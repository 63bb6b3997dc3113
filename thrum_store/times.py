"""Times and durations: milliseconds to RFC 3339, and what people type to milliseconds."""

from __future__ import annotations

import time

from .errors import Invalid

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
        raise Invalid(f"{text!r} is not a {noun}", hint="write it like 30s, 5m, 1h30m or 2d")
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
        raise Invalid(f"{text!r} is not a duration above zero", hint=hint)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is not a {noun}", hint=hint) from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
