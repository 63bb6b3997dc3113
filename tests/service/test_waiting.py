"""The messages that end a wait, and those that do not."""

from __future__ import annotations

import os
from threading import Timer

import pytest

from tests.conftest import Two
from tests.faults.crowd import Speaker
from tests.machines import YEAR_MS, SetClock, with_clock
from thrum_store.errors import Invalid, NotInitialized, NotRegistered
from thrum_store.identity import Caller
from thrum_store.repository.paths import VIEW_POINTER, WAITS, Paths
from thrum_store.service.messages import editing, sending, waiting
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.editing import MarkRead
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.waiting import WaitFor
from thrum_store.store import Store, open_store


def say(repo: Paths, author: Caller, *to: str, scopes: tuple[str, ...] = ()) -> str:
    """One message, by a store of its own; its id."""
    with open_store(repo) as store:
        return sending.send(store, author, SendMessage("text", to=to, scopes=scopes)).header.id


def ids(repo: Paths, caller: Caller, request: WaitFor) -> list[str]:
    """The ids of the messages that ended a wait."""
    return [signal.header.id for signal in waiting.wait(repo, caller, request).messages]


def test_a_wait_ends_with_sender_and_id_and_marks_nothing(repo: Paths, store: Store, two_agents: Two) -> None:
    later = Timer(0.05, say, (repo, two_agents.alice, "bob"))
    later.start()
    ended = waiting.wait(repo, two_agents.bob, WaitFor(20))
    later.join()
    (signal,) = ended.messages
    assert (ended.status, signal.header.author) == ("received", "alice")
    assert mailbox.inbox(store, two_agents.bob, mailbox.ReadInbox(unread=True)).unread == 1


def test_a_wait_that_nothing_ends_says_so(repo: Paths, two_agents: Two) -> None:
    ended = waiting.wait(repo, two_agents.bob, WaitFor(0.05))
    assert (ended.status, ended.messages) == ("timeout", ())
    assert ended.waited_seconds >= 0.05


def test_mail_from_before_does_not_end_a_wait(repo: Paths, two_agents: Two) -> None:
    say(repo, two_agents.alice, "bob")
    assert ids(repo, two_agents.bob, WaitFor(0)) == []


def test_a_negative_offset_reaches_back(repo: Paths, two_agents: Two) -> None:
    sent = [say(repo, two_agents.alice, "bob") for _ in range(2)]
    assert ids(repo, two_agents.bob, WaitFor(0, after=-30)) == sent


def test_a_wait_that_reaches_back_takes_what_was_read_too(repo: Paths, store: Store, two_agents: Two) -> None:
    sent = say(repo, two_agents.alice, "bob", scopes=("pr:1",))
    editing.mark_read(store, two_agents.bob, MarkRead(everything=True))
    assert ids(repo, two_agents.bob, WaitFor(0, after=-30)) == [sent]
    assert ids(repo, two_agents.bob, WaitFor(0, scope="pr:1", after=-30)) == [sent]


def test_unread_mail_ends_a_pending_wait_once(repo: Paths, store: Store, two_agents: Two) -> None:
    first = [say(repo, two_agents.alice, "bob") for _ in range(2)]
    assert ids(repo, two_agents.bob, WaitFor(0)) == []
    assert ids(repo, two_agents.bob, WaitFor(0, pending=True)) == first
    assert ids(repo, two_agents.bob, WaitFor(0, pending=True)) == []
    later = say(repo, two_agents.alice, "bob")
    assert ids(repo, two_agents.bob, WaitFor(0, pending=True)) == [later]
    os.unlink(repo.in_var(VIEW_POINTER))  # a rebuilt view numbers anew: what is unread is reported once more
    assert ids(repo, two_agents.bob, WaitFor(0, pending=True)) == [*first, later]


def test_a_wait_whose_record_is_damaged_reports_what_is_unread(repo: Paths, two_agents: Two) -> None:
    sent = say(repo, two_agents.alice, "bob")
    assert ids(repo, two_agents.bob, WaitFor(0, pending=True)) == [sent]
    with open(os.path.join(repo.in_var(WAITS), "bob"), "wb") as record:
        record.write(b"\xff\x00 rubbish")
    assert ids(repo, two_agents.bob, WaitFor(0, pending=True)) == [sent]


