"""`thrum init --runtime` and what goes with it: what is shown, what is written, what is left to the user."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.shell import Shell, git
from tests.contract.manifest import requirement
from thrum_cli.clients import recipes
from thrum_cli.clients.configure import merged
from thrum_cli.clients.launcher import START
from thrum_cli.clients.presets import PRESETS
from thrum_store.values import fields_of

ROOT = Path(__file__).resolve().parents[2]
SEED = ("claude", "codex", "cursor", "gemini", "auggie", "amp", "cli-only")


def files(root: Path) -> dict[str, str]:
    """Return the text of all files of a worktree except git's and thrum's."""
    paths = [path for path in root.rglob("*") if path.is_file() and not {".git", ".thrum"} & set(path.parts)]
    return {str(path.relative_to(root)): path.read_text() for path in paths}


def test_a_dry_run_shows_a_diff_and_writes_nothing(repository: Shell) -> None:
    (repository.cwd / "AGENTS.md").write_text("# Mine\n")
    before = files(repository.cwd)
    output = repository.ok("init", "--runtime", "all", "--dry-run")
    assert "--- a/AGENTS.md\n+++ b/AGENTS.md\n@@" in output
    assert "--- /dev/null\n+++ b/.mcp.json\n" in output
    assert files(repository.cwd) == before
    assert not (repository.cwd / ".thrum" / "configured.json").exists()


def test_the_diff_of_a_dry_run_is_what_then_happens(repository: Shell, tmp_path: Path) -> None:
    (repository.cwd / "AGENTS.md").write_text("# Mine\r\nno line at the end")
    planned = repository.json("init", "--runtime", "all", "--dry-run")["runtime_init"]["files"]
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "AGENTS.md").write_bytes((repository.cwd / "AGENTS.md").read_bytes())
    patch = "".join(file["diff"] for file in planned)
    subprocess.run(["git", "apply", "-"], cwd=copy, input=patch.encode(), check=True)
    repository.ok("init", "--runtime", "all")
    written = {name: text for name, text in files(repository.cwd).items() if name != ".gitignore"}
    assert files(copy) == written


@requirement("init:runtime")
def test_doing_it_again_changes_nothing(repository: Shell) -> None:
    repository.ok("init", "--runtime", "all")
    before = files(repository.cwd)
    again = repository.json("init", "--runtime", "all")["runtime_init"]["files"]
    assert {file["status"] for file in again} == {"unchanged"}
    assert files(repository.cwd) == before


def test_stealth_leaves_git_nothing_to_see(repository: Shell) -> None:
    (repository.cwd / ".gitignore").unlink()
    (repository.cwd / "AGENTS.md").write_text("# Mine\n")
    git(repository.cwd, "add", "AGENTS.md")
    git(repository.cwd, "commit", "--quiet", "--message", "mine")
    exclude = repository.cwd / ".git" / "info" / "exclude"
    before = exclude.read_text()
    answer = repository.thrum("init", "--runtime", "all", "--stealth")
    assert "git tracks it" in answer.out
    assert git(repository.cwd, "status", "--porcelain") == ""
    assert (repository.cwd / ".mcp.json").exists()
    repository.ok("uninit")
    assert exclude.read_text() == before


def test_nothing_that_is_written_names_a_place_in_the_repository(repository: Shell) -> None:
    repository.ok("init", "--runtime", "all")
    assert [name for name, text in files(repository.cwd).items() if str(repository.cwd) in text] == []


def test_a_linked_worktree_is_set_up_by_itself(repository: Shell, tmp_path: Path) -> None:
    git(repository.cwd, "worktree", "add", "--quiet", str(tmp_path / "feature"))
    other = repository.at(tmp_path / "feature")
    other.ok("init", "--runtime", "claude")
    assert (other.cwd / ".mcp.json").exists()
    assert not (repository.cwd / ".mcp.json").exists()
    other.ok("uninit")
    assert not (other.cwd / ".mcp.json").exists()


def test_an_unknown_runtime_is_refused_before_anything_is_written(repository: Shell) -> None:
    before = files(repository.cwd)
    answer = repository.thrum("init", "--runtime", "emacs")
    assert answer.code == 1
    assert "claude, codex" in answer.err
    assert files(repository.cwd) == before


def test_the_steps_that_only_the_user_can_take_are_told(repository: Shell) -> None:
    output = repository.ok("init", "--runtime", "all")
    for preset in PRESETS.values():
        assert preset.user_step in output


@requirement("runtime:list", "runtime:show")
def test_all_runtimes_of_the_seed_and_opencode_are_listed_and_shown(repository: Shell) -> None:
    listed = repository.json("runtime", "list")
    names = [preset["name"] for preset in listed["presets"]]
    assert names == sorted([*SEED, "opencode"])
    for name in names:
        shown = repository.json("runtime", "show", name)
        assert shown == next(preset for preset in listed["presets"] if preset["name"] == name)
        assert shown["display_name"] in repository.ok("runtime", "show", name)
    assert repository.thrum("runtime", "show", "emacs").code == 1


def test_each_runtime_says_how_mail_reaches_its_agent_and_whether_that_wakes_it() -> None:
    for preset in PRESETS.values():
        assert preset.wake, preset.name
        assert {channel.basis for channel in preset.wake} <= {"seen", "read"}
    waking = {name for name, preset in PRESETS.items() if any(channel.wakes for channel in preset.wake)}
    assert waking == {"claude", "codex", "opencode", "amp"}


@requirement("runtime:set-default")
def test_the_default_is_what_auto_means(repository: Shell) -> None:
    repository.ok("runtime", "set-default", "gemini")
    config = json.loads((repository.cwd / ".thrum" / "config.json").read_text())
    assert config["runtime"] == {"primary": "gemini"}
    assert config["local_only"] is True
    assert "gemini *" in repository.ok("runtime", "list")
    repository.ok("init", "--runtime", "auto")
    assert (repository.cwd / ".gemini" / "settings.json").exists()


@pytest.mark.parametrize(
    ("sign", "variable", "name"),
    [
        (".claude/settings.json", "", "claude"),
        (".codex/config.toml", "", "codex"),
        ("GEMINI.md", "", "gemini"),
        ("opencode.jsonc", "", "opencode"),
        ("GEMINI.md", "CLAUDECODE", "claude"),
    ],
)
def test_auto_finds_the_client_that_is_used_here(repository: Shell, sign: str, variable: str, name: str) -> None:
    (repository.cwd / sign).parent.mkdir(exist_ok=True)
    (repository.cwd / sign).write_text("")
    variables = dict.fromkeys(("CLAUDECODE", "CODEX_THREAD_ID"), "") | ({variable: "1"} if variable else {})
    shell = repository.having(PATH="/usr/bin:/bin", **variables)
    assert shell.json("runtime", "list")["detected"][0]["name"] == name


def test_a_check_says_what_is_wrong_and_what_is_left_to_do(repository: Shell, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shell = repository.having(HOME=str(home))
    assert "No client is set up here" in shell.ok("doctor", "runtimes")
    assert shell.thrum("doctor", "runtimes", "claude").code == 1
    shell.ok("init", "--runtime", "claude")
    (client,) = shell.json("doctor", "runtimes")["runtimes"]
    assert (client["files"], client["user_step"], client["problems"]) == ("ok", "to do", [])
    trusted = {"projects": {str(repository.cwd): {"hasTrustDialogAccepted": True}}}
    (home / ".claude.json").write_text(json.dumps(trusted))
    assert shell.json("doctor", "runtimes")["runtimes"][0]["user_step"] == "done"
    (repository.cwd / ".mcp.json").unlink()
    answer = shell.thrum("doctor", "runtimes")
    assert answer.code == 1
    assert ".mcp.json" in answer.out


def test_the_claude_folder_of_this_repository_is_what_init_writes() -> None:
    recipe = merged([recipes.recipe("claude", str(ROOT), START)])
    for path, pieces in recipe.items():
        if path.startswith(".claude/") or path == ".mcp.json":
            text = ""
            for piece in pieces:
                text = piece.add(text, mine=True)
            assert (ROOT / path).read_text() == text, path


def test_every_preset_has_a_recipe_and_every_field_a_value(tmp_path: Path) -> None:
    for name, preset in PRESETS.items():
        assert recipes.recipe(name, str(tmp_path), START)
        assert all(getattr(preset, field) is not None for field in fields_of(preset) or ())


@requirement("quickstart:runtime")
def test_quickstart_sets_a_client_up_as_well(repository: Shell) -> None:
    result = repository.json(
        "quickstart", "--name", "ann", "--role", "planner", "--module", "core", "--runtime", "codex"
    )
    assert result["runtime_init"]["runtimes"] == ["codex"]
    assert result["session"]["agent_id"] == "ann"
    assert (repository.cwd / ".codex" / "config.toml").exists()


@requirement("quickstart:dry-run")
def test_quickstart_can_show_what_it_would_do(repository: Shell) -> None:
    before = files(repository.cwd)
    output = repository.ok(
        "quickstart", "--name", "ann", "--role", "planner", "--module", "core", "--runtime", "claude", "--dry-run"
    )
    assert "Would register @ann" in output
    assert "+++ b/.mcp.json" in output
    assert files(repository.cwd) == before
    assert repository.thrum("whoami").code == 1


@requirement("quickstart:preamble-file")
def test_quickstart_puts_a_file_after_the_usual_preamble(repository: Shell) -> None:
    (repository.cwd / "mine.md").write_text("Never touch the database.\n")
    repository.ok("quickstart", "--name", "ann", "--role", "planner", "--module", "core", "--preamble-file", "mine.md")
    preamble = (repository.cwd / ".thrum" / "context" / "ann_preamble.md").read_text()
    assert preamble.startswith("# You are @ann")
    assert preamble.endswith("---\n\nNever touch the database.\n")
