"""Mailboxes, receipts, and what is sent: looking is not reading, and reading is for ever."""

from __future__ import annotations

import pytest

from tests.conftest import Two
from tests.machines import SetClock, with_clock
from thrum_store.errors import Invalid, NotAuthor, NotRegistered, UnknownMessage, UnknownRecipient
from thrum_store.identity import Caller
from thrum_store.log.events import Draft
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import editing, handover, sending
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.editing import MarkRead
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.sent import Outbox, ReadSent, outbox, show_sent
from thrum_store.service.team import agents, groups
from thrum_store.service.team.agents import Register
from thrum_store.service.team.groups import CreateGroup, Membership
from thrum_store.store import Store, open_store


def send(store: Store, author: Caller, *to: str, scopes: tuple[str, ...] = ()) -> str:
    """One message; its id."""
    return sending.send(store, author, SendMessage("text", to=to, scopes=scopes)).header.id


def ids(box: mailbox.Inbox | Outbox) -> list[str]:
    """The ids on a page, as listed."""
    return [message.header.id for message in box.messages]


def test_an_inbox_lists_the_newest_first(store: Store, two_agents: Two) -> None:
    sent = [send(store, two_agents.alice, "bob") for _ in range(3)]
    assert ids(mailbox.inbox(store, two_agents.bob, ReadInbox())) == sent[::-1]


def test_an_inbox_has_pages_and_counts(store: Store, two_agents: Two) -> None:
    sent = [send(store, two_agents.alice, "bob") for _ in range(5)][::-1]
    editing.mark_read(store, two_agents.bob, MarkRead((sent[0],)))
    page = mailbox.inbox(store, two_agents.bob, ReadInbox(page_size=2, page=3))
    assert (ids(page), page.total, page.unread, page.total_pages) == (sent[4:], 5, 4, 3)
    assert ids(mailbox.inbox(store, two_agents.bob, ReadInbox(page=9))) == []


@pytest.mark.parametrize(("total", "size", "pages"), [(0, 2, 0), (1, 2, 1), (2, 2, 1), (4, 2, 2), (5, 2, 3), (6, 3, 2)])
def test_pages_hold_every_message_once_also_if_the_last_page_is_full(
    store: Store, two_agents: Two, total: int, size: int, pages: int
) -> None:
    sent = [send(store, two_agents.alice, "bob") for _ in range(total)][::-1]
    received = [mailbox.inbox(store, two_agents.bob, ReadInbox(page_size=size, page=n + 1)) for n in range(pages + 1)]
    assert [message for page in received for message in ids(page)] == sent
    assert {(page.total, page.total_pages) for page in received} == {(total, pages)}
    assert received[-1].messages == ()
    mine = [outbox(store, two_agents.alice, ReadSent(page_size=size, page=n + 1)) for n in range(pages + 1)]
    assert [message for page in mine for message in ids(page)] == sent
    assert (mine[-1].messages, mine[-1].total_pages) == ((), pages)


@pytest.mark.parametrize(("size", "page"), [(0, 1), (101, 1), (10, 0), (10, -1)])
def test_a_page_that_cannot_be_is_refused(store: Store, two_agents: Two, size: int, page: int) -> None:
    with pytest.raises(Invalid):
        mailbox.inbox(store, two_agents.bob, ReadInbox(page_size=size, page=page))


def test_looking_is_not_reading(store: Store, two_agents: Two) -> None:
    sent = send(store, two_agents.alice, "bob")
    mailbox.inbox(store, two_agents.bob, ReadInbox(unread=True))
    mailbox.inbox(store, two_agents.bob, ReadInbox(everything=True))
    editing.get(store, sent)
    outbox(store, two_agents.alice, ReadSent())
    show_sent(store, two_agents.alice, sent)
    assert mailbox.inbox(store, two_agents.bob, ReadInbox()).unread == 1


def test_an_inbox_is_narrowed_to_unread_scope_or_mentions(store: Store, two_agents: Two) -> None:
    plain = send(store, two_agents.alice, "everyone")
    scoped = send(store, two_agents.alice, "everyone", scopes=("pr:1",))
    mentioned = [send(store, two_agents.alice, to) for to in ("bob", "reviewer")]
    editing.mark_read(store, two_agents.bob, MarkRead((plain,)))
    assert ids(mailbox.inbox(store, two_agents.bob, ReadInbox(unread=True))) == [*mentioned[::-1], scoped]
    assert ids(mailbox.inbox(store, two_agents.bob, ReadInbox(scope="pr:1"))) == [scoped]
    assert ids(mailbox.inbox(store, two_agents.bob, ReadInbox(mentions=True))) == mentioned[::-1]