def test_ones_own_message_does_not_end_a_wait(repo: Paths, two_agents: Two) -> None:
    say(repo, two_agents.bob, "everyone", scopes=("pr:1",))
    assert ids(repo, two_agents.bob, WaitFor(0, after=-30)) == []
    assert ids(repo, two_agents.bob, WaitFor(0, scope="pr:1", after=-30)) == []


def test_a_positive_offset_ignores_what_comes_too_early(repo: Paths, two_agents: Two) -> None:
    early = Timer(0.05, say, (repo, two_agents.alice, "bob"))
    late = Timer(0.8, say, (repo, two_agents.alice, "bob"))
    early.start()
    late.start()
    ended = waiting.wait(repo, two_agents.bob, WaitFor(20, after=0.4))
    late.join()
    assert len(ended.messages) == 1
    assert ended.waited_seconds >= 0.8


def test_what_comes_just_after_a_positive_offset_ends_the_wait(repo: Paths, two_agents: Two) -> None:
    late = Timer(0.5, say, (repo, two_agents.alice, "bob"))
    late.start()
    assert len(ids(repo, two_agents.bob, WaitFor(20, after=0.3))) == 1
    late.join()


def test_a_scope_ends_a_wait_whoever_the_message_is_for(repo: Paths, store: Store, two_agents: Two) -> None:
    say(repo, two_agents.alice, "bob", scopes=("pr:2",))
    sent = say(repo, two_agents.alice, "bob", scopes=("pr:1",))
    assert ids(repo, two_agents.bob, WaitFor(0, scope="pr:1", after=-30)) == [sent]


@pytest.mark.parametrize("mention", ["reviewer", "@reviewer"])
def test_a_mention_of_a_role_ends_a_wait(repo: Paths, two_agents: Two, mention: str) -> None:
    sent = say(repo, two_agents.alice, "@reviewer")
    say(repo, two_agents.alice, "bob")
    assert ids(repo, two_agents.bob, WaitFor(0, mention=mention, after=-30)) == [sent]


def test_a_line_whose_writer_died_ends_a_wait_at_the_next_tick(repo: Paths, two_agents: Two) -> None:
    def die() -> None:
        dead = Speaker(repo, "alice", "send", "bob", THRUM_TESTING="1", THRUM_FAILPOINT="append.durable:kill")
        assert dead.wait() == -9

    later = Timer(0.1, die)
    later.start()
    assert len(ids(repo, two_agents.bob, WaitFor(20))) == 1
    later.join()


def test_a_clock_that_was_set_back_ends_no_wait_early_or_late(repo: Paths, two_agents: Two) -> None:
    clock = SetClock()
    say(repo, two_agents.alice, "bob")
    clock.ms -= YEAR_MS
    ended = waiting.wait(repo, two_agents.bob, WaitFor(0.05), with_clock(clock))
    assert (ended.status, ended.waited_seconds < 10) == ("timeout", True)


def test_a_wait_leaves_no_bell_behind(repo: Paths, two_agents: Two) -> None:
    waiting.wait(repo, two_agents.bob, WaitFor(0))
    with pytest.raises(NotRegistered):
        waiting.wait(repo, Caller("nobody"), WaitFor(0))
    assert os.listdir(repo.bells) == []


def test_the_bell_of_a_waiter_that_died_is_taken_down_by_the_next_ring(repo: Paths, two_agents: Two) -> None:
    os.mkfifo(os.path.join(repo.bells, "bob.1.dead"))
    say(repo, two_agents.alice, "bob")
    assert os.listdir(repo.bells) == []


def test_a_wait_refuses_what_it_cannot_wait_for(repo: Paths, two_agents: Two) -> None:
    for request in (WaitFor(0, scope="nothing"), WaitFor(0, mention="../x")):
        with pytest.raises(Invalid):
            waiting.wait(repo, two_agents.bob, request)
    with pytest.raises(NotInitialized):
        waiting.wait(repo._replace(var="/nowhere"), two_agents.bob, WaitFor(0))
