"""backup restore in the clone that made the backup: what is lost comes back, and nothing that is here is replaced."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import PATIENCE, SCRIPT, Shell
from .terminal import at_terminal
from .test_backup import everything


def texts(shell: Shell) -> list[str]:
    """The texts of all messages that a clone has, oldest first."""
    rows = shell.json("query", "SELECT content FROM messages ORDER BY sent_at, id")["rows"]
    return [row[0] if isinstance(row, list) else row["content"] for row in rows]


def var(shell: Shell) -> Path:
    return shell.cwd / ".git/thrum-sync/var"


def logs(shell: Shell) -> Path:
    return shell.cwd / ".git/thrum-sync/a-sync/v1"


def lose_logs(shell: Shell, agent: str, *, view: bool = True) -> None:
    """Lose the log of an agent, with its second copy and what else remembers it."""
    for log in (*logs(shell).glob(f"*/{agent}"), *(var(shell) / "segments").glob(f"*/{agent}")):
        shutil.rmtree(log)
    if view:
        for file in (*var(shell).glob("p-v*"), *var(shell).glob("current-v*")):
            file.unlink()


@pytest.fixture
def saved(team: Team, tmp_path: Path) -> Iterator[Path]:
    """A backup with a message from each agent."""
    team.says("from planner")
    team.builder.ok("send", "from builder", "--to", "@planner")
    team.planner.ok("context", "save", stdin=b"my notes")
    team.planner.ok("backup", "--dir", str(tmp_path / "b"))
    yield tmp_path / "b/project/current"


@requirement("backup:restore")
@pytest.mark.parametrize("view", [True, False], ids=["without its view", "with its view"])
def test_a_lost_log_comes_back(team: Team, saved: Path, view: bool) -> None:
    lose_logs(team.planner, "builder", view=view)
    done = team.planner.json("backup", "restore", str(saved), "--yes")
    assert (done["logs"], done["signer"]) == (1, "kept")
    assert texts(team.planner) == ["from planner", "from builder"]
    assert team.builder.ok("send", "and goes on", "--to", "@planner")
    assert team.planner.ok("doctor").rstrip().endswith(f"No problems in {team.planner.cwd}.")


@requirement("backup:restore")
def test_everything_that_git_clean_took_comes_back_and_nothing_newer_is_touched(team: Team, saved: Path) -> None:
    team.planner.ok("config", "set", "daemon.ws_port", "9123")
    team.planner.ok("backup", "--dir", str(saved.parents[1]))
    team.says("newer than the backup")
    team.builder.ok("context", "save", stdin=b"newer notes")
    shutil.rmtree(team.planner.cwd / ".thrum")
    team.planner.ok("init")
    done = team.planner.json("backup", "restore", str(saved), "--yes")
    assert done["newer"] == 1 and done["events"] == 0
    assert team.planner.json("whoami")["agent_id"] == "planner"
    assert "my notes" in team.planner.ok("context", "show")
    assert team.planner.json("config", "show")["daemon"]["ws_port"]["value"] == 9123
    assert "newer notes" in team.builder.ok("context", "show")
    assert texts(team.planner)[-1] == "newer than the backup"


@requirement("backup:restore")
def test_a_backup_that_has_nothing_more_than_a_newer_store_is_refused(team: Team, saved: Path) -> None:
    team.says("newer than the backup")
    before = everything(team.planner.cwd / ".git/thrum-sync/a-sync/v1")
    answer = team.planner.thrum("backup", "restore", str(saved), "--yes", "--json")
    assert (answer.code, answer.error["code"]) == (1, "conflict")
    assert "1 newer event" in answer.error["message"]
    after = everything(team.planner.cwd / ".git/thrum-sync/a-sync/v1")
    assert {name: data for name, data in after.items() if "heads" not in name} == {
        name: data for name, data in before.items() if "heads" not in name
    }
    assert texts(team.planner)[-1] == "newer than the backup"


@requirement("backup:restore")
def test_a_file_that_is_here_stays_as_it_is(team: Team, saved: Path) -> None:
    team.planner.ok("context", "save", stdin=b"written after the backup")
    team.planner.ok("config", "set", "daemon.ws_port", "9999")
    lose_logs(team.planner, "builder")
    done = team.planner.json("backup", "restore", str(saved), "--yes")
    assert done["kept"] == ["config/context/planner.md"]
    assert "written after the backup" in team.planner.ok("context", "show")
    assert "Kept:" in team.planner.thrum("backup", "restore", str(saved), "--yes").out


@requirement("backup:restore")
def test_nothing_is_restored_without_a_yes(team: Team, saved: Path) -> None:
    lose_logs(team.planner, "builder")
    answer = team.planner.thrum("backup", "restore", str(saved), "--json")
    assert answer.error["code"] == "needs_confirmation"
    assert not list(logs(team.planner).glob("*/builder"))
    words = answer.error["hint"].split("`")[1].split()
    team.planner.ok(*words[1:])
    assert texts(team.planner) == ["from planner", "from builder"]


@requirement("backup:restore")
def test_an_archive_is_restored_by_the_name_that_the_status_shows(team: Team) -> None:
    team.says("one")
    team.planner.ok("backup")
    team.says("two")
    team.planner.ok("backup")
    (archive,) = team.planner.json("backup", "status")["archives"]
    lose_logs(team.planner, "planner")
    assert team.planner.json("backup", "restore", archive["name"], "--yes")["events"] == 3
    assert texts(team.planner) == ["one"]
    assert team.planner.json("backup", "restore", "--yes")["events"] == 1
    assert texts(team.planner) == ["one", "two"]
    assert team.planner.ok("backup", "restore", "--yes").startswith("Restored from: ")


def test_without_any_backup_a_restore_says_how_to_make_one(team: Team) -> None:
    answer = team.planner.thrum("backup", "restore", "--yes", "--json")
    assert answer.error["code"] == "invalid" and "`thrum backup`" in answer.error["hint"]
    answer = team.planner.thrum("backup", "restore", "missing.zip", "--yes", "--json")
    assert answer.error["code"] == "archive_refused" and "no such file" in answer.error["message"]


def test_a_purge_is_not_taken_back_by_a_restore(team: Team, saved: Path) -> None:
    team.planner.ok("purge", "--all", "--confirm")
    left = texts(team.planner)
    team.planner.thrum("backup", "restore", str(saved), "--yes")
    lose_logs(team.planner, "builder")
    team.planner.thrum("backup", "restore", str(saved), "--yes")
    assert texts(team.planner) == left
    assert team.planner.ok("send", "afterwards", "--to", "@builder")


def test_a_backup_of_a_purged_store_brings_back_what_was_left(team: Team, saved: Path) -> None:
    team.planner.ok("purge", "--all", "--confirm")
    team.says("after the purge")
    team.planner.ok("backup", "--dir", str(saved.parents[1]))
    lose_logs(team.planner, "planner")
    (var(team.planner) / "cuts.json").unlink()
    team.planner.ok("backup", "restore", str(saved), "--yes")
    assert texts(team.planner) == ["after the purge"]


@pytest.mark.parametrize("step", ["restore.admitted", "restore.signed", "restore.replaced"])
def test_an_interrupted_restore_is_finished_by_the_next_one(team: Team, saved: Path, step: str) -> None:
    lose_logs(team.planner, "builder", view=step != "restore.replaced")
    lost = team.planner.cwd / ".thrum/context/planner.md"
    lost.unlink()
    armed = team.planner.having(THRUM_TESTING="1", THRUM_FAILPOINT=f"{step}:kill")
    killed = armed.run("backup", "restore", str(saved), "--yes")
    assert killed.code == -9, killed
    team.planner.ok("backup", "restore", str(saved), "--yes")
    assert texts(team.planner) == ["from planner", "from builder"]
    assert lost.read_bytes() == b"my notes"
    assert team.builder.ok("send", "and goes on", "--to", "@planner")


def test_a_restore_works_while_the_daemon_and_agents_use_the_store(team: Team, saved: Path) -> None:
    team.planner.run("daemon", "start")
    waiting = team.planner.start("wait", "--timeout", f"{PATIENCE:.0f}s", "--new", "--json")
    try:
        lose_logs(team.planner, "builder", view=False)
        done = team.planner.json("backup", "restore", str(saved), "--yes")
        assert done["signer"] == "kept"
        team.builder.ok("send", "after the restore", "--to", "@planner")
        out, _ = waiting.communicate(timeout=PATIENCE)
        assert json.loads(out)["status"] == "received"
        assert "after the restore" in texts(team.planner)
        assert team.planner.json("daemon", "status")["running"] is True
    finally:
        waiting.kill()
        waiting.wait()
        team.planner.run("daemon", "stop")


def test_roots_restore_leaves_the_owner_in_possession(team: Team, saved: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away: the owner of restored files was NOT tested")
    lose_logs(team.planner, "builder")
    shutil.rmtree(team.planner.cwd / ".thrum/context")
    subprocess.run(["chown", "-R", "1234:1234", str(team.planner.cwd)], check=True)
    shell = team.planner.having(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
    assert shell.run("backup", "restore", str(saved), "--yes").code == 0
    assert shell.run("backup").code == 0
    owners = {path.lstat().st_uid for path in team.planner.cwd.rglob("*")}
    assert owners == {1234}


@requirement("backup:restore")
@pytest.mark.parametrize(("typed", "came_back"), [("y\n", True), ("n\n", False), ("\n", False), ("\x04", False)])
def test_a_person_sees_what_would_be_restored_and_is_asked(
    team: Team, saved: Path, typed: str, came_back: bool
) -> None:
    lose_logs(team.planner, "builder")
    command = [SCRIPT, "backup", "restore", str(saved)]
    seen = at_terminal(command, team.planner.cwd, {**team.planner.environ(), "TERM": "dumb"}, typed)
    assert "Backup of project, store " in seen and "Restore what is lost here?" in seen
    assert ("Restored from:" in seen) is came_back, seen
    assert bool(list(logs(team.planner).glob("*/builder/*.jsonl"))) is came_back
    assert "Traceback" not in seen


@pytest.mark.parametrize("blocks", [1, 4, 8])
def test_a_full_disk_during_a_restore_loses_nothing(team: Team, saved: Path, blocks: int) -> None:
    team.builder.ok("send", "x" * 20_000, "--to", "@planner")
    team.planner.ok("backup", "--dir", str(saved.parents[1]))
    lose_logs(team.planner, "builder")
    before = texts(team.planner)
    line = f'ulimit -f {blocks}; trap "" XFSZ; "{SCRIPT}" backup restore {saved} --yes --json'
    done = subprocess.run(
        ["bash", "-c", line], cwd=team.planner.cwd, env=team.planner.environ(), capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr + done.stdout
    assert "error" in json.loads(done.stdout) or json.loads(done.stdout)["warnings"], done
    assert set(before) <= set(texts(team.planner))
    team.planner.ok("backup", "restore", str(saved), "--yes")
    assert texts(team.planner) == ["from planner", "from builder", "x" * 20_000]
    assert team.builder.ok("send", "and goes on", "--to", "@planner")


@pytest.mark.parametrize("path", ["b", "b/project", "b/project/current"])
def test_a_backup_is_restored_by_any_folder_around_it(team: Team, saved: Path, tmp_path: Path, path: str) -> None:
    lose_logs(team.planner, "builder")
    done = team.planner.json("backup", "restore", str(tmp_path / path), "--yes")
    assert (done["path"], done["logs"]) == (str(saved), 1)
