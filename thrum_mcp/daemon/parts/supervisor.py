"""One task group for everything the daemon does. A part that fails is started again, later each time, and nothing else
notices; `states` is what `daemon status` shows of it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import anyio

from thrum_mcp.daemon import daemon_log
from thrum_store.errors import ThrumError

from .health import PartHealth

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 60.0  # seconds before a part that failed is started again
_STEADY = 60.0  # seconds after which a part that runs counts as good again


class Part(Protocol):
    """Something that runs until it is cancelled: a listener, a loop."""

    @property
    def name(self) -> str:
        """What it is called in `daemon status`."""
        ...

    async def run(self, running: Callable[[], None]) -> None:
        """Does its work; calls `running` as soon as it does. Raises where it cannot."""
        ...


@dataclass
class _Kept:
    part: Part
    state: str = "starting"
    failures: int = 0
    last_error: str | None = None
    settled: anyio.Event = field(default_factory=anyio.Event)

    def runs(self) -> None:
        self.state = "running"
        self.settled.set()


class Supervisor:
    """Keeps parts running until it is cancelled."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []

    async def keep(self, parts: Sequence[Part], ready: Callable[[], Awaitable[None]]) -> None:
        """Runs the parts. Calls `ready` once each has run or failed for the first time."""
        self._kept = [_Kept(part) for part in parts]
        async with anyio.create_task_group() as group:
            for kept in self._kept:
                group.start_soon(_keep, kept, name=kept.part.name)
            for kept in self._kept:
                await kept.settled.wait()
            await ready()

    def states(self) -> tuple[PartHealth, ...]:
        """How each part is."""
        return tuple(PartHealth(one.part.name, one.state, one.failures, one.last_error) for one in self._kept)


async def _keep(kept: _Kept) -> None:
    pause = _FIRST_PAUSE
    try:
        while True:
            began = anyio.current_time()
            await _turn(kept)
            if anyio.current_time() - began >= _STEADY:
                pause = _FIRST_PAUSE
            await anyio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
    finally:
        kept.state = "stopped"


async def _turn(kept: _Kept) -> None:
    try:
        await kept.part.run(kept.runs)
        kept.last_error = "it ended by itself"
    except Exception as error:
        logger.exception("%s failed", kept.part.name)
        kept.last_error = (
            daemon_log.line(error) if isinstance(error, ThrumError) else f"{type(error).__name__}: {error}"
        )
    kept.failures += 1
    kept.state = "restarting"
    kept.settled.set()


async def guarded(what: str, work: Awaitable[None]) -> None:
    """Does something for one client: what goes wrong there is logged, and ends nothing else."""
    try:
        await work
    except Exception:
        logger.exception("%s failed", what)
