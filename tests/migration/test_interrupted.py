"""A migration that dies in the middle, at any step and again and again: the next run completes it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell, git

from .go_store import TEN, GoStore, ten_agents

STEPS = [
    "init.branch", "init.worktree", "init.ignored", "init.directories", "migrate.prepared", "migrate.planned",
    "segment.created", "append.begin", "append.durable", "rebuild.filled", "migrate.shown", "migrate.noted",
]  # fmt: skip


def picture(store: GoStore) -> Any:
    """Everything that a migration brings, without ids of ours: they differ between two stores."""
    shell = store.shell().having(THRUM_NAME="ann")
    rows = shell.json(
        "query", "SELECT author, content, sent_at, reply_to IS NULL FROM messages ORDER BY sent_at, author"
    )
    sessions = [
        (session["agent_id"], session["started_at"], session["ended_at"], session["end_reason"])
        for session in shell.json("session", "list")["sessions"]
    ]
    agents = [
        (agent["agent_id"], agent["role"], agent["worktree"], agent["registered_at"])
        for agent in shell.json("agent", "list")["agents"]["agents"]
    ]
    inboxes = {
        name: [
            (message["body"]["content"], message["is_read"])
            for message in store.shell(TEN[name]).having(THRUM_NAME=name).json("inbox", "--page-size", "50")["messages"]
        ]
        for name in TEN
    }
    members = shell.json("group", "members", "backend", "--expand")["expanded"]
    return rows, sorted(sessions), sorted(agents), inboxes, members


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The picture after a migration that nothing interrupts."""
    store = ten_agents(tmp_path_factory.mktemp("whole"))
    assert store.shell().run("migrate").code == 0
    return picture(store)


def killed(shell: Shell, step: str) -> bool:
    """Run a migration that dies at that step; return whether it did."""
    done = shell.having(THRUM_TESTING="1", THRUM_FAILPOINT=f"{step}:kill").run("migrate")
    assert done.code in (0, -9), done
    return done.code == -9


@pytest.mark.parametrize("step", STEPS)
def test_the_next_run_completes_it(tmp_path: Path, whole: Any, step: str) -> None:
    store = ten_agents(tmp_path)
    assert killed(store.shell("fix"), step)
    assert store.shell("docs").run("migrate").code == 0
    assert picture(store) == whole
    again = store.shell().json("migrate")
    assert [again[key] for key in ("agents", "messages", "sessions", "receipts")] == [0] * 4


def test_one_that_dies_after_each_log_is_completed_in_the_end(tmp_path: Path, whole: Any) -> None:
    store = ten_agents(tmp_path)
    deaths = 0
    while killed(store.shell(), "migrate.appended"):
        deaths += 1
        assert deaths <= len(TEN)
    assert deaths > 5
    assert picture(store) == whole


def test_what_was_sent_between_the_two_runs_does_no_harm(tmp_path: Path) -> None:
    store = ten_agents(tmp_path)
    assert killed(store.shell(), "migrate.appended")
    store.shell().having(THRUM_NAME="ann").run("send", "in between", "--to", "@everyone")
    assert store.shell().run("migrate").code == 0
    asked = next(event["message_id"] for event in store.files["messages/ann.jsonl"]
                 if event["type"] == "message.create" and "does it work" in event["body"]["content"])  # fmt: skip
    ann = store.shell().having(THRUM_NAME="ann")
    shown = ann.json("message", "get", asked)["message"]
    answer = next(message for message in ann.json("inbox")["messages"] if message["body"]["content"] == "it does")
    assert (answer["reply_to"], answer["thread_id"]) == (shown["message_id"], shown["thread_id"])


def test_a_full_disk_is_an_error_and_the_next_run_completes_it(tmp_path: Path, whole: Any) -> None:
    store = ten_agents(tmp_path)
    full = store.shell().having(THRUM_TESTING="1", THRUM_FAILPOINT="migrate.appended:enospc").run("migrate", "--json")
    assert (full.code, json.loads(full.out)["error"]["code"]) == (1, "disk_full")
    assert store.shell().run("migrate").code == 0
    assert picture(store) == whole


def test_two_that_run_at_once_bring_everything_once(tmp_path: Path, whole: Any) -> None:
    store = ten_agents(tmp_path)
    running = [store.shell(worktree).start("migrate") for worktree in ("main", "docs")]
    outcomes = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0], outcomes
    assert picture(store) == whole


def test_files_that_git_tracks_on_main_stay_and_a_death_there_does_no_harm(tmp_path: Path) -> None:
    store = GoStore.at(tmp_path)
    store.agent("ann")
    store.agent("bob")
    store.message("ann", "in the first layout", 10, ["bob"])
    store.write(store.root / ".thrum")
    git(store.root, "add", "--force", ".thrum")
    git(store.root, "commit", "--quiet", "--message", "messages")
    assert killed(store.shell(), "migrate.untracked")
    done = store.shell().run("migrate")
    assert done.code == 0, done
    assert git(store.root, "ls-files", ".thrum") == ""
    assert (store.root / ".thrum/messages/ann.jsonl").exists()
    assert "in the first layout" in store.shell().having(THRUM_NAME="bob").ok("inbox")
    assert subprocess.run(["git", "fsck"], cwd=store.root, capture_output=True, check=False).returncode == 0
