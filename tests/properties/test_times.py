"""Times and durations, compared with the standard library's datetime and a pattern."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from thrum_store import values
from thrum_store.errors import Invalid

PART = r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|ns|s|m|h|d)"
FACTORS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@given(st.integers(-1, 253_402_300_800_000))
@example(0)
@example(951_782_400_000)  # 29 February 2000
def test_a_time_is_written_as_datetime_writes_it(ms: int) -> None:
    clamped = min(max(ms, 0), 253_402_300_799_999)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=clamped)
    assert values.rfc3339(ms) == moment.isoformat(timespec="milliseconds")[:23] + "Z"
    assert values.moment(values.rfc3339(ms), 0) == pytest.approx(clamped, abs=1)


@given(st.text("0123.msunµhd-+ ²٣", max_size=8))
@example("1h30m")
@example("1.5ms")
@example("5.s")
@example(".5s")
@example("1m1")
def test_a_duration_is_what_its_pattern_says(text: str) -> None:
    bare = text[1:] if text[:1] in ("-", "+") else text
    parts = re.findall(PART, bare, re.ASCII)
    if parts and "".join(number + unit for number, unit in parts) == bare:
        total = sum(float(number) * FACTORS[unit] for number, unit in parts)
        assert values.seconds(text) == (-total if text.startswith("-") else total)
    else:
        with pytest.raises(Invalid):
            values.seconds(text)
