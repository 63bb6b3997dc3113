"""Machines for tests: clocks that are wrong or stand in the test's hand, and disks whose locks are given up on soon."""

from __future__ import annotations

import time
from collections.abc import Callable

from thrum_store.machine.host import REAL, Clock, Host

YEAR_MS = 365 * 86_400_000
IN_2099 = 4_070_908_800_000


class SetClock(Clock):
    """A wall clock that shows what the test says; monotonic time passes as ever."""

    def __init__(self, ms: int | None = None) -> None:
        self.ms = time.time_ns() // 1_000_000 if ms is None else ms

    def wall_ms(self) -> int:
        return self.ms


class OddClock(Clock):
    """A wall clock that goes as a function of the true one says."""

    def __init__(self, shown: Callable[[int], int]) -> None:
        self._shown = shown

    def wall_ms(self) -> int:
        return self._shown(super().wall_ms())


IMPATIENT = REAL._replace(patience=0.3)  # waits for a lock for a moment only


def with_clock(clock: Clock) -> Host:
    """This machine with another clock."""
    return REAL._replace(clock=clock)
