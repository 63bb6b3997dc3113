"""The toolkit: what is to be copied works, and says the same as what `thrum init` writes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import SCRIPT, Shell, git
from tests.contract.manifest import requirement
from thrum_cli.clients import recipes
from thrum_cli.clients.launcher import PLAIN
from thrum_cli.clients.pieces import Item, Member
from thrum_cli.clients.presets import PRESETS
from thrum_cli.hooks.events import EVENTS, LISTEN

ROOT = Path(__file__).resolve().parents[2]
TOOLKIT = ROOT / "toolkit"
ROLES = (
    "coordinator", "deployer", "documenter", "implementer", "monitor", "planner", "researcher", "reviewer", "tester",
)  # fmt: skip
CLAUDE = shutil.which("claude")


def loaded(path: Path) -> Any:
    """Load a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def without_listeners(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return groups of hooks without the listeners, for which the plugin has its monitor."""
    return [{**group, "hooks": [hook for hook in group["hooks"] if LISTEN not in hook["args"]]} for group in groups]


def test_the_plugins_hooks_are_those_that_init_writes_but_for_the_listener() -> None:
    text = "{}"
    for piece in recipes.recipe("claude", str(ROOT), PLAIN)[".claude/settings.json"]:
        if isinstance(piece, Item) and piece.path[0] == "hooks":
            text = piece.add(text, mine=True)
    written = {event: without_listeners(groups) for event, groups in json.loads(text)["hooks"].items()}
    assert loaded(TOOLKIT / "plugin" / "hooks" / "hooks.json")["hooks"] == written


def test_the_plugins_server_is_the_one_that_init_writes() -> None:
    (piece,) = recipes.recipe("claude", str(ROOT), PLAIN)[".mcp.json"]
    assert isinstance(piece, Member)
    assert loaded(TOOLKIT / "plugin" / ".claude-plugin" / "plugin.json")["mcpServers"]["thrum"] == piece.value


def test_the_plugin_has_the_version_of_the_package() -> None:
    version = loaded(TOOLKIT / "plugin" / ".claude-plugin" / "plugin.json")["version"]
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text()


def test_every_hook_that_is_written_anywhere_is_one_that_thrum_answers(tmp_path: Path) -> None:
    for name in PRESETS:
        for path, pieces in recipes.recipe(name, str(tmp_path), PLAIN).items():
            text = ""
            for piece in pieces:
                text = piece.add(text, mine=True)
            events = re.findall(r"thrum hook ([a-z-]+)", text) + re.findall(r'"hook",\s+"([a-z-]+)"', text)
            assert set(events) <= {*EVENTS, LISTEN}, path


@pytest.mark.skipif(CLAUDE is None, reason="Claude Code is not installed")
@pytest.mark.parametrize("folder", ["toolkit", "toolkit/plugin", ".claude"])
def test_claude_code_finds_nothing_wrong_with_the_plugin(folder: str, tmp_path: Path) -> None:
    assert CLAUDE is not None
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [CLAUDE, "plugin", "validate", str(ROOT / folder)], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@requirement("toolkit:agents")
def test_agents_and_skills_say_what_they_are_for() -> None:
    agents = sorted((TOOLKIT / "agents").glob("*.md"))
    assert [path.stem for path in agents] == ["message-listener", "thrum-agent"]
    assert "\nmodel: haiku\n" in agents[0].read_text()
    texts = [*agents, *(TOOLKIT / "plugin").rglob("*.md"), *(TOOLKIT / "skills").rglob("*.md")]
    for path in texts:
        head = path.read_text().split("---\n")[1]
        assert "description: " in head, path
        if path.parent.name == "agents":
            assert f"name: {path.stem}\n" in head, path
        if path.name == "SKILL.md":
            assert f"name: {path.parent.name}\n" in head, path


def test_every_text_is_short_enough_to_be_read() -> None:
    for path in TOOLKIT.rglob("*.md"):
        assert len(path.read_text().split()) < 600, path


@requirement("toolkit:templates")
def test_the_workflow_has_a_text_for_each_part_and_the_readme_names_them() -> None:
    texts = {path.name for path in (TOOLKIT / "templates" / "agent-dev-workflow").glob("*.md")}
    assert texts == {"README.md", "implementation-agent.md", "philosophy-template.md", "planning-agent.md"}
    phases = {path.parent.name for path in (TOOLKIT / "skills").rglob("SKILL.md")}
    assert phases == {"thrum-design", "thrum-plan", "thrum-setup", "thrum-implement"}
    readmes = (TOOLKIT / "templates" / "README.md").read_text()
    readmes += (TOOLKIT / "templates" / "agent-dev-workflow" / "README.md").read_text()
    assert [name for name in (texts | phases) - {"README.md"} if name not in readmes] == []
    reference = (TOOLKIT / "templates" / "agent-dev-workflow" / "planning-agent.md").read_text()
    assert "\n> Reference: superseded by the skills `thrum-design` and `thrum-plan`" in reference


@requirement("toolkit:templates")
def test_the_role_templates_become_preambles(repository: Shell) -> None:
    folder = TOOLKIT / "templates" / "roles"
    assert sorted(path.stem for path in folder.glob("*.md")) == sorted(ROLES)
    shutil.copytree(folder, repository.cwd / ".thrum" / "role_templates")
    for role in ROLES:
        repository.ok("agent", "register", "--name", f"the-{role}", "--role", role, "--module", "core")
    repository.having(THRUM_NAME="the-tester").ok("roles", "deploy")
    for role in ROLES:
        text = (repository.cwd / ".thrum" / "context" / f"the-{role}_preamble.md").read_text()
        assert text.startswith(f"# Agent: the-{role}\n")
        assert "$" not in text
        assert role == "coordinator" or "@the-coordinator" in text


def script(name: str, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the repository with `thrum` on the PATH."""
    path = f"{Path(SCRIPT).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(ROOT / "scripts" / name), *arguments],
        cwd=cwd, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@requirement("scripts:thrum")
def test_the_worktree_script_lets_all_worktrees_share_one_store(repository: Shell, tmp_path: Path) -> None:
    for name in ("one", "two words"):
        git(repository.cwd, "worktree", "add", "--quiet", "-b", name.replace(" ", "-"), str(tmp_path / name))
    first = script("setup-worktree-thrum.sh", repository.cwd)
    assert (first.returncode, first.stdout.count("set up ")) == (0, 2), first
    again = script("setup-worktree-thrum.sh", tmp_path / "one")
    assert (again.returncode, again.stdout.count("already ")) == (0, 2), again
    for name in ("one", "two words"):
        assert (tmp_path / name / ".thrum" / "redirect").read_text().strip() == str(repository.cwd / ".thrum")


def test_the_worktree_script_makes_a_worktree_with_its_agent(repository: Shell, tmp_path: Path) -> None:
    worktree = tmp_path / "feature"
    done = script("setup-worktree-thrum.sh", repository.cwd, str(worktree), "work/auth", "--identity", "builder")
    assert done.returncode == 0, done
    me = repository.at(worktree).json("whoami")
    assert (me["agent_id"], me["role"], me["module"], me["branch"]) == ("builder", "implementer", "auth", "work/auth")


@pytest.mark.parametrize("name", ["setup-worktree-thrum.sh", "setup-worktree-beads.sh"])
def test_a_worktree_script_explains_itself_and_refuses_what_it_does_not_know(repository: Shell, name: str) -> None:
    done = script(name, repository.cwd, "--help")
    assert (done.returncode, f"{name} PATH" in done.stdout, "Usage:" in done.stdout) == (0, True, True)
    assert script(name, repository.cwd, "--what").returncode == 1
    assert "not a worktree" in script(name, repository.cwd, str(repository.cwd / "nowhere")).stderr or "beads" in name


@requirement("scripts:beads")
def test_the_beads_script_writes_redirects_beside_thrums(repository: Shell, tmp_path: Path) -> None:
    worktree = tmp_path / "feature"
    git(repository.cwd, "worktree", "add", "--quiet", str(worktree))
    missing = script("setup-worktree-beads.sh", repository.cwd)
    assert (missing.returncode, "no .beads" in missing.stderr) == (1, True)
    (repository.cwd / ".beads").mkdir()
    for arguments in ((), (), (str(worktree),)):
        assert script("setup-worktree-beads.sh", repository.cwd, *arguments).returncode == 0
    assert (worktree / ".beads" / "redirect").read_text() == f"{repository.cwd / '.beads'}\n"
    script("setup-worktree-thrum.sh", repository.cwd)
    assert repository.at(worktree).thrum("runtime", "list").code == 0


def test_the_toolkit_ships_whole(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import thrum_toolkit; print(*thrum_toolkit.__path__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(done.stdout.strip(), ".claude-plugin", "marketplace.json").exists()
