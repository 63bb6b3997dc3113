"""`thrum migrate` where ten agents of the Go program worked in four worktrees: each goes on where it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import git

from .go_store import START, TEN, GoStore, ten_agents, ulid


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoStore]:
    """The store after its migration. Tests of this file change nothing that another one looks at."""
    store = ten_agents(tmp_path_factory.mktemp("ten"))
    answer = store.shell().run("migrate")
    assert answer.code == 0, answer
    assert "Imported 10 agents, 1 group, 5 messages, 10 sessions and 1 receipt." in answer.out
    yield store


def old_ids(store: GoStore) -> dict[str, str]:
    """Return the old ids of the messages, by the beginning of their text."""
    events = [event for events in store.files.values() for event in events if event["type"] == "message.create"]
    return {event["body"]["content"].split()[0]: event["message_id"] for event in events}


@pytest.mark.parametrize("name", TEN)
def test_each_agent_works_in_its_own_worktree_and_in_no_other(migrated: GoStore, name: str) -> None:
    at_home = migrated.shell(TEN[name]).having(THRUM_NAME=name)
    sent = at_home.run("send", f"{name} is here", "--to", "@ann" if name != "ann" else "@bob")
    assert (sent.code, sent.err) == (0, "")
    assert at_home.json("whoami")["worktree"] == ("main" if TEN[name] == "main" else TEN[name])
    elsewhere = migrated.shell("docs" if TEN[name] != "docs" else "fix").having(THRUM_NAME=name)
    assert "works in the worktree" in elsewhere.run("send", "x", "--to", "@bob").err


def test_a_message_without_recipients_is_everybodys(migrated: GoStore) -> None:
    for name in TEN:
        inbox = migrated.shell(TEN[name]).having(THRUM_NAME=name).json("inbox", "--all", "--page-size", "100")
        texts = [message["body"]["content"] for message in inbox["messages"]]
        assert "to all, and nobody wrote down who" in texts
    mine = migrated.shell("docs").having(THRUM_NAME="jon").json("inbox")
    (old,) = [message for message in mine["messages"] if message["body"]["content"].startswith("to all")]
    assert (old["agent_id"], old["is_read"]) == ("ann", False)


def test_a_message_to_a_role_or_a_group_is_in_the_mailboxes_of_its_agents(migrated: GoStore) -> None:
    def texts(name: str) -> str:
        return migrated.shell(TEN[name]).having(THRUM_NAME=name).ok("inbox", "--page-size", "100")

    assert "testers" in texts("ida")  # nobody wrote down who got it
    assert "testers" not in texts("bob")
    assert "backend, please look" in texts("gus")
    assert "backend, please look" not in texts("jon")


def test_old_ids_work_in_message_get_reply_and_send(migrated: GoStore) -> None:
    question = old_ids(migrated)["does"]
    cyd = migrated.shell("feature").having(THRUM_NAME="cyd")
    shown = cyd.json("message", "get", question)["message"]
    assert (shown["body"]["content"], shown["author"]["agent_id"]) == ("does it work?", "ann")
    again = cyd.json("reply", question, "it still does")
    assert again["thread_id"] == f"thr_{ulid(START, 7)}"
    into = (
        migrated.shell()
        .having(THRUM_NAME="ann")
        .json("send", "good", "--to", "@cyd", "--thread", f"thr_{ulid(START, 7)}")
    )
    assert into["thread_id"] == again["thread_id"]
    assert cyd.json("message", "get", into["message_id"])["message"]["thread_id"] == again["thread_id"]


def test_a_question_and_its_answer_are_in_one_thread(migrated: GoStore) -> None:
    ann = migrated.shell().having(THRUM_NAME="ann")
    question, answer = (ann.json("message", "get", old_ids(migrated)[word])["message"] for word in ("does", "it"))
    assert question["thread_id"] == answer["thread_id"] == f"thr_{ulid(START, 7)}"
    assert answer["reply_to"] == question["message_id"]


def test_read_marks_come_along_with_their_time(migrated: GoStore) -> None:
    shown = migrated.shell().having(THRUM_NAME="ann").json("sent", "show", old_ids(migrated)["does"])
    (recipient,) = shown["message"]["recipients"]
    assert (recipient["agent_id"], recipient["read_at"]) == ("cyd", "2026-01-02T03:01:55.000Z")


def test_sessions_groups_and_contexts_come_along(migrated: GoStore) -> None:
    shell = migrated.shell("docs").having(THRUM_NAME="hal")
    sessions = shell.json("session", "list")["sessions"]
    ended = {session["agent_id"]: session["ended_at"] for session in sessions}
    assert set(ended) >= set(TEN)
    assert ended["bob"] == "2026-01-02T03:00:41.000Z"
    assert ended["cyd"] is None
    members = shell.json("group", "members", "backend", "--expand")
    assert set(members["expanded"]) == {"cyd", "bob", "gus"}
    shown = shell.ok("context", "show")
    assert "I am hal" in shown
    assert "notes of hal" in shown


def test_running_it_again_from_any_worktree_adds_nothing(migrated: GoStore, tmp_path: Path) -> None:
    def events() -> int:
        return sum(path.read_bytes().count(b"\n") for path in (migrated.sync / "v1").rglob("*.jsonl"))

    before = events()
    for worktree in ("main", "docs"):
        again = migrated.shell(worktree).json("migrate")
        assert [again[key] for key in ("agents", "groups", "messages", "sessions", "receipts")] == [0] * 5
    assert (again["known"], events()) == (5, before)


def test_the_old_files_stay_as_they_were(tmp_path: Path) -> None:
    store = ten_agents(tmp_path)
    kept = {path: path.read_bytes() for root in (store.sync, *store.worktrees.values())
            for pattern in ("*.jsonl", "messages/*", ".thrum/context/*", ".thrum/identities/*")
            for path in root.glob(pattern)}  # fmt: skip
    assert store.shell("fix").run("migrate").code == 0
    assert {path: path.read_bytes() for path in kept} == kept
    assert git(store.root, "status", "--porcelain") == ""


def test_what_the_go_program_writes_after_a_migration_is_brought_by_the_next(tmp_path: Path) -> None:
    store = ten_agents(tmp_path)
    assert store.shell().run("migrate").code == 0
    late = store.message("gus", "late", 200, ["ann"], recipients=["ann"])
    edited = old_ids(store)["does"]
    store.event("messages/ann.jsonl", "message.edit", 210, message_id=edited, body={"content": "works it?"})
    store.read("ann", old_ids(store)["to"], "jon", 220)
    store.write()
    again = store.shell().json("migrate")
    assert [again[key] for key in ("agents", "messages", "known", "receipts")] == [0, 1, 5, 1]
    ann = store.shell().having(THRUM_NAME="ann")
    assert ann.json("message", "get", late)["message"]["body"]["content"] == "late"
    shown = ann.json("message", "get", edited)["message"]
    assert (shown["body"]["content"], shown["version"]) == ("works it?", 1)
    assert "[0, 0, 0" in str([store.shell().json("migrate")[key] for key in ("agents", "messages", "receipts")])


# --- the daemon of the Go program -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("migrate",), ("migrate", "--dry-run"), ("init",)])
def test_while_its_daemon_runs_nothing_is_touched_and_the_command_that_stops_it_is_named(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    store = ten_agents(tmp_path)
    before = sorted(map(str, store.root.rglob("*")))
    with store.daemon() as pid:
        refused = store.shell("fix").run(*command)
        assert (refused.code, refused.out) == (1, "")
        assert f"`kill {pid}`" in refused.err
        assert sorted(set(map(str, store.root.rglob("*"))) - set(before)) == [
            f"{store.var}/{name}" for name in ("thrum.lock", "thrum.pid", "thrum.sock")
        ]
        os.kill(pid, 15)
    assert store.shell("fix").run(*command).code == 0


@pytest.mark.parametrize("left", ["dead", "recycled", "bare number", "garbage", "nothing"])
def test_the_files_of_a_daemon_that_was_killed_stop_nobody(tmp_path: Path, left: str) -> None:
    store = ten_agents(tmp_path)
    pid_file = store.var / "thrum.pid"
    store.crashed(999_999_999 if left == "dead" else os.getpid())
    if left == "recycled":
        os.utime(pid_file, (START / 1000, START / 1000))  # written before the process with this number began
    elif left in ("bare number", "garbage"):
        pid_file.write_text("999999999\n" if left == "bare number" else '{"pid": "none"')
    elif left == "nothing":
        pid_file.unlink()
    assert store.shell().run("migrate").code == 0


@pytest.mark.parametrize("missing", ["thrum.pid", "thrum.sock", "thrum.lock"])
def test_one_trace_of_a_daemon_that_runs_is_enough(tmp_path: Path, missing: str) -> None:
    store = ten_agents(tmp_path)
    with store.daemon() as pid:
        (store.var / missing).unlink()
        assert f"`kill {pid}`" in store.shell().run("migrate").err


def test_a_migration_into_a_repository_that_was_moved_finds_the_agents(tmp_path: Path) -> None:
    store = ten_agents(tmp_path)
    (tmp_path / "moved").mkdir()
    for name, place in store.worktrees.items():
        shutil.move(place, tmp_path / "moved" / place.name)
        store.worktrees[name] = tmp_path / "moved" / place.name
    store.root = store.worktrees["main"]
    git(store.root, "worktree", "repair", *(str(place) for place in store.worktrees.values()))
    assert store.shell("docs").run("migrate").code == 0
    assert store.shell("fix").having(THRUM_NAME="fay").run("send", "hi", "--to", "@ann").code == 0


def test_an_agent_registers_again_in_its_worktree_and_our_own_daemon_stops_no_migration(tmp_path: Path) -> None:
    store = ten_agents(tmp_path)
    assert store.shell().run("migrate").code == 0
    cyd = store.shell("feature")
    assert cyd.run("quickstart", "--name", "cyd", "--role", "implementer", "--module", "core").code == 0
    assert store.shell().run("daemon", "start").code == 0
    try:
        assert store.shell("docs").json("migrate")["messages"] == 0
    finally:
        assert store.shell().run("daemon", "stop").code == 0
