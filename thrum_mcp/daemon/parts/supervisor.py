"""The supervisor of the daemon's parts, which run in one task group.

A part that fails is restarted after a growing pause; the others keep running.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import anyio

from thrum_mcp.daemon import daemon_log
from thrum_store.errors import ThrumError
from thrum_store.values import Record

logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 60.0  # seconds before a failed part is restarted
_STEADY = 60.0  # seconds of work after which the pauses are short again


class PartHealth(Record):
    """The health of a listener or a loop. `failures` counts since the start of the daemon."""

    name: str
    state: str  # starting | running | restarting | stopped
    failures: int
    last_error: str | None


class Health(Record):
    """The health of the daemon: the answer to `health`, shown by `thrum daemon status`."""

    status: str  # ok, or degraded while a part is not running
    pid: int
    uptime_ms: int
    version: str
    repo_id: str
    repo_path: str
    started_at: str
    socket_path: str
    ws_port: int | None
    sync_state: str
    local_only: bool
    connections: int
    listening: int
    parts: tuple[PartHealth, ...]


class Part(Protocol):
    """A listener or a loop; it runs until it is cancelled."""

    @property
    def name(self) -> str:
        """Its name in `thrum daemon status`."""
        ...

    async def run(self, running: Callable[[], None]) -> None:
        """Do the work; call `running` as soon as it does. Raises if it cannot."""
        ...


@dataclass
class _Supervised:
    """A part and its history."""

    part: Part
    state: str = "starting"
    failures: int = 0
    last_error: str | None = None
    settled: anyio.Event = field(default_factory=anyio.Event)

    def runs(self) -> None:
        """Note that the part does its work."""
        self.state = "running"
        self.settled.set()


class Supervisor:
    """Keeps parts running until it is cancelled."""

    def __init__(self) -> None:
        self._parts: list[_Supervised] = []

    async def keep(self, parts: Sequence[Part], ready: Callable[[], Awaitable[None]]) -> None:
        """Run the parts. Call `ready` once each has started to work or failed for the first time."""
        self._parts = [_Supervised(part) for part in parts]
        async with anyio.create_task_group() as group:
            for supervised in self._parts:
                group.start_soon(_keep, supervised, name=supervised.part.name)
            for supervised in self._parts:
                await supervised.settled.wait()
            await ready()

    def states(self) -> tuple[PartHealth, ...]:
        """Return the health of each part."""
        return tuple(PartHealth(each.part.name, each.state, each.failures, each.last_error) for each in self._parts)


async def _keep(supervised: _Supervised) -> None:
    """Run a part and restart it until cancelled."""
    pause = _FIRST_PAUSE
    try:
        while True:
            began = anyio.current_time()
            await _run_once(supervised)
            if anyio.current_time() - began >= _STEADY:
                pause = _FIRST_PAUSE
            await anyio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
    finally:
        supervised.state = "stopped"


async def _run_once(supervised: _Supervised) -> None:
    try:
        await supervised.part.run(supervised.runs)
        supervised.last_error = "it ended by itself"
    except Exception as error:
        logger.exception("%s failed", supervised.part.name)
        expected = daemon_log.line(error) if isinstance(error, ThrumError) else None
        supervised.last_error = expected or f"{type(error).__name__}: {error}"
    supervised.failures += 1
    supervised.state = "restarting"
    supervised.settled.set()


async def guarded(name: str, work: Awaitable[None]) -> None:
    """Do the work of one client. A failure is logged and ends nothing else."""
    try:
        await work
    except Exception:
        logger.exception("%s failed", name)
