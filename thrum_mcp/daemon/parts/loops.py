"""Work that comes round: a turn at once, then at intervals, and soon after something changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import anyio

from thrum_store.machine.host import Entropy

_FAREWELL = 3.0  # seconds that a turn may go on when the daemon stops
_SPREAD = 0.2  # intervals differ by a fifth either way, so that many machines do not come all at once


@dataclass(frozen=True)
class Rhythm:
    """Seconds between turns, and from a change until the turn that it brings."""

    every: float
    after_change: float


class Loop:
    """A part that takes a turn, a plain function on a worker thread, again and again.

    The function says whether it went well: after a turn that did not, no change brings the next one, only the interval.
    What the function raises ends this run; the supervisor starts the loop again, later each time.
    """

    def __init__(self, name: str, turn: Callable[[], bool], rhythm: Rhythm, entropy: Entropy) -> None:
        self.name = name
        self._turn = turn
        self._rhythm = rhythm
        self._entropy = entropy
        self.sleeps = False
        self._changed = anyio.Event()

    def changed(self) -> None:
        """Something changed: a turn comes soon, and takes in what else changes until then."""
        self._changed.set()

    async def run(self, running: Callable[[], None]) -> None:
        """Takes turns until it is cancelled, or until one fails."""
        running()
        while True:
            self.sleeps = False
            self._changed = anyio.Event()
            well = await self._take_turn()
            self.sleeps = True
            with anyio.move_on_after(self._pause()):
                await (self._changed.wait() if well else anyio.sleep_forever())
                await anyio.sleep(self._rhythm.after_change)

    async def _take_turn(self) -> bool:
        """One turn, which a cancellation lets finish, if it does so soon."""
        executor = ThreadPoolExecutor(1, self.name)
        turn = asyncio.get_running_loop().run_in_executor(executor, self._turn)
        try:
            return await asyncio.shield(turn)
        except asyncio.CancelledError:
            with anyio.move_on_after(_FAREWELL, shield=True):
                await asyncio.wait([turn])
            raise
        finally:
            executor.shutdown(wait=False)

    def _pause(self) -> float:
        chance = int(self._entropy.token(2), 16) / 0xFFFF
        return self._rhythm.every * (1 + _SPREAD * (2 * chance - 1))
