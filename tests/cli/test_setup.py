"""setup …: worktrees that share the store, and CLAUDE.md."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import SCRIPT, Shell, git


@requirement("setup")
def test_a_worktree_is_set_up_from_the_main_one_by_its_path(team: Team, tmp_path: Path) -> None:
    other = tmp_path / "another tree ü"
    git(team.planner.cwd, "worktree", "add", "--quiet", "-b", "third", str(other))
    document = team.planner.json("setup", str(other))
    assert (document["repository"], document["created"]) == (str(other), False)
    assert (other / ".thrum/redirect").read_text().strip() == str(team.planner.cwd / ".thrum")
    assert (other / ".thrum/identities").is_dir()
    assert "already" in team.planner.ok("setup", str(other))
    shell = team.planner.at(other)
    shell.ok("quickstart", "--name", "third", "--role", "tester", "--module", "core")
    assert {member["agent_id"] for member in team.planner.json("team")["members"]} == {"planner", "builder", "third"}
    assert git(other, "status", "--porcelain") == ""


def test_a_path_from_a_subdirectory_is_meant_from_there(team: Team) -> None:
    below = team.planner.cwd / "deep"
    below.mkdir()
    path = os.path.relpath(team.builder.cwd, below)
    assert team.planner.at(below).json("setup", "worktree", path)["repository"] == str(team.builder.cwd)


def test_what_is_no_worktree_of_this_repository_is_refused(team: Team, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    for path, code in ((str(stranger), "invalid"), ("/nowhere", "invalid"), (".", "invalid")):
        answer = team.planner.thrum("setup", path, "--json")
        assert (answer.code, answer.error["code"]) == (1, code)
    git(stranger, "init", "--quiet")
    assert team.planner.thrum("setup", str(stranger), "--json").error["code"] == "invalid"
    assert not (stranger / ".thrum").exists()


@requirement("setup:missing")
@pytest.mark.parametrize(
    "path",
    ["../feature", "../deeper/still/x", "../with space/ü tree", "../.hidden", "../a..b.lock", "inside", "../main"],
)
def test_the_hint_for_a_path_that_is_not_there_makes_that_worktree(repository: Shell, path: str) -> None:
    repository.ok("init")
    git(repository.cwd, "branch", "main/below")
    refused = repository.thrum("setup", path, "--json").error
    assert (refused["code"], path in refused["message"]) == ("invalid", True)
    line = refused["hint"].split("`")[1]
    variables = {**repository.environ(), "PATH": f"{os.path.dirname(SCRIPT)}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", line], cwd="/", env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    assert "already" in repository.ok("setup", path)


def test_an_empty_directory_becomes_a_worktree_and_a_repository_without_a_commit_gets_one(tmp_path: Path) -> None:
    shell, place = Shell(tmp_path / "fresh"), tmp_path / "empty"
    for directory in (shell.cwd, place):
        directory.mkdir()
    git(shell.cwd, "init", "--quiet")
    shell.ok("init")
    line = shell.thrum("setup", "../empty", "--json").error["hint"].split("`")[1]
    names = {f"GIT_{who}_{field}": "t@e" for who in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    variables = {**shell.environ(), **names, "PATH": f"{os.path.dirname(SCRIPT)}:{os.environ['PATH']}"}
    assert (
        subprocess.run(["bash", "-c", line], cwd="/", env=variables, capture_output=True, check=False).returncode == 0
    )
    assert "already" in shell.ok("setup", "../empty")


def test_a_file_and_a_full_directory_are_no_worktrees(repository: Shell, tmp_path: Path) -> None:
    repository.ok("init")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    for path in ("../full", "../full/file"):
        refused = repository.thrum("setup", path, "--json").error
        assert refused["code"] == "invalid" and "git worktree list" in refused["hint"]
    assert sorted(os.listdir(tmp_path / "full")) == ["file"]


@requirement("setup:claude-md")
def test_the_instructions_are_printed_unless_they_are_to_be_applied(repository: Shell) -> None:
    shown = repository.ok("setup", "claude-md")
    assert "thrum inbox --unread" in shown and "thrum:begin" in shown
    assert not (repository.cwd / "CLAUDE.md").exists()
    assert repository.ok("setup", "claude-md", "--apply") == "Thrum section written to CLAUDE.md, which is new.\n"
    assert (repository.cwd / "CLAUDE.md").read_text() == shown


@requirement("setup:claude-md:apply")
def test_a_section_is_appended_once_and_replaced_only_by_force(repository: Shell) -> None:
    file = repository.cwd / "CLAUDE.md"
    file.write_text("# Ours\n\nKeep this.\n")
    file.chmod(0o644)
    assert repository.json("setup", "claude-md", "--apply")["action"] == "appended"
    first = file.read_text()
    assert first.startswith("# Ours\n\nKeep this.\n")
    assert repository.json("setup", "claude-md", "--apply")["action"] == "kept"
    file.write_text(first.replace("thrum inbox --unread", "thrum something-old") + "\n# After\n")
    assert repository.json("setup", "claude-md", "--apply", "--force")["action"] == "replaced"
    assert file.read_text() == first + "\n# After\n"
    assert file.stat().st_mode & 0o777 == 0o644


def test_the_section_of_the_go_program_gives_way_and_nothing_else(repository: Shell) -> None:
    file = repository.cwd / "CLAUDE.md"
    old = "# Ours\n\n---\n\n# Thrum Agent Coordination\n\n```\n# no heading\n```\n\nold\n\n# Next\n\nkept\n"
    file.write_text(old)
    assert repository.json("setup", "claude-md", "--apply")["action"] == "kept"
    assert file.read_text() == old
    assert repository.json("setup", "claude-md", "--apply", "--force")["action"] == "replaced"
    text = file.read_text()
    assert "old" not in text.split() and "no heading" not in text
    assert text.startswith("# Ours\n\n---\n\n") and text.endswith("# Next\n\nkept\n")


@pytest.mark.parametrize("flags", [("--force",)])
def test_force_without_apply_is_a_mistake(repository: Shell, flags: tuple[str, ...]) -> None:
    assert repository.thrum("setup", "claude-md", *flags, "--json").error["code"] == "invalid"


def test_a_file_that_is_no_text_is_left_alone(repository: Shell) -> None:
    file = repository.cwd / "CLAUDE.md"
    file.write_bytes(b"\xff\xfe")
    assert repository.thrum("setup", "claude-md", "--apply", "--json").error["code"] == "conflict"
    assert file.read_bytes() == b"\xff\xfe"
