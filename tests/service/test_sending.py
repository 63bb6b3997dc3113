"""The recipients of a message, and the messages that are refused before anything is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Two
from tests.machines import SetClock, with_clock
from tests.oracle import spoken
from thrum_store.errors import Invalid, KeyReused, NotRegistered, UnknownMessage, UnknownRecipient, WorktreeMismatch
from thrum_store.identity import Caller
from thrum_store.service.messages import editing, sending
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.editing import EditMessage, MarkRead
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.sending import Reply, SendMessage, Sent
from thrum_store.service.team import agents, groups, sessions
from thrum_store.service.team.agents import Register
from thrum_store.service.team.groups import CreateGroup, Membership
from thrum_store.store import Store, open_store
from thrum_store.values import replaced

from .elsewhere import Elsewhere


@pytest.fixture
def carol(store: Store, two_agents: Two) -> Caller:
    """A second reviewer."""
    agents.register(store, Register("carol", "reviewer", "ui"))
    return Caller("carol", worktree="main")


@pytest.fixture
def elsewhere(scratch: Path) -> Iterator[Elsewhere]:
    """Another clone."""
    made = Elsewhere(scratch / "elsewhere")
    yield made
    made.store.close()


def send(store: Store, author: Caller, *to: str, **more: Any) -> Sent:
    """One message."""
    return sending.send(store, author, SendMessage("text", to=to, **more))


def names(sent: Sent) -> list[str]:
    """The recipients' addresses."""
    return [recipient.address for recipient in sent.recipients]


def got(store: Store, caller: Caller) -> list[str]:
    """The ids in a mailbox, oldest first."""
    return [message.header.id for message in mailbox.inbox(store, caller, ReadInbox(page_size=100)).messages][::-1]


@pytest.mark.parametrize("address", ["bob", "@bob", " @bob "])
def test_an_agent_is_addressed_by_name(store: Store, two_agents: Two, address: str) -> None:
    sent = send(store, two_agents.alice, address)
    assert names(sent) == ["bob"]
    assert got(store, two_agents.bob) == [sent.header.id]


def test_a_role_reaches_all_who_have_it(store: Store, two_agents: Two, carol: Caller) -> None:
    assert names(send(store, two_agents.alice, "@reviewer")) == ["bob", "carol"]


def test_a_sender_is_never_a_recipient(store: Store, two_agents: Two, carol: Caller) -> None:
    assert names(send(store, carol, "@reviewer", "@everyone")) == ["alice", "bob"]
    assert got(store, carol) == []


@pytest.mark.parametrize("to", [(), ("everyone",), ("@everyone",)])
def test_no_address_or_everyone_reaches_every_registered_agent(
    store: Store, two_agents: Two, carol: Caller, to: tuple[str, ...]
) -> None:
    sent = send(store, two_agents.alice, *to)
    assert (sent.resolved_to, names(sent)) == (2, ["bob", "carol"])


def test_a_group_reaches_its_members_its_roles_and_its_groups(store: Store, two_agents: Two, carol: Caller) -> None:
    for group in ("inner", "outer"):
        groups.create(store, two_agents.alice, CreateGroup(group))
    groups.add(store, two_agents.alice, Membership("inner", "agent", "bob"))
    groups.add(store, two_agents.alice, Membership("outer", "group", "inner"))
    assert names(send(store, two_agents.alice, "@outer")) == ["bob"]
    groups.add(store, two_agents.alice, Membership("outer", "role", "reviewer"))
    assert names(send(store, two_agents.alice, "@outer")) == ["bob", "carol"]


def test_a_group_without_members_is_told(store: Store, two_agents: Two) -> None:
    groups.create(store, two_agents.alice, CreateGroup("empty"))
    sent = send(store, two_agents.alice, "@empty")
    assert (names(sent), sent.warnings) == ([], ("no agent receives this message yet",))


def test_one_who_is_meant_several_times_gets_it_once(store: Store, two_agents: Two, carol: Caller) -> None:
    sent = send(store, two_agents.alice, "bob", "@bob", "reviewer", "everyone", mentions=("@bob",))
    assert names(sent) == ["bob", "carol"]
    assert got(store, two_agents.bob) == [sent.header.id]


def test_duplicate_addresses_scopes_and_refs_are_merged_before_they_are_written(store: Store, two_agents: Two) -> None:
    send(
        store, two_agents.alice, "bob", "@bob", mentions=("bob",), scopes=("pr:1", "pr:1"),
        refs=("mention:bob", "issue:2", "issue:2"),
    )  # fmt: skip
    (event,) = [event for event in _spoken_by(store, "alice") if event["y"] == "message.create"]
    assert event["d"]["to"] == [["agent", "bob"]]
    assert event["d"]["recipients"] == ["bob"]
    assert event["d"]["scopes"] == [["pr", "1"]]
    assert event["d"]["refs"] == [["mention", "bob"], ["issue", "2"]]


