"""A day on which nobody says anything, in simulated time: the daemon's loop takes its turns, and nothing is written."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import selectors
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import pytest

from tests.sync.clones import Clone
from tests.sync.conftest import Pair
from thrum_mcp.daemon.parts import sync_loop
from thrum_mcp.daemon.parts.loops import Loop
from thrum_store.machine.host import Clock, Entropy, Host

DAY = 24 * 3600.0
Files = dict[Path, tuple[int, int, str]]


class Skipping(selectors.DefaultSelector):
    """Lets the time pass at once that everybody would sleep through; a turn on its thread is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        self.asleep: Callable[[], bool] = lambda: False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        idle = self.asleep()
        ready = super().select(0 if idle else timeout)
        if idle and timeout and not ready:
            self.skipped += timeout
        return ready


class Simulated(asyncio.SelectorEventLoop):
    """An event loop whose time is the simulated one."""

    def __init__(self, skipping: Skipping) -> None:
        super().__init__(skipping)
        self._skipping = skipping

    def time(self) -> float:
        return super().time() + self._skipping.skipped


class SimulatedClock(Clock):
    """The clock as a store asks it: the same time."""

    def __init__(self, skipping: Skipping) -> None:
        self._skipping = skipping

    def wall_ms(self) -> int:
        return super().wall_ms() + int(self._skipping.skipped * 1000)

    def monotonic(self) -> float:
        return super().monotonic() + self._skipping.skipped


class Day:
    """Takes the daemon's turns for 24 hours in these clones; only each `every`th of them costs a real sync."""

    def __init__(self, clones: tuple[Clone, ...], every: int) -> None:
        self.turns = self.syncs = 0
        self._skipping = Skipping()
        self._host = Host(clock=SimulatedClock(self._skipping))
        self._clones = clones
        self._every = every

    def pass_by(self) -> None:
        """Run the loop from now until the same time tomorrow."""
        options = {"loop_factory": lambda: Simulated(self._skipping)}
        anyio.run(self._main, backend_options=options)

    async def _main(self) -> None:
        loop = Loop("git", self._turn, sync_loop.RHYTHM, Entropy())
        self._skipping.asleep = lambda: loop.sleeps
        async with anyio.create_task_group() as group:
            group.start_soon(loop.run, lambda: None)
            await anyio.sleep(DAY)
            group.cancel_scope.cancel()

    def _turn(self) -> bool:
        self.turns += 1
        if self.turns % self._every == 0:
            for clone in self._clones:
                assert sync_loop.turn(clone.paths, self._host, sync_loop.Mode(clone.paths, self._host, None, {}))
                self.syncs += 1
        return True


class Pushes:
    """Counts how often this clone's git asks the remote to take a push, even one with nothing in it."""

    def __init__(self, clone: Clone) -> None:
        self._told = clone.root.parent / f"{clone.root.name}.pushes"
        script = clone.root.parent / f"{clone.root.name}.receive-pack"
        script.write_text(f'#!/bin/sh\necho push >> "{self._told}"\nexec git-receive-pack "$@"\n', encoding="utf-8")
        script.chmod(0o700)
        clone.git("config", "remote.origin.receivepack", str(script))

    @property
    def count(self) -> int:
        return len(self._told.read_text(encoding="ascii").splitlines()) if self._told.exists() else 0


def files_below(*tops: Path) -> Files:
    """Size, time of change and content of each file; for a directory the time alone."""
    return dict(_looked_at(path) for top in tops for path in (top, *top.rglob("*")))


def _looked_at(path: Path) -> tuple[Path, tuple[int, int, str]]:
    status = path.lstat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return path, (status.st_size, status.st_mtime_ns, content)


def tips(pair: Pair) -> tuple[str, ...]:
    return pair.remote.tip, *(clone.git("rev-parse", "refs/heads/a-sync") for clone in (pair.ours, pair.theirs))


def watched(pair: Pair) -> Files:
    """The logs, the remote as a whole, and all that git holds of this: objects, refs and their logs."""
    ours = [clone.root / ".git" / part for clone in (pair.ours, pair.theirs) for part in ("objects", "refs", "logs")]
    return files_below(pair.ours.logs, pair.theirs.logs, pair.remote.root, *ours)


def day_without_a_word(pair: Pair, every: int, log: pytest.LogCaptureFixture) -> Day:
    """Let a day pass after a conversation, and assert that it left no trace."""
    log.set_level(logging.INFO)
    pushes = [Pushes(clone) for clone in (pair.ours, pair.theirs)]
    pair.ours.send("alice", "good night", "@bob")
    for clone in (pair.ours, pair.theirs, pair.ours):
        clone.sync()
    assert [push.count for push in pushes] == [1, 0]
    before, stood = watched(pair), tips(pair)
    began = datetime.fromisoformat(pair.ours.status().last_sync_at)
    day = Day((pair.ours, pair.theirs), every)
    day.pass_by()
    assert tips(pair) == stood
    assert watched(pair) == before
    assert [push.count for push in pushes] == [1, 0]
    assert [record for record in log.records if record.name.startswith("thrum")] == []
    for clone in (pair.ours, pair.theirs):
        assert datetime.fromisoformat(clone.status().last_sync_at) - began > timedelta(hours=20)
    return day


def test_a_day_without_a_word_makes_no_commit_no_push_and_no_byte_of_log(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    """All turns of 24 hours come round in the loop, and one in 48 of them is a real sync of both clones."""
    day = day_without_a_word(pair, 48, caplog)
    assert 1200 <= day.turns <= 1800  # a minute, and a fifth of it either way
    assert day.syncs >= 2 * 25


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_day_without_a_word_leaves_nothing_when_each_of_its_turns_is_a_real_sync(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    day = day_without_a_word(pair, 1, caplog)
    assert day.syncs == 2 * day.turns >= 2 * 1200
