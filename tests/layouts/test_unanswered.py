"""A worktree that git cannot answer for is named to everyone who looks; "nobody" needs the answer of all."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.shell import SCRIPT, Shell
from thrum_store.repository.paths import find

from .sites import behind_link, dot_bare, git, linked, ordinary, repository


class Pair:
    """planner in the first worktree, builder in a linked one."""

    def __init__(self, folder: Path) -> None:
        site = ordinary(folder)
        self.first, self.other = site.first, site.other
        self.planner, self.builder = site.planner, site.builder
        self.planner.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
        self.builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Two agents in an ordinary clone."""
    return Pair(tmp_path.resolve())


def bare_by_mistake(pair: Pair) -> tuple[Shell, str, str]:
    git(pair.first, "config", "core.bare", "true")
    return pair.builder, "main", "core.bare"


def bare_in_each_worktree(pair: Pair) -> tuple[Shell, str, str]:
    git(pair.first, "config", "extensions.worktreeConfig", "true")
    git(pair.first, "config", "core.bare", "true")
    git(pair.first, "config", "--worktree", "core.bare", "false")
    return pair.planner, "w", "core.bare"


def broken_index(pair: Pair) -> tuple[Shell, str, str]:
    (pair.first / ".git" / "index").write_bytes(b"DIRC\0\0\0\2garbage")
    return pair.builder, "main", "index"


def broken_pointer(pair: Pair) -> tuple[Shell, str, str]:
    (pair.other / ".git").write_text("gitdir: /nowhere/.git/worktrees/w\n")
    return pair.planner, "w", "git cannot follow"


def removed(pair: Pair) -> tuple[Shell, str, str]:
    shutil.rmtree(pair.other)
    return pair.planner, "w", "is not there"


def moved_by_hand(pair: Pair) -> tuple[Shell, str, str]:
    pair.other.rename(pair.other.with_name("elsewhere"))
    return pair.planner, "w", "is not there"


def without_its_pointer(pair: Pair) -> tuple[Shell, str, str]:
    (pair.other / ".git").unlink()
    return pair.planner, "w", "no .git"


def another_clones(pair: Pair) -> tuple[Shell, str, str]:
    shutil.rmtree(pair.other)
    linked(repository(pair.first.parent / "stranger"), pair.other)
    return pair.planner, "w", "another clone"


def bad_setting(pair: Pair) -> tuple[Shell, str, str]:
    git(pair.first, "config", "extensions.worktreeConfig", "true")
    (pair.first / ".git" / "worktrees" / "w" / "config.worktree").write_text("[core\n")
    return pair.planner, "w", "bad config"


SILENT = (
    bare_by_mistake, bare_in_each_worktree, broken_index, broken_pointer, removed, moved_by_hand, without_its_pointer,
    another_clones, bad_setting,
)  # fmt: skip


@pytest.mark.parametrize("accident", SILENT)
def test_a_worktree_that_git_cannot_answer_for_is_named(
    pair: Pair, accident: Callable[[Pair], tuple[Shell, str, str]]
) -> None:
    shell, name, reason = accident(pair)
    text = shell.ok("who-has", "README.md")
    assert "Nobody is" not in text and reason in text, text
    (silent,) = shell.json("who-has", "README.md")["unanswered"]
    assert (silent["worktree"], reason in silent["reason"], bool(silent["hint"])) == (name, True, True)
    assert reason in shell.ok("team")
    assert [entry["worktree"] for entry in shell.json("team")["unanswered"]] == [name]
    doctor = shell.thrum("doctor", "--json").data
    assert [
        finding for finding in doctor["findings"] if finding["check"] == "worktree" and reason in finding["message"]
    ]
    stdin = json.dumps({"session_id": "s", "tool_input": {"file_path": str(shell.cwd / "README.md")}}).encode()
    warned = shell.run("hook", "before-edit", "--runtime", "claude", stdin=stdin)
    assert reason in json.loads(warned.out)["hookSpecificOutput"]["additionalContext"]
    assert shell.run("hook", "before-edit", "--runtime", "claude", stdin=stdin).out == ""  # once per session


def test_a_worktree_in_which_nobody_works_and_that_is_away_is_forgotten(pair: Pair) -> None:
    third = linked(pair.first, pair.first.parent / "third", "third")
    shutil.rmtree(third)
    assert pair.planner.ok("who-has", "README.md") == "No agents are currently editing README.md.\n"


def test_the_command_that_is_named_mends_it(pair: Pair) -> None:
    bare_by_mistake(pair)
    hint = pair.builder.json("who-has", "README.md")["unanswered"][0]["hint"]
    subprocess.run(shlex.split(hint.strip("`")), cwd=pair.other, check=True)
    assert pair.builder.ok("who-has", "README.md") == "No agents are currently editing README.md.\n"


