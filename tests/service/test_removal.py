"""Deleting an agent, and cleaning up those that nobody uses any more."""

from __future__ import annotations

import shutil
import time

import pytest

from tests.contract.manifest import requirement
from tests.places import Place, git
from thrum_store import presence_state
from thrum_store.errors import Invalid, NeedsConfirmation, NotFound, NotRegistered, UnknownRecipient
from thrum_store.machine.host import Bell
from thrum_store.service.messages import handover, sending
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.sent import ReadSent, outbox
from thrum_store.service.team import agents, contexts, removal, sessions
from thrum_store.service.team.agents import ListAgents, Register
from thrum_store.service.team.removal import Cleanup
from thrum_store.store import Store


def names(store: Store) -> list[str]:
    return sorted(agent.address for agent in agents.list_agents(store, ListAgents()).agents)


def texts(place: Place, name: str) -> list[str]:
    """Return the texts in a mailbox."""
    with place.open() as store:
        return [message.content for message in mailbox.inbox(store, place.caller(name), ReadInbox()).messages]


def test_a_deleted_agent_is_gone_with_its_identity_context_and_messages(place: Place) -> None:
    place.join("ann", "planner")
    place.join("bob")
    place.send("bob", "from bob", "@ann")
    with place.open() as store:
        contexts.save(store, "bob", "notes")
        deleted = removal.delete(store, "@bob", by="ann", force=True)
        assert (deleted.address, deleted.messages) == ("bob", 1)
        assert names(store) == ["ann"]
        with pytest.raises(UnknownRecipient):
            sending.send(store, place.caller("ann"), SendMessage("hello", to=("@bob",)))
        with pytest.raises(NotRegistered):
            sending.send(store, place.caller("bob"), SendMessage("hello", to=("@ann",)))
        assert contexts.show(store, "bob").has_context is False
    assert texts(place, "ann") == []
    assert not (place.root / ".thrum/identities/bob.json").exists()


def test_nothing_is_deleted_without_saying_so(place: Place) -> None:
    place.join("bob")
    with place.open() as store:
        with pytest.raises(NeedsConfirmation, match="bob"):
            removal.delete(store, "bob")
        with pytest.raises(NotFound, match="agent not found"):
            removal.delete(store, "nobody", force=True)
        assert names(store) == ["bob"]


def test_a_rebuild_does_not_bring_a_deleted_agent_back(place: Place) -> None:
    place.join("ann", "planner")
    place.join("bob")
    place.send("bob", "from bob", "@ann")
    with place.open() as store:
        removal.delete(store, "bob", force=True)
        store.rebuild()
        assert names(store) == ["ann"]
    assert texts(place, "ann") == []


def test_who_takes_the_name_again_begins_with_an_empty_mailbox(place: Place) -> None:
    place.join("ann", "planner")
    bob = place.join("bob")
    place.send("ann", "old", "@bob")
    place.send("ann", "read", "@bob")
    with place.open() as store:
        handover.acknowledge(store, bob, handover.check(store, bob, 1))
        place.watch.pass_by(minutes=1)
        removal.delete(store, "bob", force=True)
        place.watch.pass_by(minutes=1)
        assert agents.register(store, Register("bob", "reviewer", "core")).status == "registered"
    place.send("ann", "new", "@bob")
    place.send("ann", "for all")
    assert texts(place, "bob") == ["for all", "new"]
    with place.open() as store:
        store.rebuild()
        sent = outbox(store, place.caller("ann"), ReadSent()).messages
    assert texts(place, "bob") == ["for all", "new"]
    assert [len(message.recipients) for message in sent] == [1, 1, 0, 0]


def test_cleanup_finds_agents_whose_worktree_is_gone_and_says_what_it_would_do(place: Place) -> None:
    place.join("ann", "planner")
    place.branch_out("feature").join("bob")
    shutil.rmtree(place.root.parent / "feature")
    place.watch.pass_by(days=2)
    with place.open() as store:
        cleaned = removal.cleanup(store, Cleanup(dry_run=True))
        (orphan,) = cleaned.orphans
        assert (orphan.address, orphan.worktree_missing, orphan.days_since_last_seen) == ("bob", True, 2)
        assert (orphan.branch_missing, cleaned.deleted, names(store)) == (False, (), ["ann", "bob"])
        assert removal.cleanup(store, Cleanup(force=True)).deleted == ("bob",)
        assert names(store) == ["ann"]
        assert presence_state.load(store.paths.var, store.host, "bob") == presence_state.NOTHING


