"""Milliseconds and what people write: RFC 3339 out, durations in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from .errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PART = r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|ns|s|m|h|d)"  # compiled by its first use
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LIMIT = 253_402_300_799_999  # the last millisecond of the year 9999


def rfc3339(ms: int) -> str:
    """`ms` since 1970 as 2026-11-23T16:00:00.123Z, always of this width; beyond the year 9999 its end."""
    moment = _EPOCH + timedelta(milliseconds=min(max(ms, 0), _LIMIT))
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def maybe_rfc3339(ms: int | None) -> str | None:
    """Like `rfc3339`, None for None."""
    return None if ms is None else rfc3339(ms)


def seconds(text: str, what: str = "duration") -> float:
    """`90s`, `1h30m`, `-30s`, `+1m` in seconds, or Invalid."""
    bare = text[1:] if text[:1] in ("-", "+") else text
    parts = re.findall(_PART, bare, re.ASCII)
    if not parts or "".join(number + unit for number, unit in parts) != bare:
        raise Invalid(f"{text!r} is not a {what}", hint="write it like 30s, 5m, 1h30m or 2d")
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return -total if text.startswith("-") else total


def moment(text: str, now_ms: int, what: str = "time") -> int:
    """`2d` or `24h` (that long before `now_ms`), `2026-03-15` (midnight UTC) or RFC 3339, in milliseconds since 1970.

    Raises Invalid; also for a duration that is not more than nothing.
    """
    hint = "write 2d, 24h, 2026-03-15 or 2026-03-15T12:00:00Z"
    if text[:1].isdecimal() and "-" not in text:
        back = seconds(text, what)
        if back > 0:
            return now_ms - int(back * 1000)
        raise Invalid(f"{text!r} is no length of time", hint=hint)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is not a {what}", hint=hint) from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