def _spoken_by(store: Store, name: str) -> list[dict[str, Any]]:
    return [event for (_, agent), events in spoken(store.paths.logs).items() if agent == name for event in events]


def test_an_unknown_recipient_fails_the_whole_send_and_names_the_nearest(
    store: Store, two_agents: Two, carol: Caller
) -> None:
    with pytest.raises(UnknownRecipient) as refused:
        send(store, two_agents.alice, "bob", "@caroll", "@reviwer", "@zzz")
    assert "@caroll, @reviwer, @zzz" in refused.value.message
    assert "@carol, @reviewer" in (refused.value.hint or "")
    assert got(store, two_agents.bob) == []
    assert [event["y"] for event in _spoken_by(store, "alice")] == ["agent.register"]


def test_recipients_are_those_at_the_moment_of_sending(store: Store, two_agents: Two) -> None:
    groups.create(store, two_agents.alice, CreateGroup("team"))
    groups.add(store, two_agents.alice, Membership("team", "role", "reviewer"))
    early = [send(store, two_agents.alice, to) for to in ("@reviewer", "@team", "@everyone")]
    agents.register(store, Register("late", "reviewer", "auth"))
    assert [names(sent) for sent in early] == [["bob"]] * 3
    assert got(store, Caller("late")) == [early[-1].header.id]  # shown as history, not delivered
    assert names(send(store, two_agents.alice, "@team")) == ["bob", "late"]


def test_one_who_left_a_group_keeps_what_came_before(store: Store, two_agents: Two) -> None:
    groups.create(store, two_agents.alice, CreateGroup("team"))
    member = Membership("team", "agent", "bob")
    groups.add(store, two_agents.alice, member)
    sent = send(store, two_agents.alice, "@team")
    groups.remove(store, two_agents.alice, member)
    send(store, two_agents.alice, "@team")
    assert got(store, two_agents.bob) == [sent.header.id]


# --- other stores ---------------------------------------------------------------------------------------------------


def test_an_agent_of_another_store_is_addressed_with_its_stores_name(
    store: Store, two_agents: Two, elsewhere: Elsewhere
) -> None:
    elsewhere.agent("zoe")
    elsewhere.reaches(store)
    address = elsewhere.address("zoe")
    assert names(send(store, two_agents.alice, address)) == [address]
    assert names(send(store, two_agents.alice, "zoe")) == [address]


def test_an_ambiguous_name_means_the_local_one_and_says_so(store: Store, two_agents: Two, elsewhere: Elsewhere) -> None:
    elsewhere.agent("bob")
    elsewhere.reaches(store)
    sent = send(store, two_agents.alice, "bob")
    assert names(sent) == ["bob"]
    assert elsewhere.address("bob") in sent.warnings[0]


@pytest.mark.parametrize("to", ["@everyone", "@tester", "@team"])
def test_an_agent_that_the_sender_did_not_know_yet_gets_what_its_role_group_or_everyone_got(
    repo: Any, two_agents: Two, elsewhere: Elsewhere, to: str
) -> None:
    zoe = elsewhere.agent("zoe", "tester")
    clock = SetClock()
    clock.ms += 1000
    with open_store(repo, with_clock(clock)) as store:
        agents.register(store, Register("tim", "tester", "auth"))
        groups.create(store, two_agents.alice, CreateGroup("team"))
        groups.add(store, two_agents.alice, Membership("team", "role", "tester"))
        clock.ms += 1000
        sent = send(store, two_agents.alice, to)
        assert elsewhere.address("zoe") not in names(sent)
        elsewhere.reaches(store)
        shown = editing.get(store, sent.header.id).message
        assert elsewhere.address("zoe") in [recipient.address for recipient in shown.recipients]
    assert zoe


def test_an_agent_that_registered_after_the_message_does_not_get_it(
    store: Store, two_agents: Two, elsewhere: Elsewhere, scratch: Path
) -> None:
    sent = send(store, two_agents.alice, "@everyone")
    clock = SetClock()
    clock.ms += 60_000
    later = Elsewhere(scratch / "later", with_clock(clock))
    later.agent("zoe")
    later.reaches(store)
    later.store.close()
    assert [recipient.address for recipient in editing.get(store, sent.header.id).message.recipients] == ["bob"]


