"""Times and durations: milliseconds to RFC 3339, and what people type to milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from .errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PART = r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|ns|s|m|h|d)"  # compiled by its first use
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LIMIT = 253_402_300_799_999  # the last millisecond of the year 9999


def rfc3339(ms: int) -> str:
    """Return `ms` since 1970 as 2026-11-23T16:00:00.123Z, always of this width; at most the end of the year 9999."""
    moment = _EPOCH + timedelta(milliseconds=min(max(ms, 0), _LIMIT))
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def maybe_rfc3339(ms: int | None) -> str | None:
    """Return `rfc3339` of a time, or None."""
    return None if ms is None else rfc3339(ms)


def seconds(text: str, noun: str = "duration") -> float:
    """Parse `90s`, `1h30m`, `-30s` or `+1m` to seconds. Raises Invalid."""
    bare = text[1:] if text[:1] in ("-", "+") else text
    parts = re.findall(_PART, bare, re.ASCII)
    if not parts or "".join(number + unit for number, unit in parts) != bare:
        raise Invalid(f"{text!r} is not a {noun}", hint="write it like 30s, 5m, 1h30m or 2d")
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return -total if text.startswith("-") else total


def moment(text: str, now_ms: int, noun: str = "time") -> int:
    """Parse a time to milliseconds since 1970: `2d` or `24h` before `now_ms`, `2026-03-15` (midnight UTC) or RFC 3339.

    Raises Invalid, also for a duration of zero.
    """
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
