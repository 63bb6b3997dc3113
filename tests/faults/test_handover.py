"""Mail that is being handed over when the process dies comes again or is marked as read: never neither."""

from __future__ import annotations

import random
import select
from collections import Counter

import pytest

from tests.conftest import Two
from tests.machines import YEAR_MS, SetClock, with_clock
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import handover, sending
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import Store, open_store
from thrum_store.view.queries.lookup import RESERVED_MS

from .crowd import Speaker, register, sound

STEPS = (
    "check.reserved", "check.responded", "append.begin", "append.written", "append.durable", "commit.apply",
    "commit.visible",
)  # fmt: skip


def send(store: Store, two: Two, count: int) -> list[str]:
    """So many messages from alice to bob."""
    return [sending.send(store, two.alice, SendMessage(f"{n}", to=("bob",))).header.id for n in range(count)]


def taken_later(repo: Paths, two: Two) -> list[str]:
    """The mail that bob gets once every reservation has expired."""
    clock = SetClock()
    clock.ms += RESERVED_MS + 1000
    with open_store(repo, with_clock(clock)) as store:
        return [mail.header.id for mail in handover.check(store, two.bob).messages]


@pytest.mark.parametrize("step", STEPS)
def test_mail_whose_handover_died_at_any_step_comes_again_or_is_read(
    repo: Paths, store: Store, two_agents: Two, step: str
) -> None:
    sent = send(store, two_agents, 3)
    poller = Speaker(repo, "bob", "poll", "2", THRUM_TESTING="1", THRUM_FAILPOINT=f"{step}:kill")
    assert poller.wait() == -9, (poller.heard, poller.complaints)
    answered = [message for line in poller.heard for message in line.get("taken", [])]
    sound(repo)
    unread = [message.header.id for message in mailbox.inbox(store, two_agents.bob, ReadInbox(unread=True)).messages][
        ::-1
    ]
    read = [message for message in sent if message not in unread]
    assert set(read) <= set(answered)  # nothing is read that was not handed over
    assert taken_later(repo, two_agents) == unread
    assert [*read, *unread] == sent


def test_while_a_reservation_holds_nobody_else_gets_the_mail(repo: Paths, store: Store, two_agents: Two) -> None:
    sent = send(store, two_agents, 5)
    with open_store(repo) as other:
        first = handover.check(store, two_agents.bob, 3)
        second = handover.check(other, two_agents.bob, 3)
        third = handover.check(other, two_agents.bob, 3)
    assert [mail.header.id for mail in (*first.messages, *second.messages)] == sent
    assert third.messages == ()


def test_what_was_given_back_can_be_taken_at_once(store: Store, two_agents: Two) -> None:
    sent = send(store, two_agents, 2)
    handover.release(store, handover.check(store, two_agents.bob))
    assert [mail.header.id for mail in handover.check(store, two_agents.bob).messages] == sent


def test_a_reservation_expires_after_its_time_and_not_before(repo: Paths, two_agents: Two) -> None:
    clock = SetClock()
    with open_store(repo, with_clock(clock)) as store:
        sent = send(store, two_agents, 1)
        handover.check(store, two_agents.bob)
        clock.ms += RESERVED_MS - 1
        assert handover.check(store, two_agents.bob).messages == ()
        clock.ms += 1
        assert [mail.header.id for mail in handover.check(store, two_agents.bob).messages] == sent


def test_a_reservation_by_a_clock_that_was_a_year_ahead_holds_no_longer_than_any(repo: Paths, two_agents: Two) -> None:
    clock = SetClock()
    with open_store(repo, with_clock(clock)) as store:
        sent = send(store, two_agents, 1)
        clock.ms += YEAR_MS
        handover.check(store, two_agents.bob)
        clock.ms -= YEAR_MS
        assert [mail.header.id for mail in handover.check(store, two_agents.bob).messages] == sent


def test_mail_that_was_reserved_when_the_view_was_lost_comes_again(store: Store, two_agents: Two) -> None:
    sent = send(store, two_agents, 2)
    taken = handover.check(store, two_agents.bob)
    store.rebuild()
    assert [mail.header.id for mail in handover.check(store, two_agents.bob).messages] == sent
    handover.acknowledge(store, two_agents.bob, taken)
    assert handover.check(store, two_agents.bob).messages == ()


def test_eight_pollers_at_once_share_the_mail_between_them(repo: Paths, store: Store, two_agents: Two) -> None:
    sent = send(store, two_agents, 40)
    pollers = [Speaker(repo, "bob", "poll", "5") for _ in range(8)]
    assert [poller.wait() for poller in pollers] == [0] * 8
    taken = [message for poller in pollers for line in poller.heard for message in line.get("taken", [])]
    assert Counter(taken) == Counter(sent)
    assert mailbox.inbox(store, two_agents.bob, ReadInbox()).unread == 0


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_of_five_hundred_killed_pollers_none_loses_mail(repo: Paths) -> None:
    two = Two(*register(repo, ["alice", "bob"]))
    draw = random.Random(8)
    answered: set[str] = set()
    sent: list[str] = []
    for _ in range(500):
        with open_store(repo) as store:
            sent += send(store, two, 1)
        poller = Speaker(repo, "bob", "poll", "100")
        select.select([], [], [], draw.uniform(0.05, 0.15))
        poller.kill()
        answered |= {message for line in poller.heard for message in line.get("taken", [])}
    sound(repo)
    with open_store(repo) as store:
        sql = "SELECT m.id FROM messages m JOIN deliveries d ON d.message = m.number WHERE d.read_ms IS NULL"
        unread = {message for (message,) in store.view.execute(sql)}
    assert set(sent) - unread <= answered
    assert set(sent) - unread