@requirement("agent:cleanup:threshold")
def test_the_threshold_counts_for_the_agents_of_all_worktrees_but_not_for_the_caller(place: Place) -> None:
    place.join("ann", "planner")
    place.branch_out("feature").join("bob")
    place.watch.pass_by(days=9)
    place.branch_out("young").join("cleo")
    with place.open() as store:
        assert removal.cleanup(store, Cleanup()).orphans == ()
        week = removal.cleanup(store, Cleanup(threshold=7), by="ann")
        assert [(orphan.address, orphan.worktree_missing) for orphan in week.orphans] == [("bob", False)]
        assert {orphan.address for orphan in removal.cleanup(store, Cleanup(threshold=9)).orphans} == {"ann", "bob"}
        assert removal.cleanup(store, Cleanup(threshold=7, force=True, only=("cleo", "ann"))).deleted == ("ann",)
        assert names(store) == ["bob", "cleo"]


def test_a_locked_worktree_that_is_not_there_may_come_back(place: Place) -> None:
    place.branch_out("feature").join("bob")
    git(place.root, "worktree", "lock", str(place.root.parent / "feature"))
    shutil.rmtree(place.root.parent / "feature")
    place.watch.pass_by(days=2)
    with place.open() as store:
        assert removal.cleanup(store, Cleanup(force=True)).deleted == ()


def test_an_agent_that_waits_for_mail_is_used_whatever_became_of_its_worktree(place: Place) -> None:
    place.branch_out("feature").join("bob")
    git(place.root, "worktree", "remove", "--force", str(place.root.parent / "feature"))
    with place.open() as store:
        with Bell(store.paths.bells, "bob"):
            assert removal.cleanup(store, Cleanup(force=True)).deleted == ()
        assert removal.cleanup(store, Cleanup(force=True)).deleted == ("bob",)


def test_an_active_agent_in_a_worktree_that_was_moved_is_used(place: Place) -> None:
    feature = place.branch_out("feature")
    place.watch.ms = time.time_ns() // 1_000_000
    feature.root.rename(place.root.parent / "elsewhere")
    place.watch.pass_by(minutes=1)
    Place(place.root.parent / "elsewhere", place.watch).join("bob")
    with place.open() as store:
        assert removal.cleanup(store, Cleanup()).orphans == ()


def test_cleanup_leaves_who_is_active_or_was_seen_within_the_threshold(place: Place) -> None:
    feature = place.branch_out("feature")
    feature.join("bob")
    place.join("ann", "planner")
    shutil.rmtree(feature.root)
    git(place.root, "worktree", "prune")
    place.watch.pass_by(days=6)
    with place.open() as store:
        assert [orphan.address for orphan in removal.cleanup(store, Cleanup(threshold=7)).orphans] == ["bob"]
        assert len(removal.cleanup(store, Cleanup(threshold=5)).orphans) == 2
        sessions.start(store, place.caller("ann"))
        assert [orphan.address for orphan in removal.cleanup(store, Cleanup(threshold=5)).orphans] == ["bob"]


@requirement("agent:cleanup:threshold")
def test_thirty_days_without_a_sign_of_life_are_long_enough_unless_told_otherwise(place: Place) -> None:
    place.join("ann", "planner")
    place.watch.pass_by(days=29)
    with place.open() as store:
        assert removal.cleanup(store, Cleanup()).orphans == ()
    place.watch.pass_by(days=2)
    with place.open() as store:
        assert [orphan.address for orphan in removal.cleanup(store, Cleanup()).orphans] == ["ann"]


def test_a_cleanup_that_contradicts_itself_is_refused(place: Place) -> None:
    with place.open() as store:
        for request in (Cleanup(force=True, dry_run=True), Cleanup(threshold=0)):
            with pytest.raises(Invalid):
                removal.cleanup(store, request)
