"""Machines for tests: clocks that are wrong or that the test sets, and locks with a short time limit."""

from __future__ import annotations

import time
from collections.abc import Callable

from thrum_store.machine.host import REAL, Clock, Host

YEAR_MS = 365 * 86_400_000
IN_2099 = 4_070_908_800_000


class SetClock(Clock):
    """A wall clock that the test sets; monotonic time passes as usual."""

    def __init__(self, ms: int | None = None) -> None:
        self.ms = time.time_ns() // 1_000_000 if ms is None else ms

    def wall_ms(self) -> int:
        return self.ms


class OddClock(Clock):
    """A wall clock that shows a function of the true time."""

    def __init__(self, shown: Callable[[int], int]) -> None:
        self._shown = shown

    def wall_ms(self) -> int:
        return self._shown(super().wall_ms())


IMPATIENT = REAL._replace(patience=0.3)  # seconds to wait for a lock


def with_clock(clock: Clock) -> Host:
    """Return this machine with another clock."""
    return REAL._replace(clock=clock)
