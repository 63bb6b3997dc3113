"""The rules of each event type: its sample is applied live, in a rebuild and after a purge alike."""

from __future__ import annotations

import pytest

from tests.canonical import dump
from thrum_store import carry_forward
from thrum_store.log.events import EVENT_TYPES, Event, Place, decode, encode, original
from thrum_store.store import Store
from thrum_store.view.projection import rules_of

from .conftest import OTHER, OWN, Writer, mailbox


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_a_sample_gives_the_same_view_live_and_rebuilt(opened: Store, writer: Writer, event_type: str) -> None:
    writer.register("alice")
    writer.append("alice", 5, event_type, dict(rules_of(event_type).sample))
    opened.catch_up()
    assert opened.view.execute("SELECT count(*) FROM rejected").fetchone() == (0,)
    live = dump(opened.view)
    opened.rebuild()
    assert dump(opened.view) == live


def test_a_sample_that_lacks_a_field_is_rejected_and_the_log_goes_on(opened: Store, writer: Writer) -> None:
    writer.append("alice", 5, "message.edit", {"message": "msg_0"})
    writer.append("alice", 6, "group.create", {"group": "team"})
    opened.catch_up()
    assert opened.view.execute("SELECT why FROM rejected").fetchall() == [("message.edit lacks 'content'",)]
    assert opened.view.execute("SELECT name FROM group_adds").fetchall() == [("team",)]


def test_an_event_of_an_unknown_type_changes_nothing(
    opened: Store, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EVENT_TYPES, "message.applaud", "evt_")
    writer.append("alice", 5, "message.applaud", {"message": "msg_0"})
    monkeypatch.delitem(EVENT_TYPES, "message.applaud")
    before = dump(opened.view)
    opened.catch_up()
    after = dump(opened.view)
    assert {table for table in after if after[table] != before[table]} == {"shards"}


def copies(store: Store, *events: Event, stays: bool = False) -> list[tuple[str, str, int]]:
    """Return type, id and time of what is carried forward when these events are purged."""
    drafts = carry_forward.carried(store, list(events), [], lambda _: stays)
    place = Place(OWN, "alice", 99, "0" * 32)
    again = [original(decode(encode(draft, place, 77)[0][:-1])) for draft in drafts]
    return [(event.type, event.id, event.ms) for event in again]


def as_before(*events: Event) -> list[tuple[str, str, int]]:
    """Return type, id and time of events."""
    return [(event.type, event.id, event.ms) for event in events]


def test_a_purge_carries_forward_what_holds(opened: Store, writer: Writer) -> None:
    old = writer.register("alice", 1)
    registered = writer.register("alice", 2)
    over = writer.append("alice", 3, "session.start", {})
    end = writer.append("alice", 4, "session.end", {"session": over.id, "reason": "normal"})
    session = writer.append("alice", 5, "session.start", {})
    group = writer.append("alice", 6, "group.create", {"group": "team"})
    member = {"group": "team", "member_type": "agent", "member_value": "bob"}
    added, gone = (writer.append("alice", ms, "group.member.add", member) for ms in (7, 8))
    removed = writer.append("alice", 9, "group.member.remove", {**member, "added": [gone.id]})
    message = writer.send("alice", 10, "bob")
    opened.catch_up()
    events = (old, registered, over, end, session, group, added, gone, removed, message)
    assert copies(opened, *events) == as_before(registered, session, group, added, removed)


def test_a_purge_carries_receipts_of_messages_that_stay(opened: Store, writer: Writer) -> None:
    receipt = writer.append("alice", 1, "message.read", {"messages": ["msg_0", "msg_1"]})
    opened.catch_up()
    assert copies(opened, receipt, stays=True) == as_before(receipt)
    assert copies(opened, receipt, stays=False) == []


def test_a_purge_carries_no_deleted_agent(opened: Store, writer: Writer) -> None:
    events = [writer.register("alice", 1), writer.append("alice", 2, "agent.delete", {"by": ""})]
    opened.catch_up()
    assert copies(opened, *events) == []


@pytest.mark.parametrize("deleted_first", [True, False])
def test_mail_up_to_the_moment_of_a_deletion_is_gone_and_later_mail_comes(
    opened: Store, writer: Writer, deleted_first: bool
) -> None:
    writer.register("alice", 1)
    for ms in (1999, 2000, 2001):
        writer.send("bob", ms, f"alice@{OWN}", str(ms), store=OTHER)
        if not deleted_first:
            opened.catch_up()
    writer.append("alice", 2000, "agent.delete", {"by": ""})
    opened.catch_up()
    assert mailbox(opened, "alice") == ["2001"]
    opened.rebuild()
    assert mailbox(opened, "alice") == ["2001"]
