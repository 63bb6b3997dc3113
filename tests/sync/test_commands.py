"""`thrum sync` in a terminal and as JSON, as scripts know it from the Go program."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cli.shell import Shell
from tests.cli.terminal import seen
from tests.sync.clones import Clone
from tests.sync.conftest import Pair
from tests.sync.forging import Stranger
from tests.sync.test_hostile_branch import repo_of
from thrum_cli.main import main
from thrum_cli.terminal.text import cells

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a clone: its exit code and what it printed."""

    def command(clone: Clone, *arguments: str) -> tuple[int, str]:
        code = main(["--repo", str(clone.root), *arguments])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return command


def test_status_has_the_keys_that_scripts_know(pair: Pair, run: Run) -> None:
    code, said = run(pair.here, "--json", "sync", "status")
    told = json.loads(said)
    assert code == 0
    assert {"running", "last_sync_at", "sync_state", "local_only", "last_error"} <= told.keys()
    assert told["sync_state"] == "synced" and told["local_only"] is False
    assert {"remote", "ahead", "behind", "frozen", "refused", "stores"} <= told.keys()


def test_force_has_the_keys_that_scripts_know(pair: Pair, run: Run) -> None:
    pair.here.send("alice", "go", "@bob")
    code, said = run(pair.here, "--json", "sync", "force")
    told = json.loads(said)
    assert code == 0 and told["triggered"] is True and told["pushed"] is True
    assert {"last_sync_at", "sync_state", "local_only"} <= told.keys()


def test_force_says_what_it_did(pair: Pair, run: Run) -> None:
    pair.here.send("alice", "go", "@bob")
    assert run(pair.here, "sync", "force")[1].startswith("✓ Sync done: nothing new to take in, ours pushed")
    assert run(pair.there, "sync", "force")[1].startswith("✓ Sync done: 1 event taken in, nothing to push")


def test_local_only_is_said(pair: Pair, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRUM_LOCAL", "1")
    assert "Mode: local-only (remote sync disabled)" in run(pair.here, "sync", "force")[1]
    assert "local-only" in run(pair.here, "sync", "status")[1]
    monkeypatch.setenv("THRUM_LOCAL", "0")
    assert "normal" in run(pair.here, "sync", "status")[1]
    monkeypatch.setenv("THRUM_LOCAL", "perhaps")
    code, said = run(pair.here, "sync", "status")
    assert code == 1 and "THRUM_LOCAL" in said


def test_an_unreachable_remote_is_a_sentence_with_a_hint(pair: Pair, run: Run) -> None:
    pair.remote.root.rename(pair.remote.root.with_name("away.git"))
    code, said = run(pair.here, "sync", "force")
    assert code == 1 and said.startswith("Error: cannot fetch from 'origin'") and "Try:" in said
    assert "✗ error" in run(pair.here, "sync", "status")[1]
    assert "cannot fetch from 'origin'" in run(pair.here, "prime")[1]


def test_without_a_remote_a_sync_says_so_and_how_to_name_one(pair: Pair, run: Run) -> None:
    pair.here.git("remote", "remove", "origin")
    pair.here.send("alice", "to nobody yet", "@bob")
    code, said = run(pair.here, "sync", "force")
    assert (
        code == 0 and said.startswith("✓ Sync done: committed to a-sync on this machine") and "git remote add" in said
    )
    assert "git remote add" in run(pair.here, "sync", "status")[1]


def test_status_says_what_to_do_until_all_is_well_again(pair: Pair, run: Run) -> None:
    away = pair.remote.root.rename(pair.remote.root.with_name("away.git"))
    run(pair.here, "sync", "force")
    told = json.loads(run(pair.here, "--json", "sync", "status")[1])
    assert "no repository" in told["last_error"] and "git remote get-url origin" in told["last_error_hint"]
    assert told["last_error_hint"] in run(pair.here, "sync", "status")[1]
    away.rename(pair.remote.root)
    run(pair.here, "sync", "force")
    told = json.loads(run(pair.here, "--json", "sync", "status")[1])
    assert told["last_error"] is None and told["last_error_hint"] is None


def test_a_stopped_log_and_what_was_refused_are_shown(pair: Pair, run: Run) -> None:
    stranger = Stranger()
    stranger.message("x", n=9)
    files = stranger.files("not this repository")
    pair.remote.plant(files)
    run(pair.here, "sync", "force")
    assert "1 repository" in run(pair.here, "sync", "status")[1]


def test_who_looks_sees_other_clones_and_stopped_logs_in_boxes_and_who_reads_sees_columns(pair: Pair, run: Run) -> None:
    stranger = Stranger()
    stranger.message("x", n=9)
    pair.remote.plant(stranger.files(repo_of(pair.here)))
    run(pair.here, "sync", "force")
    for columns in (80, 120):
        shown = seen(Shell(pair.here.root, {"NO_COLOR": "1"}), "sync", "status", columns=columns)
        edges = [line for line in shown.splitlines() if line[:1] in ("╭", "╰")]
        assert [line[:1] for line in edges] == ["╭", "╰", "╭", "╰"]
        assert all(cells(line) <= columns for line in shown.splitlines() if line[:1] in ("╭", "│", "├", "╰"))
        assert "CLONE" in shown and "@mallory" in shown
    assert not set("╭│╰─") & set(run(pair.here, "sync", "status")[1])


def test_a_setting_that_means_nothing_is_named(pair: Pair, run: Run) -> None:
    pair.here.git("config", "--local", "thrum.trust", "everyone")
    code, said = run(pair.here, "sync", "force")
    assert code == 1 and "thrum.trust" in said
    pair.here.git("config", "--local", "--unset", "thrum.trust")
    (pair.here.root / ".thrum" / "config.json").write_text('{"local_only": "perhaps"}', encoding="utf-8")
    code, said = run(pair.here, "sync", "status")
    assert code == 1 and "config.json" in said


def test_the_word_alone_explains_itself(pair: Pair, run: Run) -> None:
    code, said = run(pair.here, "sync")
    assert code == 0 and "force" in said and "status" in said
