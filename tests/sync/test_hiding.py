"""A purge hides other stores' older messages on this machine; their logs stay, and nothing brings the messages back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sync.clones import Clone
from tests.sync.conftest import Pair
from thrum_store.errors import Corrupted, UnknownMessage
from thrum_store.identity import Caller
from thrum_store.repository.paths import VIEW_POINTER
from thrum_store.service.messages import editing, handover, search, sending
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.editing import EditMessage
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.search import Search
from thrum_store.service.messages.sending import Reply
from thrum_store.service.upkeep import purge
from thrum_store.service.upkeep.purge import Purge, Purged

THRUM = str(Path(sys.executable).with_name("thrum"))
OLD = "the old canary sings"


def hidden(clone: Clone, before: str | None = None, *, confirm: bool = True) -> Purged:
    with clone.open() as store:
        return purge.purge(store, Purge(before, everything=before is None, confirm=confirm))


def thrum(clone: Clone, *arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The real command, as the clone's agent bob."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("THRUM_")}
    return subprocess.run(
        [THRUM, *arguments], cwd=clone.root, capture_output=True, text=True, check=False,
        env={**variables, "THRUM_NAME": "bob", **(environ or {})},
    )  # fmt: skip


def shown(clone: Clone, agent: str = "bob") -> list[str]:
    with clone.open() as store:
        page = mailbox.inbox(store, Caller(agent), ReadInbox(page_size=100))
        return [message.content for message in page.messages]


def rebuilt(clone: Clone) -> Clone:
    with clone.open() as store:
        store.rebuild()
    return clone


@pytest.fixture
def old(pair: Pair) -> Pair:
    """Three messages of alice, to bob and to everyone, are known in both clones."""
    for text, to in ((OLD, "@bob"), (f"{OLD} again", "@everyone"), (f"{OLD} and again", "@worker")):
        pair.ours.send("alice", text, to)
    pair.ours.sync()
    pair.theirs.sync()
    assert len(shown(pair.theirs)) == 3
    return pair


def test_the_preview_and_the_purge_say_how_many_are_hidden(old: Pair) -> None:
    preview = thrum(old.theirs, "purge", "--all")
    assert preview.returncode == 0
    expected = "3 messages of other machines would no longer be shown here; their logs stay, and sync carries them on"
    assert expected in preview.stdout and "--confirm" in preview.stdout
    assert len(shown(old.theirs)) == 3
    done = thrum(old.theirs, "purge", "--all", "--confirm")
    assert "3 messages of other machines no longer shown here; their logs stay" in done.stdout
    assert shown(old.theirs) == []
    answer: dict[str, Any] = json.loads(thrum(old.theirs, "purge", "--all", "--confirm", "--json").stdout)
    assert answer["messages_hidden"] == 0
    assert "nothing to purge" in thrum(old.theirs, "purge", "--all").stdout


def test_hidden_messages_are_in_no_inbox_search_export_or_query(old: Pair, tmp_path: Path) -> None:
    with old.theirs.open() as store:
        (*_, first) = mailbox.inbox(store, Caller("bob"), ReadInbox()).messages
        assert search.find(store, None, Search("canary")).total == 3
    assert thrum(old.theirs, "purge", "--all", "--confirm").returncode == 0
    for clone in (old.theirs, rebuilt(old.theirs)):
        with clone.open() as store:
            assert search.find(store, None, Search("canary")).total == 0
            assert mailbox.inbox(store, Caller("bob"), ReadInbox(everything=True)).total == 0
            with pytest.raises(UnknownMessage):
                editing.get(store, first.header.id)
        assert thrum(clone, "query", "SELECT count(*) AS n FROM messages", "--csv").stdout == "n\n0\n"
        assert thrum(clone, "query", "SELECT count(*) AS n FROM deliveries", "--csv").stdout == "n\n0\n"
    copy = tmp_path / "copy.db"
    assert thrum(old.theirs, "export", "--to", str(copy)).returncode == 0
    assert OLD.encode() not in copy.read_bytes()
    var = old.theirs.root / ".git/thrum-sync/var"
    assert not [path for path in var.glob("*.db*") if OLD.encode() in path.read_bytes()]


def test_their_logs_stay_and_go_on_to_others(old: Pair) -> None:
    logs = {path: path.read_bytes() for path in old.theirs.logs.rglob("*.jsonl") if "/alice/" in str(path)}
    hidden(old.theirs)
    old.theirs.sync()
    assert {path: path.read_bytes() for path in logs} == logs
    old.ours.sync()
    assert len(shown(old.ours, "albert")) == 2
    assert OLD in old.remote.clone("third", "carl").contents()


def test_newer_messages_arrive_as_always(old: Pair) -> None:
    hidden(old.theirs)
    old.ours.send("alice", "news", "@bob")
    old.ours.sync()
    old.theirs.sync()
    assert shown(old.theirs) == shown(rebuilt(old.theirs)) == ["news"]


def test_only_messages_before_the_time_are_hidden(old: Pair) -> None:
    with old.theirs.open() as store:
        newest, *_ = mailbox.inbox(store, Caller("bob"), ReadInbox()).messages
    assert hidden(old.theirs, newest.header.sent_at).messages_hidden == 2
    assert shown(old.theirs) == shown(rebuilt(old.theirs)) == [newest.content]
    assert hidden(old.theirs, newest.header.sent_at).messages_hidden == 0
    assert hidden(old.theirs).messages_hidden == 1


def test_a_message_that_was_not_here_yet_is_shown_however_old_it_is(old: Pair) -> None:
    """Nobody here saw it: to hide it would lose it."""
    old.ours.send("alice", "written on the train", "@bob")
    hidden(old.theirs)
    old.ours.sync()
    old.theirs.sync()
    assert shown(old.theirs) == ["written on the train"]


def test_one_who_registers_later_gets_no_hidden_message_as_history_or_late(old: Pair) -> None:
    hidden(old.theirs)
    old.theirs.join("zoe")
    assert shown(old.theirs, "zoe") == shown(rebuilt(old.theirs), "zoe") == []
    old.ours.join("worker2")
    old.ours.sync()
    old.theirs.sync()
    with old.theirs.open() as store:
        assert mailbox.inbox(store, Caller("zoe"), ReadInbox(everything=True)).total == 0


@pytest.mark.parametrize("loss", ["clean", "pointer", "views"])
def test_a_clean_or_a_lost_view_brings_nothing_back(old: Pair, loss: str) -> None:
    hidden(old.theirs)
    var = old.theirs.root / ".git/thrum-sync/var"
    if loss == "clean":
        old.theirs.git("clean", "-fdxq")
        assert thrum(old.theirs, "init").returncode == 0
    elif loss == "pointer":
        (var / VIEW_POINTER).unlink()
    else:
        for path in var.glob("*.db*"):
            path.unlink()
    old.theirs.sync()
    assert old.theirs.contents() == set()


def test_a_change_or_deletion_of_a_hidden_message_changes_nothing_here(old: Pair) -> None:
    with old.ours.open() as store:
        *_, first = mailbox.inbox(store, Caller("albert"), ReadInbox(everything=True)).messages
    hidden(old.theirs)
    with old.ours.open() as store:
        editing.edit(store, Caller("alice"), EditMessage(first.header.id, f"{OLD}, edited"))
        answer = sending.reply(store, Caller("alice"), Reply(first.header.id, "an answer to what is hidden"))
    old.ours.sync()
    old.theirs.sync()
    assert shown(old.theirs) == shown(rebuilt(old.theirs)) == ["an answer to what is hidden"]
    with old.theirs.open() as store:
        assert sending.reply(store, Caller("bob"), Reply(answer.header.id, "fine")).header.thread == first.header.thread


def test_the_author_still_sees_that_a_hidden_message_was_read(old: Pair) -> None:
    with old.theirs.open() as store:
        handover.acknowledge(store, Caller("bob"), handover.check(store, Caller("bob")))
    for _ in range(2):  # the second purge removes the copies that the first one carried forward
        hidden(old.theirs)
        old.theirs.send("bob", "filler", "@bella")
    old.theirs.sync()
    old.ours.sync()
    with rebuilt(old.ours).open() as store:
        rows = mailbox.inbox(store, Caller("alice"), ReadInbox(everything=True)).messages
        direct = next(row for row in rows if row.content == OLD)
        (bob,) = editing.get(store, direct.header.id).message.recipients
    assert bob.read_at is not None


@pytest.mark.parametrize("step", ["purge.said", "purge.cut", "rebuild.filled"])
def test_an_interrupted_purge_is_finished_by_the_next(old: Pair, step: str) -> None:
    environ = {"THRUM_TESTING": "1", "THRUM_FAILPOINT": f"{step}:kill:1"}
    assert thrum(old.theirs, "purge", "--all", "--confirm", environ=environ).returncode == -signal.SIGKILL
    assert thrum(old.theirs, "purge", "--all", "--confirm").returncode == 0
    assert shown(old.theirs) == shown(rebuilt(old.theirs)) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a/b": null}', b'{"nowhere": 3}', b"\xff"])
def test_a_damaged_file_of_floors_is_named(old: Pair, content: bytes) -> None:
    hidden(old.theirs)
    floors = old.theirs.root / ".git/thrum-sync/var/floors.json"
    floors.write_bytes(content)
    with pytest.raises(Corrupted, match="floors.json"):
        rebuilt(old.theirs)
    assert thrum(old.theirs, "inbox").returncode == 0
    floors.unlink()
    assert len(shown(rebuilt(old.theirs))) == 3
