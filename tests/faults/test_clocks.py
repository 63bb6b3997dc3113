"""Wall clocks that jump, stand or tremble: nothing is lost, doubled or out of order; nothing is ordered by them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.conftest import Two
from tests.machines import IN_2099, YEAR_MS, OddClock, SetClock, with_clock
from tests.oracle import spoken
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import handover, sending, waiting
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.sent import ReadSent, outbox
from thrum_store.service.messages.waiting import WaitFor
from thrum_store.service.team import agents, sessions
from thrum_store.service.team.agents import ListAgents
from thrum_store.service.team.sessions import EndSession
from thrum_store.store import Store, open_store

from .crowd import agree

CLOCKS: dict[str, Callable[[int], int]] = {
    "a year back": lambda ms: ms - YEAR_MS,
    "in 2099": lambda _: IN_2099,
    "before 1970": lambda _: -5000,
    "standing": lambda _: 1_700_000_000_000,
    "trembling": lambda ms: ms + random.Random(ms).randint(-1000, 1000),
    "running backwards": lambda ms: 3_000_000_000_000 - ms,
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_under_any_clock_each_senders_order_is_kept_and_no_id_comes_twice(
    repo: Paths, two_agents: Two, clock: str
) -> None:
    with open_store(repo, with_clock(OddClock(CLOCKS[clock]))) as store:
        sent = [sending.send(store, two_agents.alice, SendMessage(f"{n}", to=("bob",))).header.id for n in range(80)]
        assert len(set(sent)) == 80
        assert received(store, two_agents) == sent
        agree(store)
        store.rebuild()
        assert received(store, two_agents) == sent
        agree(store)


@pytest.mark.parametrize("clock", CLOCKS)
def test_under_any_clock_all_use_cases_work(repo: Paths, two_agents: Two, clock: str) -> None:
    with open_store(repo, with_clock(OddClock(CLOCKS[clock]))) as store:
        sessions.start(store, two_agents.bob)
        sending.send(store, two_agents.alice, SendMessage("text", to=("bob",)))
        handover.acknowledge(store, two_agents.bob, handover.check(store, two_agents.bob))
        assert outbox(store, two_agents.alice, ReadSent()).messages[0].read_count == 1
        assert agents.list_agents(store, ListAgents()).count == 2
        assert sessions.end(store, two_agents.bob, EndSession()).duration_ms >= 0
        agree(store)


def test_a_clock_that_jumps_to_2099_and_back_reorders_nothing(repo: Paths, two_agents: Two) -> None:
    clock = SetClock()
    sent: list[str] = []
    with open_store(repo, with_clock(clock)) as store:
        for jump in (0, IN_2099 - clock.ms, -YEAR_MS, YEAR_MS, 0):
            clock.ms += jump
            for caller, to in ((two_agents.alice, "bob"), (two_agents.bob, "alice")):
                sent.append(sending.send(store, caller, SendMessage("text", to=(to,))).header.id)
        assert len(set(sent)) == len(sent)
        assert received(store, two_agents) == sent[::2]
        store.rebuild()
        assert received(store, two_agents) == sent[::2]
    assert [len(events) for events in spoken(repo.logs).values()] == [6, 6]


@pytest.mark.parametrize("clock", CLOCKS)
def test_under_any_clock_a_wait_ends_in_time(repo: Paths, two_agents: Two, clock: str) -> None:
    host = with_clock(OddClock(CLOCKS[clock]))
    with open_store(repo, host) as store:
        sending.send(store, two_agents.alice, SendMessage("old", to=("bob",)))
    assert waiting.wait(repo, two_agents.bob, WaitFor(0.05), host).status == "timeout"


def received(store: Store, two: Two) -> list[str]:
    """Return the messages in bob's mailbox, oldest first."""
    page = mailbox.inbox(store, two.bob, ReadInbox(page_size=100))
    return [message.header.id for message in page.messages][::-1]