def test_everything_shows_what_went_to_others_too(store: Store, two_agents: Two) -> None:
    agents.register(store, Register("carol", "tester", "auth"))
    sent = send(store, two_agents.alice, "carol")
    assert ids(mailbox.inbox(store, two_agents.bob, ReadInbox(everything=True))) == [sent]
    assert ids(mailbox.inbox(store, two_agents.bob, ReadInbox())) == []


def test_read_keeps_its_first_time(repo: Paths, two_agents: Two) -> None:
    clock = SetClock()
    with open_store(repo, with_clock(clock)) as store:
        sent = send(store, two_agents.alice, "bob")
        editing.mark_read(store, two_agents.bob, MarkRead((sent,)))
        (first,) = editing.get(store, sent).message.recipients
        clock.ms += 60_000
        assert editing.mark_read(store, two_agents.bob, MarkRead((sent,))).marked_count == 0
        with store.writing("bob") as shard:  # as another machine may say it a second time
            shard.append(Draft("message.read", {"messages": [sent]}))
        (later,) = editing.get(store, sent).message.recipients
        assert later == first
        store.rebuild()
        assert editing.get(store, sent).message.recipients[0].read_at == first.read_at


def test_marking_names_what_is_not_there_and_marks_nothing(store: Store, two_agents: Two) -> None:
    sent = send(store, two_agents.alice, "bob")
    with pytest.raises(UnknownMessage):
        editing.mark_read(store, two_agents.bob, MarkRead((sent, "msg_" + "0" * 26)))
    assert mailbox.inbox(store, two_agents.bob, ReadInbox()).unread == 1
    with pytest.raises(Invalid):
        editing.mark_read(store, two_agents.bob, MarkRead())


def test_marking_all_marks_all(store: Store, two_agents: Two) -> None:
    for _ in range(12):
        send(store, two_agents.alice, "bob")
    marked = editing.mark_read(store, two_agents.bob, MarkRead(everything=True))
    assert (marked.marked_count, marked.unread) == (12, 0)


def test_marking_somebody_elses_mail_changes_nothing(store: Store, two_agents: Two) -> None:
    sent = send(store, two_agents.alice, "bob")
    assert editing.mark_read(store, two_agents.alice, MarkRead((sent,))).marked_count == 0
    assert mailbox.inbox(store, two_agents.bob, ReadInbox()).unread == 1


def test_the_sender_sees_who_has_read(store: Store, two_agents: Two) -> None:
    agents.register(store, Register("carol", "reviewer", "auth"))
    sent = send(store, two_agents.alice, "@reviewer")
    editing.mark_read(store, two_agents.bob, MarkRead((sent,)))
    (message,) = outbox(store, two_agents.alice, ReadSent()).messages
    assert [(recipient.address, recipient.status) for recipient in message.recipients] == [
        ("bob", "read"),
        ("carol", "delivered"),
    ]
    assert message.read_count == 1
    assert ids(outbox(store, two_agents.alice, ReadSent(unread=True))) == [sent]
    editing.mark_read(store, Caller("carol", worktree="main"), MarkRead((sent,)))
    assert ids(outbox(store, two_agents.alice, ReadSent(unread=True))) == []


def test_what_was_sent_is_narrowed_to_an_address(store: Store, two_agents: Two) -> None:
    groups.create(store, two_agents.alice, CreateGroup("team"))
    groups.add(store, two_agents.alice, Membership("team", "agent", "bob"))
    agents.register(store, Register("carol", "tester", "auth"))
    sent = {to: send(store, two_agents.alice, to) for to in ("bob", "reviewer", "team", "everyone", "carol")}
    for to in ("reviewer", "team", "everyone"):
        assert ids(outbox(store, two_agents.alice, ReadSent(to=f"@{to}"))) == [sent[to]]
    assert set(ids(outbox(store, two_agents.alice, ReadSent(to="bob")))) == set(sent.values()) - {sent["carol"]}
    with pytest.raises(UnknownRecipient):
        outbox(store, two_agents.alice, ReadSent(to="nobody"))


