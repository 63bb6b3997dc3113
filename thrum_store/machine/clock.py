"""Time and randomness, as arguments: the one place that asks the machine for either."""

from __future__ import annotations

import os
import time


class Clock:
    """Wall time for people, monotonic time for deadlines, and sleep."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970, as the machine believes. For display only: nothing is ordered by it."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits `seconds`: only between two tries at what another machine holds."""
        time.sleep(seconds)


class Entropy:
    """Random bytes."""

    def token(self, size: int = 8) -> str:
        """`size` random bytes in hex."""
        return os.urandom(size).hex()
