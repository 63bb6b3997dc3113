"""`thrum toolkit`: agents, skills, templates, roles and scripts come out of the package into a project."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.shell import Shell, git
from tests.contract.manifest import requirement

SKILLS = ("thrum-design", "thrum-plan", "thrum-setup", "thrum-implement")


@pytest.fixture
def bare_shell(repository: Shell) -> Shell:
    """The repository at a shell on whose PATH is no client."""
    return repository.having(PATH="/usr/bin:/bin", CLAUDECODE="", CODEX_THREAD_ID="")


def files(root: Path) -> set[str]:
    """Return the files that git does not ignore, tracked or not."""
    listed = git(root, "ls-files", "--others", "--cached", "--exclude-standard")
    return set(listed.splitlines())


@requirement("toolkit:list")
def test_the_list_names_every_part_with_its_kind_and_its_place(bare_shell: Shell) -> None:
    listed = bare_shell.json("toolkit", "list")
    tools = {tool["name"]: tool for tool in listed["tools"]}
    assert {*SKILLS, "thrum-agent", "message-listener", "implementation-agent", "planner", "setup-worktree-beads"} <= {
        *tools
    }
    assert {tool["kind"] for tool in tools.values()} == {"agent", "skill", "template", "role", "script"}
    assert tools["planner"]["folders"] == [".thrum/role_templates"]
    assert tools["planning-agent"]["about"].startswith("Reference: superseded by the skills")
    assert all(tool["about"] and Path(listed["directory"], tool["source"]).exists() for tool in tools.values())
    words = bare_shell.ok("toolkit", "list")
    assert [name for name in tools if name not in words] == []


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("thrum-agent", {".claude/agents/thrum-agent.md"}),
        ("agents/message-listener.md", {".claude/agents/message-listener.md"}),
        ("design", {".claude/skills/thrum-design/SKILL.md", ".agents/skills/thrum-design/SKILL.md"}),
        ("skills/thrum-plan/", {".claude/skills/thrum-plan/SKILL.md", ".agents/skills/thrum-plan/SKILL.md"}),
        ("implementation-agent", {"docs/agent-dev-workflow/implementation-agent.md"}),
        ("scripts", {"scripts/setup-worktree-thrum.sh", "scripts/setup-worktree-beads.sh"}),
    ],
)
def test_a_name_a_path_or_a_kind_is_copied_to_the_place_of_its_kind(
    name: str, made: set[str], bare_shell: Shell
) -> None:
    before = files(bare_shell.cwd)
    copied = bare_shell.json("toolkit", "copy", name)
    assert {file["path"] for file in copied["files"]} == made
    assert files(bare_shell.cwd) - before == made


def test_skills_go_to_the_clients_that_are_used_here(bare_shell: Shell) -> None:
    (bare_shell.cwd / ".codex").mkdir()
    bare_shell.ok("toolkit", "copy", "plan")
    assert not (bare_shell.cwd / ".claude").exists()
    (bare_shell.cwd / ".claude").mkdir()
    bare_shell.ok("toolkit", "copy", "plan")
    for folder in (".claude", ".agents"):
        assert (bare_shell.cwd / folder / "skills" / "thrum-plan" / "SKILL.md").exists()


@pytest.mark.parametrize(
    ("name", "dest", "made"),
    [
        ("thrum-agent", "mine", "mine/thrum-agent.md"),
        ("thrum-agent", "mine/other.md", "mine/other.md"),
        ("implement", "a b/skills", "a b/skills/thrum-implement/SKILL.md"),
        ("implement", "skills/thrum-implement", "skills/thrum-implement/SKILL.md"),
        ("tester", "./", "tester.md"),
        ("setup-worktree-thrum.sh", "bin/", "bin/setup-worktree-thrum.sh"),
    ],
)
def test_a_destination_is_a_folder_or_the_very_file(name: str, dest: str, made: str, bare_shell: Shell) -> None:
    (below := bare_shell.cwd / "below").mkdir()
    bare_shell.at(below).ok("toolkit", "copy", name, dest)
    assert [str(path.relative_to(below)) for path in below.rglob("*") if path.is_file()] == [made]


@requirement("toolkit:path")
def test_the_path_is_the_folder_of_the_installed_package(tmp_path: Path) -> None:
    place = Path(Shell(tmp_path).ok("toolkit", "path").removesuffix("\n"))
    assert (place / ".claude-plugin" / "marketplace.json").exists()
    assert Shell(tmp_path).json("toolkit", "path") == {"directory": str(place)}


def test_with_a_destination_no_repository_is_needed(tmp_path: Path) -> None:
    Shell(tmp_path).ok("toolkit", "copy", "agents", str(tmp_path / "project"))
    assert sorted(os.listdir(tmp_path / "project")) == ["message-listener.md", "thrum-agent.md"]
    refused = Shell(tmp_path).thrum("toolkit", "copy", "agents", "--json")
    assert (refused.code, refused.error["code"]) == (1, "not_a_repository")


@requirement("toolkit:copy")
def test_a_changed_file_stays_and_nothing_is_copied_unless_forced(bare_shell: Shell) -> None:
    bare_shell.ok("toolkit", "copy", "setup")
    skill = bare_shell.cwd / ".claude" / "skills" / "thrum-setup" / "SKILL.md"
    skill.write_text(skill.read_text() + "Ours: name the branch after the ticket.\n")
    before = files(bare_shell.cwd)
    refused = bare_shell.thrum("toolkit", "copy", "skills", "--json")
    assert (refused.code, refused.error["code"]) == (1, "conflict")
    assert ".claude/skills/thrum-setup/SKILL.md" in refused.error["message"]
    assert files(bare_shell.cwd) == before
    assert "name the branch after the ticket" in skill.read_text()
    hint = refused.error["hint"].split("`")[1].split()
    forced = bare_shell.json(*hint[1:])
    assert {file["status"] for file in forced["files"]} == {"overwritten", "created", "unchanged"}
    assert "ticket" not in skill.read_text()


def test_copying_again_changes_nothing(bare_shell: Shell) -> None:
    first = bare_shell.json("toolkit", "copy", "all")
    again = bare_shell.json("toolkit", "copy", "all")
    assert {file["status"] for file in first["files"]} == {"created"}
    assert {file["status"] for file in again["files"]} == {"unchanged"}
    bare_shell.ok("agent", "register", "--name", "t", "--role", "tester", "--module", "core")
    assert "tester.md" in bare_shell.ok("roles", "list")


@pytest.mark.parametrize("name", ["nonsense", "", "../README", "plugin", "skill\x1b[31m"])
def test_an_unknown_name_is_refused_with_the_way_to_the_names(name: str, bare_shell: Shell) -> None:
    refused = bare_shell.thrum("toolkit", "copy", name, "--json")
    assert (refused.code, refused.error["code"]) == (1, "not_found")
    bare_shell.ok(*refused.error["hint"].split("`")[1].split()[1:])


def test_a_tracked_link_that_leads_out_of_the_repository_is_not_followed(bare_shell: Shell, tmp_path: Path) -> None:
    (outside := tmp_path / "outside").mkdir()
    (bare_shell.cwd / ".claude").symlink_to(outside)
    git(bare_shell.cwd, "add", ".claude")
    refused = bare_shell.thrum("toolkit", "copy", "agents", "--json")
    assert (refused.code, refused.error["code"]) == (1, "refused")
    assert os.listdir(outside) == []


@pytest.mark.parametrize("blocked", [".agents", "docs", "scripts"])
def test_a_file_in_the_place_of_a_folder_is_refused_and_nothing_is_half_done(blocked: str, bare_shell: Shell) -> None:
    (bare_shell.cwd / blocked).write_text("a file\n")
    before = files(bare_shell.cwd)
    refused = bare_shell.thrum("toolkit", "copy", "all", "--json")
    assert (refused.code, refused.error["code"]) == (1, "refused")
    assert files(bare_shell.cwd) == before


def test_the_copied_scripts_run_and_work_from_their_place(bare_shell: Shell, tmp_path: Path) -> None:
    bare_shell.ok("toolkit", "copy", "scripts")
    for name in ("setup-worktree-thrum.sh", "setup-worktree-beads.sh"):
        place = bare_shell.cwd / "scripts" / name
        assert place.stat().st_mode & stat.S_IXUSR
    git(bare_shell.cwd, "worktree", "add", "--quiet", "-b", "task", str(tmp_path / "a worktree"))
    bare_shell.ok("init", "--runtime", "claude")  # it writes the launcher, which the script starts without a PATH
    done = subprocess.run(
        ["scripts/setup-worktree-thrum.sh"], cwd=bare_shell.cwd, env={**os.environ, "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.count("set up ")) == (0, 1), done
    redirect = (tmp_path / "a worktree" / ".thrum" / "redirect").read_text().strip()
    assert redirect == str(bare_shell.cwd / ".thrum")
