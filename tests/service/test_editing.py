"""Edits and deletions: by the author only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.conftest import Two
from thrum_store.errors import Invalid, NeedsConfirmation, NotAuthor, UnknownMessage
from thrum_store.log.events import Draft
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import editing, sending
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.editing import DeleteMessage, EditMessage, MarkRead
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.sent import ReadSent, outbox
from thrum_store.store import Store, open_store


@pytest.fixture
def sent(store: Store, two_agents: Two) -> str:
    """A message from alice to bob."""
    return sending.send(store, two_agents.alice, SendMessage("first", to=("bob",))).header.id


def test_an_edit_replaces_the_text_and_counts(store: Store, two_agents: Two, sent: str) -> None:
    for count, text in enumerate(("second", "third"), 1):
        assert editing.edit(store, two_agents.alice, EditMessage(sent, text)).version == count
        message = editing.get(store, sent).message
        assert (message.content, message.version, message.updated_at is not None) == (text, count, True)


def test_an_edit_without_a_text_keeps_it(store: Store, two_agents: Two, sent: str) -> None:
    editing.edit(store, two_agents.alice, EditMessage(sent, structured={"pr": 42}))
    message = editing.get(store, sent).message
    assert (message.content, message.structured, message.version) == ("first", {"pr": 42}, 1)


def test_an_edit_without_a_text_keeps_one_that_came_just_before_it(repo: Paths, two_agents: Two, sent: str) -> None:
    opened = Event()

    def edit() -> None:
        with open_store(repo) as other:
            opened.set()
            editing.edit(other, two_agents.alice, EditMessage(sent, structured={"pr": 42}))

    with open_store(repo) as store, ThreadPoolExecutor(1) as thread:
        with store.writing("alice") as shard:
            edited = thread.submit(edit)
            opened.wait()
            shard.append(Draft("message.edit", {"message": sent, "content": "second"}))
        edited.result()
        message = editing.get(store, sent).message
    assert (message.content, message.structured, message.version) == ("second", {"pr": 42}, 2)


def test_an_edit_that_changes_nothing_is_refused(store: Store, two_agents: Two, sent: str) -> None:
    with pytest.raises(Invalid):
        editing.edit(store, two_agents.alice, EditMessage(sent))


def test_an_edited_message_stays_as_read_as_it_was(store: Store, two_agents: Two, sent: str) -> None:
    editing.mark_read(store, two_agents.bob, MarkRead((sent,)))
    editing.edit(store, two_agents.alice, EditMessage(sent, "second"))
    assert mailbox.inbox(store, two_agents.bob, ReadInbox()).unread == 0


def test_a_deleted_message_is_out_of_every_mailbox_and_its_text_is_not_shown(
    store: Store, two_agents: Two, sent: str
) -> None:
    editing.delete(store, two_agents.alice, DeleteMessage(sent, force=True, reason="wrong"))
    for _ in range(2):
        assert mailbox.inbox(store, two_agents.bob, ReadInbox()).total == 0
        assert mailbox.inbox(store, two_agents.bob, ReadInbox(everything=True)).total == 0
        assert outbox(store, two_agents.alice, ReadSent()).total == 0
        message = editing.get(store, sent).message
        assert (message.deleted, message.content, message.delete_reason) == (True, "", "wrong")
        store.rebuild()


def test_a_deletion_wants_to_be_confirmed(store: Store, two_agents: Two, sent: str) -> None:
    with pytest.raises(NeedsConfirmation):
        editing.delete(store, two_agents.alice, DeleteMessage(sent))
    assert mailbox.inbox(store, two_agents.bob, ReadInbox()).total == 1


def test_only_the_author_edits_or_deletes(store: Store, two_agents: Two, sent: str) -> None:
    with pytest.raises(NotAuthor):
        editing.edit(store, two_agents.bob, EditMessage(sent, "mine"))
    with pytest.raises(NotAuthor):
        editing.delete(store, two_agents.bob, DeleteMessage(sent, force=True))
    assert editing.get(store, sent).message.content == "first"


def test_what_is_deleted_stays_deleted(store: Store, two_agents: Two, sent: str) -> None:
    editing.delete(store, two_agents.alice, DeleteMessage(sent, force=True))
    with pytest.raises(Invalid):
        editing.edit(store, two_agents.alice, EditMessage(sent, "again"))
    with pytest.raises(Invalid):
        editing.delete(store, two_agents.alice, DeleteMessage(sent, force=True))


@pytest.mark.parametrize("message_id", ["", "msg_1", "../x", "msg_" + "0" * 25 + "\n"])
def test_an_id_that_cannot_be_one_is_refused(store: Store, two_agents: Two, message_id: str) -> None:
    with pytest.raises(Invalid):
        editing.get(store, message_id)


def test_an_id_that_nothing_has_is_refused(store: Store, two_agents: Two) -> None:
    nothing = "msg_" + "0" * 26
    with pytest.raises(UnknownMessage):
        editing.get(store, nothing)
    with pytest.raises(UnknownMessage):
        editing.edit(store, two_agents.alice, EditMessage(nothing, "x"))
    with pytest.raises(Invalid):
        editing.edit(store, two_agents.alice, EditMessage(nothing, ""))
