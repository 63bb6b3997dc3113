"""The supervisor restarts a failed part without disturbing the others; loops take their turns."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.daemon.conftest import DEADLINE
from thrum_mcp.daemon.parts.loops import Loop, Rhythm
from thrum_mcp.daemon.parts.supervisor import Part, PartHealth, Supervisor
from thrum_store.machine.host import Entropy


class Flaky:
    """A part that fails some times, each with another message, and then runs."""

    name = "flaky"

    def __init__(self, failures: int) -> None:
        self.left = failures
        self.runs = anyio.Event()

    async def run(self, running: Callable[[], None]) -> None:
        if self.left:
            self.left -= 1
            raise ZeroDivisionError(f"{self.left} left")
        running()
        self.runs.set()
        await anyio.sleep_forever()


class Steady:
    """A part that runs, and counts how often it was started."""

    name = "steady"

    def __init__(self) -> None:
        self.starts = 0

    async def run(self, running: Callable[[], None]) -> None:
        self.starts += 1
        running()
        await anyio.sleep_forever()


class Short:
    """A part that ends by itself, which no part should."""

    name = "short"

    async def run(self, running: Callable[[], None]) -> None:
        running()


async def nothing() -> None:
    """Do nothing once all parts are up."""


def test_a_part_that_fails_is_started_again_and_the_others_never_notice() -> None:
    async def main() -> None:
        flaky, steady, supervisor = Flaky(2), Steady(), Supervisor()
        parts: list[Part] = [flaky, steady]
        states = dict[str, PartHealth]()
        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as group:
                group.start_soon(supervisor.keep, parts, nothing)
                await flaky.runs.wait()
                states = {part.name: part for part in supervisor.states()}
                group.cancel_scope.cancel()
        assert (states["flaky"].state, states["flaky"].failures) == ("running", 2)
        assert states["flaky"].last_error == "ZeroDivisionError: 0 left"
        assert (states["steady"].state, states["steady"].failures, steady.starts) == ("running", 0, 1)
        assert {part.state for part in supervisor.states()} == {"stopped"}

    anyio.run(main)


def test_one_that_ends_by_itself_counts_as_failed() -> None:
    async def main() -> None:
        supervisor, up = Supervisor(), anyio.Event()

        async def ready() -> None:
            up.set()

        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as group:
                group.start_soon(supervisor.keep, [Short()], ready)
                await up.wait()
                while supervisor.states()[0].failures < 2:
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        assert supervisor.states()[0].last_error == "it ended by itself"

    anyio.run(main)


def test_all_is_up_once_each_part_has_run_or_failed() -> None:
    async def main() -> None:
        supervisor, seen = Supervisor(), list[str]()
        parts: list[Part] = [Flaky(1000), Steady()]

        async def ready() -> None:
            seen.extend(sorted(part.state for part in supervisor.states()))

        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as group:
                group.start_soon(supervisor.keep, parts, ready)
                while not seen:
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        assert seen == ["restarting", "running"]

    anyio.run(main)


class Turns:
    """Counts turns; the test waits for the next one."""

    def __init__(self, *, well: bool = True) -> None:
        self.taken = threading.Semaphore(0)
        self._well = well

    def __call__(self) -> bool:
        self.taken.release()
        return self._well

    async def next(self) -> None:
        assert await anyio.to_thread.run_sync(lambda: self.taken.acquire(timeout=DEADLINE))

    def more(self) -> bool:
        return self.taken.acquire(blocking=False)


def run(rhythm: Rhythm, steps: Callable[[Loop, Turns], Awaitable[None]], *, well: bool = True) -> None:
    """Run a loop while `steps` watches it."""

    async def main() -> None:
        turns = Turns(well=well)
        loop = Loop("loop", turns, rhythm, Entropy())
        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as group:
                group.start_soon(loop.run, lambda: None)
                await turns.next()
                await steps(loop, turns)
                group.cancel_scope.cancel()

    anyio.run(main)


def test_a_loop_takes_a_turn_at_once_and_then_at_intervals() -> None:
    async def steps(_: Loop, turns: Turns) -> None:
        for _number in range(3):
            await turns.next()

    run(Rhythm(every=0.01, after_change=1000), steps)


def test_a_change_brings_a_turn_long_before_the_interval_is_over() -> None:
    async def steps(loop: Loop, turns: Turns) -> None:
        await settled(loop)
        loop.changed()
        await turns.next()

    run(Rhythm(every=1000, after_change=0.01), steps)


def test_changes_that_come_together_bring_one_turn() -> None:
    async def steps(loop: Loop, turns: Turns) -> None:
        await settled(loop)
        for _ in range(100):
            loop.changed()
        await turns.next()
        await settled(loop)
        assert not turns.more()

    run(Rhythm(every=1000, after_change=0.05), steps)


def test_after_a_turn_that_went_badly_no_change_brings_the_next_one() -> None:
    async def steps(loop: Loop, turns: Turns) -> None:
        await settled(loop)
        loop.changed()
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
            assert loop.sleeps
        assert not turns.more()

    run(Rhythm(every=1000, after_change=0), steps, well=False)


def test_after_a_turn_that_went_badly_the_interval_brings_the_next_one() -> None:
    async def steps(_: Loop, turns: Turns) -> None:
        await turns.next()

    run(Rhythm(every=0.01, after_change=1000), steps, well=False)


@pytest.mark.parametrize("well", [True, False])
def test_a_request_brings_a_turn_at_once_whatever_the_last_one_came_to(well: bool) -> None:
    async def steps(loop: Loop, turns: Turns) -> None:
        for _ in range(3):
            await settled(loop)
            assert loop.request() is True
            assert loop.request() is False, "the second one joins"
            await turns.next()
        await settled(loop)
        assert not turns.more()

    run(Rhythm(every=1000, after_change=1000), steps, well=well)


def test_a_request_during_a_turn_joins_it_and_brings_one_more() -> None:
    async def main() -> None:
        entered, leave, taken = threading.Event(), threading.Semaphore(0), threading.Semaphore(0)

        def turn() -> bool:
            entered.set()
            leave.acquire(timeout=DEADLINE)
            taken.release()
            return True

        loop = Loop("loop", turn, Rhythm(every=1000, after_change=1000), Entropy())
        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as group:
                group.start_soon(loop.run, lambda: None)
                await anyio.to_thread.run_sync(entered.wait)
                assert [loop.request() for _ in range(5)] == [False] * 5
                leave.release(2)
                for _ in range(2):
                    await anyio.to_thread.run_sync(taken.acquire)
                await settled(loop)
                assert not taken.acquire(blocking=False)
                group.cancel_scope.cancel()

    anyio.run(main)


async def settled(loop: Loop) -> None:
    """Wait until the loop sleeps."""
    while not loop.sleeps:
        await anyio.lowlevel.checkpoint()