# --- replies --------------------------------------------------------------------------------------------------------


def test_a_reply_goes_to_the_author_and_to_whom_the_message_went(store: Store, two_agents: Two, carol: Caller) -> None:
    parent = send(store, two_agents.alice, "@reviewer", scopes=("pr:1",))
    sent = sending.reply(store, two_agents.bob, Reply(parent.header.id, "answer"))
    assert names(sent) == ["alice", "carol"]
    shown = editing.get(store, sent.header.id).message
    assert (shown.header.reply_to, shown.header.thread) == (parent.header.id, parent.header.thread)
    assert [str(scope.value) for scope in shown.header.scopes] == ["1"]


def test_a_reply_marks_its_parent_as_read_and_its_author_sees_it_answered(store: Store, two_agents: Two) -> None:
    parent = send(store, two_agents.alice, "bob")
    sending.reply(store, two_agents.bob, Reply(parent.header.id, "answer"))
    assert mailbox.inbox(store, two_agents.bob, ReadInbox()).unread == 0
    (recipient,) = editing.get(store, parent.header.id).message.recipients
    assert (recipient.status, recipient.read_at is not None) == ("answered", True)


def test_a_reply_leaves_out_who_is_gone_and_says_so(store: Store, two_agents: Two) -> None:
    groups.create(store, two_agents.alice, CreateGroup("team"))
    groups.add(store, two_agents.alice, Membership("team", "agent", "bob"))
    parent = send(store, two_agents.alice, "@team")
    groups.delete(store, two_agents.alice, "team")
    sent = sending.reply(store, two_agents.bob, Reply(parent.header.id, "answer"))
    assert (names(sent), sent.warnings) == (["alice"], ("@team no longer exists and was left out",))


def test_a_reply_to_nothing_is_refused(store: Store, two_agents: Two) -> None:
    with pytest.raises(UnknownMessage):
        sending.reply(store, two_agents.bob, Reply("msg_" + "0" * 26, "answer"))
    with pytest.raises(UnknownMessage):
        send(store, two_agents.bob, "alice", reply_to="msg_" + "0" * 26)


# --- once, and not twice --------------------------------------------------------------------------------------------


def test_a_repeated_send_under_one_key_is_one_message(store: Store, two_agents: Two) -> None:
    first = send(store, two_agents.alice, "bob", key="k1")
    second = send(store, two_agents.alice, "bob", key="k1")
    assert second.header.id == first.header.id
    assert second.warnings == ("already sent under this idempotency key",)
    assert got(store, two_agents.bob) == [first.header.id]
    store.rebuild()
    assert send(store, two_agents.alice, "bob", key="k1").header.id == first.header.id


def test_a_key_cannot_come_back_with_another_message(store: Store, two_agents: Two) -> None:
    send(store, two_agents.alice, "bob", key="k1")
    with pytest.raises(KeyReused):
        sending.send(store, two_agents.alice, SendMessage("other", to=("bob",), key="k1"))
    with pytest.raises(KeyReused):
        sending.send(store, two_agents.alice, SendMessage("text", key="k1"))


def test_two_agents_may_use_the_same_key(store: Store, two_agents: Two) -> None:
    first = send(store, two_agents.alice, "bob", key="k1")
    other = send(store, two_agents.bob, "alice", key="k1")
    assert first.header.id != other.header.id


# --- what cannot be sent --------------------------------------------------------------------------------------------


BAD: list[tuple[dict[str, Any], str]] = [
    ({"content": ""}, "empty"),
    ({"content": " \n"}, "empty"),
    ({"content": "x" * 1_000_001}, "1,000,001 bytes"),
    ({"content": "ü" * 500_001}, "1,000,002 bytes"),
    ({"content": "\x01" * 600_000}, "bytes in the log"),
    ({"content": "a\0b"}, "NUL"),
    ({"content": "\ud800"}, "UTF-8"),
    ({"to": ("../x",)}, "not an address"),
    ({"to": ("-rf",)}, "not an address"),
    ({"to": ("bob\n@x",)}, "not an address"),
    ({"to": ("x" * 65,)}, "not an address"),
    ({"to": ("agent٣",)}, "not an address"),
    ({"to": ("",)}, "not an address"),
    ({"to": ("alice",)}, "to yourself"),
    ({"scopes": ("module",)}, "not a scope"),
    ({"scopes": (":x",)}, "not a scope"),
    ({"scopes": ("Module:x",)}, "not a scope"),
    ({"scopes": ("module:" + "x" * 257,)}, "not a scope"),
    ({"refs": ("pr:",)}, "not a ref"),
    ({"refs": tuple(f"pr:{n}" for n in range(65))}, "too many"),
    ({"format": "html"}, "not a format"),
    ({"structured": {"x": "y" * 16_384}}, "structured data"),
    ({"structured": {"x": float("nan")}}, "structured data"),
    ({"structured": {"x": "\ud800"}}, "structured data"),
    ({"structured": {"x": 2**53}}, "too large a number"),
    ({"structured": {"x": -(2**64)}}, "too large a number"),
    ({"structured": {"x": 10**400}}, "too large a number"),
    ({"structured": {"x": json.loads("[" * 70 + "]" * 70)}}, "too deep"),
    ({"structured": {"x": json.loads("[" * 900 + "]" * 900)}}, "too deep"),
    ({"key": ""}, "idempotency key"),
    ({"key": "k" * 65}, "idempotency key"),
    ({"thread": "thr_1"}, "not a thread id"),
    ({"reply_to": "msg_1"}, "not a message id"),
]


