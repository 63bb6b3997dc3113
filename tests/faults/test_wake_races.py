"""A send against a wait that is registering, looking or about to sleep: none is missed, and no tick is needed."""

from __future__ import annotations

import random
import select
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import FrameType
from typing import Any

import pytest

import thrum_mcp
import thrum_store
from tests.conftest import Two
from thrum_mcp.tools.mail_wait import MailWait
from thrum_store.machine.host import Bell
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import editing, handover, sending, waiting
from thrum_store.service.messages.editing import MarkRead
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.waiting import WaitFor
from thrum_store.store import Store, open_store

PACKAGES = tuple(str(Path(package.__file__ or "").parent) for package in (thrum_store, thrum_mcp))
LONG = 60.0
LATE = 10.0  # half of what the waits below last: what their bell missed, their last look finds after twenty


@pytest.fixture(autouse=True)
def no_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the slow tick only a bell ends a wait, so a lost one shows."""
    monkeypatch.setattr(waiting, "TICK", LONG)


class Interrupted:
    """Counts the lines of ours that this thread runs from the making of the bell on; sends something at one of them."""

    def __init__(self, at: int, act: Callable[[], str]) -> None:
        self._at, self._act = at, act
        self._counting = False
        self._before = sys.gettrace()
        self.lines = 0
        self.sent: list[str] = []
        self.until_the_end = 0  # lines before the wait is taken down

    def __enter__(self) -> Interrupted:
        sys.settrace(self._entered)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _entered(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGES):
            return None
        if code.co_qualname == "Bell.__init__":
            self._counting = True
        leaving = code.co_filename.endswith("waiting.py") and code.co_name in ("__exit__", "close")
        taken_down = leaving or code.co_qualname in ("Bell.__exit__", "Bell.close")
        if taken_down and not self.until_the_end:
            self.until_the_end = self.lines
        return self._line

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and self._counting:
            self.lines += 1
            if self.lines == self._at:
                sys.settrace(None)
                self.sent.append(self._act())
        return self._line


class Race:
    """alice sends to bob while bob waits."""

    def __init__(self, repo: Paths, two: Two) -> None:
        self.repo, self.two = repo, two
        with open_store(repo) as store:
            sending.send(store, two.alice, SendMessage("read before", to=("bob",)))
            editing.mark_read(store, two.bob, MarkRead(everything=True))

    def send(self) -> str:
        """One message from alice; its id."""
        with open_store(self.repo) as store:
            return sending.send(store, self.two.alice, SendMessage("now", to=("bob",), scopes=("pr:1",))).header.id

    def read(self) -> None:
        """Bob reads all he has."""
        with open_store(self.repo) as store:
            editing.mark_read(store, self.two.bob, MarkRead(everything=True))

    def at_each_line(self, act: Callable[[], str], request: WaitFor) -> int:
        """Let `act` happen at every line between the making of the bell and the sleep; each must end the wait.

        Mail that was there before must not.
        """
        self.send()
        with Interrupted(0, str) as run:
            waiting.wait(self.repo, self.two.bob, WaitFor(0, request.scope))
        for line in range(1, run.until_the_end + 2):
            self.read()
            self.send()
            with Interrupted(line, act) as raced:
                ended = waiting.wait(self.repo, self.two.bob, request)
            assert [message.header.id for message in ended.messages] == raced.sent, f"missed at line {line}"
            assert raced.sent
            assert ended.waited_seconds < LATE, f"only found by its last look, at line {line}"
        return run.until_the_end


@pytest.fixture
def race(repo: Paths, two_agents: Two) -> Race:
    """Two agents, one of whom will wait."""
    return Race(repo, two_agents)


@pytest.mark.parametrize("request_", [WaitFor(20), WaitFor(20, scope="pr:1")], ids=["mail", "scope"])
def test_a_send_at_any_line_of_a_wait_ends_it(race: Race, request_: WaitFor) -> None:
    assert race.at_each_line(race.send, request_) > 50


def test_a_send_after_a_rebuild_at_any_line_of_a_wait_ends_it(race: Race) -> None:
    def rebuild_and_send() -> str:
        with open_store(race.repo) as store:
            store.rebuild()
        return race.send()

    assert race.at_each_line(rebuild_and_send, WaitFor(20)) > 50


def waited(race: Race) -> list[str]:
    """The messages that end a wait of the command line, sent before its cursor or after it; read afterwards."""
    ended = waiting.wait(race.repo, race.two.bob, WaitFor(20, pending=True))
    assert ended.waited_seconds < LATE, "only found by its last look"
    race.read()
    return [message.header.id for message in ended.messages]


def kept(store: Store, race: Race, seconds: float) -> list[str]:
    """The messages that a wait of the MCP server hands over; read afterwards."""
    with Bell(store.paths.bells, race.two.bob.name) as bell:
        start = store.host.clock.monotonic()
        handed = MailWait(race.two.bob, bell, seconds).run(store)
    assert store.host.clock.monotonic() - start < LATE, "only found by its last look"
    handover.acknowledge(store, race.two.bob, handed)
    return [mail.header.id for mail in handed.messages]


def test_a_send_at_any_line_of_a_wait_of_the_mcp_server_ends_it(race: Race) -> None:
    with open_store(race.repo) as store:
        with Interrupted(0, str) as run:
            assert kept(store, race, 0) == []
        assert run.until_the_end > 40
        for line in range(1, run.until_the_end + 1):
            with Interrupted(line, race.send) as raced:
                got = kept(store, race, 20)
            assert got == raced.sent, f"missed at line {line}"
            assert raced.sent


def test_of_a_thousand_sends_at_any_moment_of_a_wait_none_is_missed(race: Race) -> None:
    run(race, 1000, lambda: waited(race))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_of_ten_thousand_sends_at_any_moment_of_a_wait_none_is_missed(race: Race) -> None:
    run(race, 10_000, lambda: waited(race))


def test_of_a_thousand_sends_at_any_moment_of_a_wait_of_the_mcp_server_none_is_missed(race: Race) -> None:
    with open_store(race.repo) as store:
        run(race, 1000, lambda: kept(store, race, 20))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_of_ten_thousand_sends_at_any_moment_of_a_wait_of_the_mcp_server_none_is_missed(race: Race) -> None:
    with open_store(race.repo) as store:
        run(race, 10_000, lambda: kept(store, race, 20))


def run(race: Race, count: int, wait: Callable[[], list[str]]) -> None:
    """Send at a random moment of so many waits, in another thread."""
    draw, start = random.Random(count), Barrier(2)

    def send(pause: float) -> str:
        start.wait()
        select.select([], [], [], pause)
        return race.send()

    with ThreadPoolExecutor(1) as other:
        for number in range(count):
            sent = other.submit(send, draw.uniform(0, 0.004))
            start.wait()
            assert wait() == [sent.result()], f"missed in race {number}"
