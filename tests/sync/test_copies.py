"""Copied clones: both go on, nothing is said twice, and no second story is published under one key."""

from __future__ import annotations

import json
import os
import shutil
import signal

import pytest

from tests.sync.clones import Clone, git
from tests.sync.conftest import Pair
from thrum_store.errors import StoreBusy
from thrum_store.identity import Caller
from thrum_store.machine.host import Host
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import Reply, SendMessage
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Register
from thrum_store.store import open_store

STEPS = ("rekey.prepared", "rekey.switched", "rekey.moved", "rebuild.filled", "admit.append", "sync.pushed")


def copied(original: Clone) -> Clone:
    """Copy a clone as `cp -a` does."""
    copy = Clone(original.root.parent / "copy")
    shutil.copytree(original.root, copy.root, symlinks=True)
    return copy


def settle(*clones: Clone) -> None:
    for _ in range(2):
        for clone in clones:
            clone.sync()


def texts(clone: Clone) -> list[str]:
    with clone.open() as store:
        return sorted(content for (content,) in store.view.execute("SELECT content FROM messages"))


@pytest.mark.parametrize(("ours", "theirs"), [(1, 1), (1, 3), (3, 1)])
def test_both_copies_go_on_and_everybody_hears_each_message_once(pair: Pair, ours: int, theirs: int) -> None:
    before, key = texts(pair.ours), pair.ours.store_id
    copy = copied(pair.ours)
    written = [f"the original {n}" for n in range(ours)] + [f"the copy {n}" for n in range(theirs)]
    for text in written:
        (copy if "copy" in text else pair.ours).send("alice", text, "@bob")
    pair.ours.sync()
    copy.sync()
    assert pair.ours.store_id == key != copy.store_id
    pair.ours.send("alice", "original again", "@bob")
    copy.send("albert", "copy again", "@bob")
    settle(pair.ours, copy, pair.theirs)
    expected = sorted([*before, *written, "original again", "copy again"])
    assert [texts(clone) for clone in (pair.ours, copy, pair.theirs)] == [expected] * 3
    assert pair.ours.view() == pair.theirs.view() == copy.view()
    assert not any(clone.status().frozen for clone in (pair.ours, copy, pair.theirs))
    assert copy.status().refused["copied"] == 1
    assert not any(clone.sync().committed for clone in (pair.ours, copy, pair.theirs))


def test_under_the_old_key_only_one_story_was_ever_published(pair: Pair) -> None:
    copy, old = copied(pair.ours), pair.ours.store_id
    config = copy.root / ".thrum" / "config.json"
    config.write_text(json.dumps({"local_only": True}), encoding="utf-8")
    copy.send("alice", "committed by the copy alone", "@bob")
    assert copy.sync().committed
    pair.ours.send("alice", "the original", "@bob")
    pair.ours.sync()
    config.write_text(json.dumps({"local_only": False}), encoding="utf-8")
    copy.sync()
    settle(pair.ours, copy, pair.theirs)
    history = git(pair.remote.root, "log", "--format=%H", "a-sync").split()
    stories = {
        git(pair.remote.root, "show", f"{commit}:{path}")
        for commit in history
        for path in pair.remote.files(commit)
        if path.startswith(f"v1/{old}/alice/00000001")
    }
    longest = max(stories, key=len)
    assert all(longest.startswith(story) for story in stories)
    assert "committed by the copy alone" in texts(pair.theirs)


def test_replies_edits_and_keys_follow_what_is_said_again(pair: Pair) -> None:
    copy = copied(pair.ours)
    asked = copy.send("alice", "a question of the copy", "@albert")
    with copy.open() as store:
        sending.reply(store, Caller("albert"), Reply(asked, "an answer of the copy"))
        keyed = SendMessage("once only", to=("@bob",), key="k1")
        sending.send(store, Caller("alice"), keyed)
    pair.ours.send("alice", "the original", "@bob")
    pair.ours.sync()
    copy.sync()
    with copy.open() as store:
        again = sending.send(store, Caller("alice"), keyed)
        threads = store.view.execute(
            "SELECT a.reply_to = q.id, a.thread = q.thread OR q.thread IS NULL FROM messages a, messages q"
            " WHERE a.content = 'an answer of the copy' AND q.content = 'a question of the copy'"
        ).fetchall()
        unread = [message.content for message in mailbox.inbox(store, Caller("alice"), mailbox.ReadInbox()).messages]
    assert threads == [(1, 1)]
    assert texts(copy).count("once only") == 1 and again.header.id
    assert unread == ["an answer of the copy"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_next_sync_finishes_it(pair: Pair, step: str) -> None:
    before = texts(pair.ours)
    copy = copied(pair.ours)
    pair.ours.send("alice", "the original", "@bob")
    copy.send("alice", "the copy", "@bob")
    copy.send("albert", "it too", "@bob")
    pair.ours.sync()
    copy.killed_at(step)
    copy.send("alice", "said right after", "@bob")
    settle(copy, pair.ours, pair.theirs)
    expected = sorted([*before, "the original", "the copy", "it too", "said right after"])
    assert [texts(clone) for clone in (pair.ours, copy, pair.theirs)] == [expected] * 3
    assert pair.ours.view() == pair.theirs.view() == copy.view()


def test_whoever_has_the_store_open_meanwhile_goes_on_under_the_new_keys(pair: Pair) -> None:
    copy = copied(pair.ours)
    pair.ours.send("alice", "the original", "@bob")
    copy.send("alice", "the copy", "@bob")
    pair.ours.sync()
    with copy.open() as store:
        copy.sync()
        sending.send(store, Caller("alice"), SendMessage("from a process that had it open", to=("@bob",)))
    settle(copy, pair.theirs)
    assert "from a process that had it open" in texts(pair.theirs)


def test_an_agent_that_registers_during_the_switch_waits_and_is_one_of_the_new_store(pair: Pair) -> None:
    copy = copied(pair.ours)
    pair.ours.send("alice", "the original", "@bob")
    copy.send("alice", "the copy", "@bob")
    pair.ours.sync()
    syncing = copy.stopped_at("rekey.prepared")
    with open_store(copy.paths, Host(patience=0.05)) as store, pytest.raises(StoreBusy):
        agents.register(store, Register("newcomer", "worker", "core"))
    os.kill(syncing.pid, signal.SIGCONT)
    assert syncing.wait() == 0
    copy.join("newcomer")
    copy.send("newcomer", "here I am", "@bob")
    settle(copy, pair.theirs)
    assert (copy.logs / copy.store_id / "newcomer").is_dir()
    assert "here I am" in texts(pair.theirs)


def test_a_branch_that_does_not_verify_gives_nobody_new_keys(pair: Pair) -> None:
    copy, key = copied(pair.ours), pair.ours.store_id
    pair.ours.send("alice", "the original", "@bob")
    copy.send("alice", "the copy", "@bob")
    pair.ours.sync()
    path = next(path for path in pair.remote.files() if path.startswith(f"v1/{key}/alice/"))
    pair.remote.plant({path: b"garbage\n"})
    copy.sync()
    assert copy.store_id == key
    pair.ours.sync()
    settle(copy, pair.theirs)
    assert copy.store_id != key
    assert {"the original", "the copy"} <= set(texts(pair.theirs))