def test_without_git_nobody_is_not_said(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    environ = {**pair.planner.environ(), "PATH": str(tmp_path)}
    answer = pair.planner.run("who-has", "README.md", environ=environ)
    assert "Nobody is" not in answer.out and "there is no git" in answer.out + answer.err
    assert "Traceback" not in answer.err


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a repository to somebody else")
def test_a_repository_of_another_user_is_named_with_gits_own_command(pair: Pair) -> None:
    for path in (pair.first, pair.first / ".git"):
        os.chown(path, 12345, 12345)
    answer = pair.builder.run("who-has", "README.md", environ={**pair.builder.environ(), "HOME": str(pair.other)})
    assert "Nobody is" not in answer.out
    assert "safe.directory" in answer.out + answer.err


# --- two worktrees of one name --------------------------------------------------------------------------------------


def test_a_registration_from_before_names_were_told_apart_belongs_to_the_worktree_with_the_identity(
    tmp_path: Path,
) -> None:
    root = repository(tmp_path.resolve() / "r")
    other = linked(root, root.parent / "main", "hotfix")
    planner, builder = Shell(root), Shell(other)
    planner.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    as_before(builder)
    assert {member["agent_id"]: member["branch"] for member in planner.json("team", "--all")["members"]} == {
        "planner": "trunk", "builder": "hotfix"
    }  # fmt: skip
    (other / "README.md").write_text("x\n")
    assert [context["agent_id"] for context in planner.json("who-has", "README.md")["contexts"]] == ["builder"]
    builder.ok("send", "still me", "--to", "@planner")
    assert builder.thrum("doctor", "--json").data["problems"] == 0
    refused = builder.having(THRUM_NAME="planner").thrum("send", "x", "--to", "@builder", "--json")
    assert refused.error["code"] == "worktree_mismatch"
    builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    assert {agent["worktree"] for agent in planner.json("agent", "list")["agents"]["agents"]} == {
        "main",
        "worktrees/main",
    }


def as_before(shell: Shell) -> None:
    """Register builder as earlier versions did: with the last part of its git directory's path as the worktree."""
    script = (
        "import thrum_store.repository.paths as paths, os\n"
        "paths.worktree_name = lambda git_dir, common: os.path.basename(git_dir)\n"
        "from thrum_cli.main import main\n"
        "main(['quickstart', '--name', 'builder', '--role', 'implementer', '--module', 'auth'])\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=shell.cwd, env=shell.environ(), check=True, capture_output=True)


# --- where no worktree is -------------------------------------------------------------------------------------------


def error(place: Path, *words: str) -> tuple[str, str, str]:
    """Return code, sentence and hint of a command that must fail at a place."""
    answer = Shell(place).thrum(*words, "--json")
    assert answer.code == 1
    fields = answer.error
    return fields["code"], fields["message"], fields.get("hint") or ""


@pytest.mark.parametrize("below", [".", "hooks", "refs/heads"])
def test_a_bare_repository_sends_its_visitors_to_a_worktree(tmp_path: Path, below: str) -> None:
    source = repository(tmp_path.resolve() / "source")
    hub = source.parent / "project.git"
    git(source, "clone", "-q", "--bare", ".", str(hub))
    for words in (
        ("init",),
        ("inbox",),
        ("who-has", "x"),
        ("quickstart", "--name", "a", "--role", "b", "--module", "c"),
    ):
        code, message, hint = error(hub / below, *words)
        assert (code, "this is a bare" in message or "is a bare repository" in message) == ("bare_repository", True)
    subprocess.run(hint.split("`")[1], cwd=hub / below, shell=True, check=True, capture_output=True)
    code, message, hint = error(hub / below, "init")
    place = subprocess.run(f"{hint.strip('`')} && pwd", cwd=hub, shell=True, check=True, capture_output=True, text=True)
    Shell(Path(place.stdout.strip())).ok("init")


def test_beside_a_bare_repository_that_a_file_names_only_init_is_refused(tmp_path: Path) -> None:
    site = dot_bare(tmp_path.resolve())
    for words in (("init",), ("quickstart", "--name", "a", "--role", "b", "--module", "c")):
        code, _, hint = error(site.movable, *words)
        assert (code, hint) == ("bare_repository", f"`cd {site.first}`")
    assert not (site.movable / ".thrum").exists()
    site.planner.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    hub = Shell(site.movable)
    hub.ok("quickstart", "--name", "chief", "--role", "coordinator", "--module", "hub")
    hub.ok("send", "from the hub", "--to", "@planner")
    assert site.planner.ok("who-has", "README.md") == "No agents are currently editing README.md.\n"


def test_init_where_core_bare_is_set_by_mistake_says_how_to_unset_it(tmp_path: Path) -> None:
    root = repository(tmp_path.resolve() / "r")
    git(root, "config", "core.bare", "true")
    code, message, hint = error(root, "init")
    assert (code, "core.bare" in message) == ("broken_worktree", True)
    subprocess.run(hint.split("`")[1], cwd=root, shell=True, check=True)
    Shell(root).ok("init")


@pytest.mark.parametrize("first", ["planner", "builder"])
def test_a_store_that_an_older_version_kept_beside_a_link_is_found_from_all_worktrees(
    tmp_path: Path, first: str
) -> None:
    site = behind_link(tmp_path.resolve())
    site.planner.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    site.planner.thrum("send", "kept", "--to", "@everyone")
    site.planner.ok("config", "set", "runtime.primary", "gemini")
    places = find(str(site.first))
    shutil.rmtree(site.first / ".thrum" / "var", ignore_errors=True)
    os.rename(places.var, site.first / ".thrum" / "var")
    os.rename(places.config, site.first / ".thrum" / "config.json")
    shutil.rmtree(places.thrum)
    if first == "builder":
        assert error(site.other, "sent")[0] == "not_initialized"  # until the first worktree is used once
    assert "the store is in" in site.planner.thrum("inbox").err
    assert len(site.planner.json("sent")["messages"]) == 1
    site.builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    assert [agent["agent_id"] for agent in site.planner.json("agent", "list")["agents"]["agents"]] == [
        "builder",
        "planner",
    ]
    assert "gemini" in site.builder.ok("config", "show")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("C:/Users/me/r/.git/worktrees/w", "a path of Windows"),
        (r"C:\Users\me\r\.git\worktrees\w", "a path of Windows"),
        ("//wsl.localhost/Debian/r/.git/worktrees/w", "a path of Windows"),
        (r"\\wsl$\Debian\r\.git\worktrees\w", "a path of Windows"),
        ("/gone/r/.git/worktrees/w", "/gone/r/.git/worktrees/w"),
        ("../gone/.git/modules/lib", "../gone/.git/modules/lib"),
    ],
)
def test_a_pointer_that_git_cannot_follow_is_a_sentence(tmp_path: Path, target: str, words: str) -> None:
    other = linked(repository(tmp_path.resolve() / "r"), tmp_path.resolve() / "w")
    (other / ".git").write_text(f"gitdir: {target}\n")
    for command in ("whoami", "init", "doctor"):
        code, message, hint = error(other, command)
        assert (code, message.startswith(f"git cannot follow {other / '.git'}"), words in message) == (
            "broken_worktree", True, True
        )  # fmt: skip
        assert "`" in hint


