"""Keys, identity of the clone and mail survive what people and agents do to a worktree."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Team, gathered
from tests.cli.shell import git
from thrum_store.repository import paths
from thrum_store.repository.paths import STORE_KEY

JOIN = ("quickstart", "--name", "planner", "--role", "lead", "--module", "core")


def cleaned(root: Path) -> None:
    git(root, "clean", "-ffdxq")


def stashed(root: Path) -> None:
    git(root, "stash", "--all", "--quiet")


def removed(root: Path) -> None:
    shutil.rmtree(root / ".thrum")


def cleaned_and_reset(root: Path) -> None:
    git(root, "reset", "--hard", "--quiet")
    git(root, "clean", "-ffdxq")
    git(root, "gc", "--quiet", "--prune=now")


@pytest.fixture(params=[cleaned, stashed, removed, cleaned_and_reset], ids=lambda action: action.__name__)
def loss(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """An accident that takes `.thrum`."""
    action: Callable[[Path], None] = request.param
    return action


@pytest.fixture
def team(scratch: Path) -> Team:
    """Planner with an unread message from builder."""
    team = gathered(scratch)
    team.builder.ok("send", "still unread", "--to", "@planner")
    return team


def test_unread_mail_is_unread_after_the_loss(team: Team, loss: Callable[[Path], None]) -> None:
    key = Path(paths.find(str(team.planner.cwd)).in_var(STORE_KEY))
    before = key.read_bytes()
    loss(team.planner.cwd)
    assert "found the store again" in team.planner.ok("init")
    team.planner.ok(*JOIN)
    assert "still unread" in team.planner.ok("inbox", "--unread")
    assert key.read_bytes() == before
    assert "No problems" in team.planner.ok("doctor")


def test_only_the_identity_is_asked_for(team: Team, loss: Callable[[Path], None]) -> None:
    loss(team.planner.cwd)
    answer = team.planner.run("inbox")
    assert "no agent is registered in this worktree" in answer.err
    assert "quickstart" in answer.err


def test_the_same_name_is_taken_up_without_init(team: Team, loss: Callable[[Path], None]) -> None:
    loss(team.planner.cwd)
    team.planner.ok(*JOIN)
    assert "still unread" in team.planner.ok("inbox", "--unread")
    assert (team.planner.cwd / ".thrum/var").is_symlink()


def test_the_others_go_on_without_a_word(team: Team, loss: Callable[[Path], None]) -> None:
    loss(team.planner.cwd)
    team.builder.ok("send", "after the loss", "--to", "@planner")
    team.planner.ok(*JOIN)
    assert "after the loss" in team.planner.ok("inbox", "--unread")


def test_a_wait_that_runs_hears_of_mail_after_the_loss(team: Team, loss: Callable[[Path], None]) -> None:
    waiting = team.builder.start("wait", "--timeout", "60s")
    while not any(name.startswith("builder.") for name in os.listdir(paths.find(str(team.builder.cwd)).bells)):
        assert waiting.poll() is None
    loss(team.planner.cwd)
    team.planner.ok(*JOIN)
    team.planner.ok("send", "are you still there", "--to", "@builder")
    out, _ = waiting.communicate()
    assert b"@planner" in out


def test_a_clone_carries_no_key(team: Team, scratch: Path) -> None:
    for form in ([], ["--no-local"], ["--mirror"], ["--shared"]):
        target = scratch / f"clone{'-'.join(form)}"
        git(scratch, "clone", "--quiet", *form, str(team.planner.cwd), str(target))
        assert list(target.rglob("store.key")) == []


def test_a_worktree_that_is_removed_and_made_again_has_the_store(team: Team) -> None:
    root = team.planner.cwd
    git(root, "worktree", "remove", "--force", str(team.builder.cwd))
    git(root, "worktree", "add", "--quiet", "--force", str(team.builder.cwd))
    team.builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    team.planner.ok("send", "welcome back", "--to", "@builder")
    assert "welcome back" in team.builder.ok("inbox")


def test_a_daemon_that_runs_goes_on_after_a_clean(team: Team) -> None:
    team.builder.ok("daemon", "start", "--local")
    try:
        cleaned(team.planner.cwd)
        assert "running" in team.builder.ok("daemon", "status")
    finally:
        team.builder.ok("daemon", "stop")
    assert subprocess.run(["git", "fsck"], cwd=team.planner.cwd, capture_output=True).returncode == 0