def test_only_its_author_sees_a_sent_message_as_sent(store: Store, two_agents: Two) -> None:
    sent = send(store, two_agents.alice, "bob")
    assert show_sent(store, two_agents.alice, sent).message.header.id == sent
    with pytest.raises(NotAuthor):
        show_sent(store, two_agents.bob, sent)


def test_a_mailbox_belongs_to_somebody_registered(store: Store, two_agents: Two) -> None:
    with pytest.raises(NotRegistered):
        mailbox.inbox(store, Caller("nobody"), ReadInbox())


def test_a_check_takes_the_oldest_first_and_says_how_many_remain(store: Store, two_agents: Two) -> None:
    sent = [send(store, two_agents.alice, "bob") for _ in range(5)]
    taken = handover.check(store, two_agents.bob, 2)
    assert ([mail.header.id for mail in taken.messages], taken.remaining) == (sent[:2], 3)
    handover.acknowledge(store, two_agents.bob, taken)
    assert mailbox.inbox(store, two_agents.bob, ReadInbox()).unread == 3


def test_a_check_of_an_empty_mailbox_takes_nothing(store: Store, two_agents: Two) -> None:
    assert handover.check(store, two_agents.bob).messages == ()
    for limit in (0, 101):
        with pytest.raises(Invalid):
            handover.check(store, two_agents.bob, limit)


def test_a_check_takes_what_a_model_can_take_in_and_at_least_one(store: Store, two_agents: Two) -> None:
    for _ in range(3):
        sending.send(store, two_agents.alice, SendMessage("x" * 50_000, to=("bob",)))
    sending.send(store, two_agents.alice, SendMessage("x" * 200_000, to=("bob",)))
    sizes: list[int] = []
    while (taken := handover.check(store, two_agents.bob)).messages:
        sizes.append(sum(len(mail.content) for mail in taken.messages))
    assert sizes == [50_000, 50_000, 50_000, 200_000]


def day(number: int) -> int:
    """A day of a made-up month, in milliseconds."""
    return 1_800_000_000_000 + number * 24 * 3600 * 1000


def test_a_newcomer_sees_what_everyone_got_in_the_week_before_as_history(store: Store, two_agents: Two) -> None:
    clock = SetClock(day(1))
    with open_store(store.paths, with_clock(clock)) as later:
        send(later, two_agents.alice, "@everyone")
        clock.ms = day(5)
        to_all, _, _ = (send(later, two_agents.alice, to) for to in ("@everyone", "bob", "@reviewer"))
        clock.ms = day(9)
        agents.register(later, Register("carol", "reviewer", "core"))
        carol = Caller("carol", "")
        first = mailbox.inbox(later, carol, ReadInbox())
        new = send(later, two_agents.alice, "carol")
        both = mailbox.inbox(later, carol, ReadInbox())
        assert (ids(first), first.total, first.unread) == ([to_all], 1, 0)
        assert [(message.history, message.is_read) for message in both.messages] == [(False, False), (True, True)]
        assert (ids(both), both.total, both.unread) == ([new, to_all], 2, 1)
        assert ids(mailbox.inbox(later, carol, ReadInbox(unread=True))) == [new]
        assert ids(mailbox.inbox(later, carol, ReadInbox(page_size=1, page=2))) == [to_all]
        assert [message.header.id for message in handover.check(later, carol).messages] == [new]


def test_history_is_cut_at_fifty_messages_and_holds_no_deleted_message(store: Store, two_agents: Two) -> None:
    sent = [send(store, two_agents.alice, "@everyone", scopes=("module:odd",) if n % 2 else ()) for n in range(55)]
    editing.delete(store, two_agents.alice, editing.DeleteMessage(sent[-1], force=True))
    agents.register(store, Register("carol", "reviewer", "core"))
    carol = Caller("carol", "")
    page = mailbox.inbox(store, carol, ReadInbox(page_size=100))
    odd = mailbox.inbox(store, carol, ReadInbox(page_size=100, scope="module:odd"))
    assert ids(page) == sent[-2:-52:-1]
    assert ids(odd) == sent[-2::-2]