def test_in_a_worktree_whose_repository_was_moved_the_hint_works_when_pasted(tmp_path: Path) -> None:
    site = ordinary(tmp_path.resolve())
    site.builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    site.first.rename(site.first.with_name("my moved $repository"))
    code, message, hint = error(site.other, "inbox")
    assert code == "broken_worktree"
    started = site.builder.run("hook", "session-start", "--runtime", "claude", stdin=b'{"session_id": "s"}')
    assert message in json.loads(started.out)["hookSpecificOutput"]["additionalContext"]
    assert site.builder.run("hook", "prompt", "--runtime", "claude", stdin=b'{"session_id": "s"}').out == ""
    subprocess.run(hint.split("`")[1], cwd=site.other, shell=True, check=True, capture_output=True)
    site.builder.ok("inbox")


def test_a_redirect_to_another_store_is_refused_with_a_command_that_heals_it(tmp_path: Path) -> None:
    site = ordinary(tmp_path.resolve())
    site.builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    (site.other / ".thrum" / "redirect").write_text("/usr\n")
    code, message, hint = error(site.other, "inbox")
    assert (code, "/usr" in message) == ("invalid", True)
    command = hint.split("`")[1].replace("thrum", SCRIPT, 1)
    subprocess.run(command, cwd=site.other, shell=True, check=True, capture_output=True)
    site.builder.ok("inbox")


# --- called from git ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", ["commit", "rebase", "bisect"])
@pytest.mark.parametrize("place", ["first", "other"])
def test_a_call_from_git_is_a_call_from_its_worktree(pair: Pair, caller: str, place: str) -> None:
    root, name = (pair.first, "planner") if place == "first" else (pair.other, "builder")
    script = root.parent / "hook"
    script.write_text(f"#!/bin/sh\n{shlex.quote(SCRIPT)} whoami --json > {root.parent}/who 2>&1\n")
    script.chmod(0o755)
    (root / "src" / "app.py").write_text("two\n")
    if caller == "commit":
        (pair.first / ".git" / "hooks").mkdir(exist_ok=True)
        (pair.first / ".git" / "hooks" / "post-commit").symlink_to(script)
    git(root, "commit", "-qam", "second")
    if caller == "rebase":
        git(root, "rebase", "-q", "--exec", str(script), "HEAD~1")
    elif caller == "bisect":
        git(root, "commit", "-q", "--allow-empty", "-m", "third")
        git(root, "bisect", "start", "HEAD", "HEAD~2")
        git(root, "bisect", "run", str(script))
    answer = json.loads((root.parent / "who").read_text())
    assert (answer["agent_id"], answer["worktree"]) == (name, "main" if place == "first" else "w")