@pytest.mark.parametrize(("wrong", "why"), BAD, ids=[why + str(n) for n, (_, why) in enumerate(BAD)])
def test_what_cannot_be_sent_is_refused_and_nothing_is_stored(
    store: Store, two_agents: Two, wrong: dict[str, Any], why: str
) -> None:
    before = spoken(store.paths.logs)
    with pytest.raises(Invalid) as refused:
        sending.send(store, two_agents.alice, replaced(SendMessage("text", to=("bob",)), **wrong))
    assert why in refused.value.message
    assert refused.value.hint
    assert spoken(store.paths.logs) == before


@pytest.mark.parametrize("content", ["", " ", "\n\t\u3000"])
def test_the_hint_for_an_empty_message_is_true_of_a_command_a_tool_and_an_edit(
    store: Store, two_agents: Two, content: str
) -> None:
    sent = send(store, two_agents.alice, "bob").header.id
    for refused in (
        lambda: sending.send(store, two_agents.alice, SendMessage(content, to=("bob",))),
        lambda: sending.reply(store, two_agents.bob, Reply(sent, content)),
        lambda: editing.edit(store, two_agents.alice, EditMessage(sent, content)),
    ):
        with pytest.raises(Invalid) as error:
            refused()
        assert (error.value.message, error.value.hint) == ("the message is empty", "give it some text")


@pytest.mark.parametrize("content", ["x" * 1_000_000, "ü\u202e\x1b[2J\n\u2028\x7f", '{"a":1},"h":"0","i":"'])
def test_every_other_text_arrives_as_it_was(store: Store, two_agents: Two, content: str) -> None:
    sent = sending.send(store, two_agents.alice, SendMessage(content, to=("bob",)))
    for _ in range(2):
        assert editing.get(store, sent.header.id).message.content == content
        store.rebuild()


@pytest.mark.parametrize(
    "structured",
    [
        {}, {"n": 2**53 - 1, "m": -(2**53) + 1}, {"x": 0.1, "y": 1e22, "z": -0.0}, {"h": "x", "i": "msg_"},
        {"deep": [[[[{"a": [None, True]}]]]]},
    ],
    ids=str,
)  # fmt: skip
def test_structured_data_is_the_same_after_a_rebuild(store: Store, two_agents: Two, structured: dict[str, Any]) -> None:
    sent = send(store, two_agents.alice, "bob", structured=structured)
    for _ in range(2):
        assert editing.get(store, sent.header.id).message.structured == structured
        store.rebuild()


def test_a_message_carries_the_session_it_was_sent_in(store: Store, two_agents: Two) -> None:
    session = sessions.start(store, two_agents.alice).id
    sent = send(store, two_agents.alice, "bob")
    assert editing.get(store, sent.header.id).message.session == session


def test_nobody_speaks_under_a_name_that_nobody_registered(store: Store, two_agents: Two) -> None:
    with pytest.raises(NotRegistered):
        send(store, Caller("mallory", worktree="main"), "bob")


def test_nobody_speaks_under_a_name_of_another_worktree(store: Store, two_agents: Two) -> None:
    with pytest.raises(WorktreeMismatch) as refused:
        send(store, Caller("alice", worktree="feature"), "bob")
    assert "--force" in (refused.value.hint or "")
    mailbox.inbox(store, Caller("alice", worktree="feature"), ReadInbox())  # looking is free
    with pytest.raises(WorktreeMismatch):
        editing.mark_read(store, Caller("bob", worktree="feature"), MarkRead(everything=True))
