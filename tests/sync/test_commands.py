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
from thrum_cli.terminal.output import cells

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in a clone; return its exit code and its output."""

    def command(clone: Clone, *arguments: str) -> tuple[int, str]:
        code = main(["--repo", str(clone.root), *arguments])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return command


def test_status_has_the_keys_that_scripts_know(pair: Pair, run: Run) -> None:
    code, output = run(pair.ours, "--json", "sync", "status")
    status = json.loads(output)
    assert code == 0
    assert {"running", "last_sync_at", "sync_state", "local_only", "last_error"} <= status.keys()
    assert status["sync_state"] == "synced" and status["local_only"] is False
    assert {"remote", "ahead", "behind", "frozen", "refused", "stores"} <= status.keys()


def test_force_has_the_keys_that_scripts_know(pair: Pair, run: Run) -> None:
    pair.ours.send("alice", "go", "@bob")
    code, output = run(pair.ours, "--json", "sync", "force")
    result = json.loads(output)
    assert code == 0 and result["triggered"] is True and result["pushed"] is True
    assert {"last_sync_at", "sync_state", "local_only"} <= result.keys()


def test_force_says_what_it_did(pair: Pair, run: Run) -> None:
    pair.ours.send("alice", "go", "@bob")
    assert run(pair.ours, "sync", "force")[1].startswith("✓ Sync done: nothing new to take in, your events pushed")
    assert run(pair.theirs, "sync", "force")[1].startswith("✓ Sync done: 1 event taken in, nothing to push")


def test_local_only_is_said(pair: Pair, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRUM_LOCAL", "1")
    assert "Mode: local-only (remote sync disabled)" in run(pair.ours, "sync", "force")[1]
    assert "local-only" in run(pair.ours, "sync", "status")[1]
    monkeypatch.setenv("THRUM_LOCAL", "0")
    assert "normal" in run(pair.ours, "sync", "status")[1]
    monkeypatch.setenv("THRUM_LOCAL", "perhaps")
    code, output = run(pair.ours, "sync", "status")
    assert code == 1 and "THRUM_LOCAL" in output


def test_an_unreachable_remote_is_a_sentence_with_a_hint(pair: Pair, run: Run) -> None:
    pair.remote.root.rename(pair.remote.root.with_name("away.git"))
    code, output = run(pair.ours, "sync", "force")
    assert code == 1 and output.startswith("Error: cannot fetch from 'origin'") and "Try:" in output
    assert "✗ error" in run(pair.ours, "sync", "status")[1]
    assert "cannot fetch from 'origin'" in run(pair.ours, "prime")[1]


def test_without_a_remote_a_sync_says_so_and_how_to_name_one(pair: Pair, run: Run) -> None:
    pair.ours.git("remote", "remove", "origin")
    pair.ours.send("alice", "to nobody yet", "@bob")
    code, output = run(pair.ours, "sync", "force")
    assert (
        code == 0
        and output.startswith("✓ Sync done: committed to a-sync on this machine")
        and "git remote add" in output
    )
    assert "git remote add" in run(pair.ours, "sync", "status")[1]


def test_status_says_what_to_do_until_all_is_well_again(pair: Pair, run: Run) -> None:
    away = pair.remote.root.rename(pair.remote.root.with_name("away.git"))
    run(pair.ours, "sync", "force")
    status = json.loads(run(pair.ours, "--json", "sync", "status")[1])
    assert "no repository" in status["last_error"] and "git remote get-url origin" in status["last_error_hint"]
    assert status["last_error_hint"] in run(pair.ours, "sync", "status")[1]
    away.rename(pair.remote.root)
    run(pair.ours, "sync", "force")
    status = json.loads(run(pair.ours, "--json", "sync", "status")[1])
    assert status["last_error"] is None and status["last_error_hint"] is None


def test_a_stopped_log_and_what_was_refused_are_shown(pair: Pair, run: Run) -> None:
    stranger = Stranger()
    stranger.message("x", n=9)
    files = stranger.files("not this repository")
    pair.remote.plant(files)
    run(pair.ours, "sync", "force")
    assert "1 repository" in run(pair.ours, "sync", "status")[1]


def test_who_looks_sees_other_clones_and_stopped_logs_in_boxes_and_who_reads_sees_columns(pair: Pair, run: Run) -> None:
    stranger = Stranger()
    stranger.message("x", n=9)
    pair.remote.plant(stranger.files(repo_of(pair.ours)))
    run(pair.ours, "sync", "force")
    for columns in (80, 120):
        shown = seen(Shell(pair.ours.root, {"NO_COLOR": "1"}), "sync", "status", columns=columns)
        edges = [line for line in shown.splitlines() if line[:1] in ("╭", "╰")]
        assert [line[:1] for line in edges] == ["╭", "╰", "╭", "╰"]
        assert all(cells(line) <= columns for line in shown.splitlines() if line[:1] in ("╭", "│", "├", "╰"))
        assert "CLONE" in shown and "@mallory" in shown
    assert not set("╭│╰─") & set(run(pair.ours, "sync", "status")[1])


def test_a_setting_that_means_nothing_is_named(pair: Pair, run: Run) -> None:
    pair.ours.git("config", "--local", "thrum.trust", "everyone")
    code, output = run(pair.ours, "sync", "force")
    assert code == 1 and "thrum.trust" in output
    pair.ours.git("config", "--local", "--unset", "thrum.trust")
    (pair.ours.root / ".thrum" / "config.json").write_text('{"local_only": "perhaps"}', encoding="utf-8")
    code, output = run(pair.ours, "sync", "status")
    assert code == 1 and "config.json" in output


def test_the_word_alone_explains_itself(pair: Pair, run: Run) -> None:
    code, output = run(pair.ours, "sync")
    assert code == 0 and "force" in output and "status" in output
