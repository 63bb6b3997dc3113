"""Periodic work: a turn at once, then at intervals, and soon after a change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio

from thrum_store.machine.host import Entropy
from thrum_store.values import Record

_FAREWELL = 3.0  # seconds that a turn may go on when the daemon stops
_SPREAD = 0.2  # intervals differ by a fifth either way, so that many machines do not sync at the same moment


class Rhythm(Record):
    """The intervals of a loop, in seconds: between turns, and from a change to the next turn."""

    every: float
    after_change: float


class Loop:
    """A part that calls a function on a worker thread again and again.

    The function returns whether it succeeded. After a failed turn the loop ignores changes until the interval is over.
    An exception ends the loop; the supervisor restarts it after a growing pause.
    """

    def __init__(self, name: str, turn: Callable[[], bool], rhythm: Rhythm, entropy: Entropy) -> None:
        self.name = name
        self._turn = turn
        self._rhythm = rhythm
        self._entropy = entropy
        self._changed = anyio.Event()
        self._resting: anyio.CancelScope | None = None
        self._due = False

    @property
    def sleeps(self) -> bool:
        """True between two turns."""
        return self._resting is not None

    def request(self) -> bool:
        """Take a turn now, or right after the one that runs; return whether it begins now. For this loop's thread."""
        begins = self.sleeps and not self._due
        self._due = True
        if self._resting is not None:
            self._resting.cancel()
        return begins

    def changed(self) -> None:
        """Take a turn soon, for this change and for others until then."""
        self._changed.set()

    async def run(self, running: Callable[[], None]) -> None:
        """Call the function repeatedly until cancelled. Its exceptions pass through."""
        running()
        while True:
            self._changed, self._due = anyio.Event(), False
            succeeded = await self._take_turn()
            if not self._due:
                await self._rest(succeeded)

    async def _rest(self, succeeded: bool) -> None:
        """Sleep until the interval is over, a turn is requested, or something changed after a turn that succeeded."""
        with anyio.move_on_after(self._pause()) as self._resting:
            await (self._changed.wait() if succeeded else anyio.sleep_forever())
            await anyio.sleep(self._rhythm.after_change)
        self._resting = None

    async def _take_turn(self) -> bool:
        """Take a turn. A cancellation waits some seconds for it to finish."""
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
        """Return the seconds until the next turn, spread at random."""
        chance = int(self._entropy.token(2), 16) / 0xFFFF
        return self._rhythm.every * (1 + _SPREAD * (2 * chance - 1))
