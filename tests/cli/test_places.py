"""The same store from everywhere in a repository, whatever the environment lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.manifest import requirement

from .conftest import Team, created
from .shell import Shell, git
from .test_json import FAIL, LEAVES, SLOW, filled, talk


def test_a_subdirectory_finds_the_store(team: Team) -> None:
    deep = team.planner.cwd / "a" / "b"
    deep.mkdir(parents=True)
    assert team.planner.at(deep).json("whoami")["agent_id"] == "planner"


@pytest.mark.parametrize("redirected", [True, False])
def test_a_linked_worktree_shares_the_store_and_has_its_own_identity(team: Team, redirected: bool) -> None:
    redirect = team.builder.cwd / ".thrum" / "redirect"
    if redirected:
        redirect.write_text(f"{team.planner.cwd / '.thrum'}\n")
    else:
        redirect.unlink(missing_ok=True)
    team.builder.ok("send", "From the worktree", "--to", "@planner")
    assert team.builder.json("whoami")["agent_id"] == "builder"
    assert team.planner.json("inbox")["total"] == 1


def test_a_redirect_to_another_repository_is_refused(team: Team, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / ".thrum"
    elsewhere.mkdir(parents=True)
    (team.builder.cwd / ".thrum" / "redirect").write_text(f"{elsewhere}\n")
    assert team.builder.thrum("inbox", "--json").error["code"] == "invalid"


@requirement("flag:repo")
def test_repo_names_a_repository_from_anywhere(team: Team, tmp_path: Path) -> None:
    outside = team.planner.at(tmp_path)
    assert outside.json("--repo", str(team.planner.cwd), "whoami")["agent_id"] == "planner"
    assert outside.json("whoami", "--repo", "feature")["agent_id"] == "builder"


def test_nothing_but_a_path_is_needed_from_the_environment(repository: Shell) -> None:
    bare = {"PATH": os.environ["PATH"]}
    who = ("--name", "solo", "--role", "lead", "--module", "core")
    for words in (("init",), ("quickstart", *who), ("send", "hi"), ("inbox",), ("status",)):
        answer = repository.run(*words, environ=bare)
        assert (answer.code, answer.err) == (0, "" if words != ("send", "hi") else answer.err), answer
    assert "nobody is there" in repository.run("send", "hi", environ=bare).err


@pytest.mark.parametrize("name", ["with space", "ünïcödé 日本", "q?h#a%20t", "'quote'"])
def test_any_path_can_hold_a_repository(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    git(root, "init", "--quiet")
    shell = Shell(root)
    shell.ok("quickstart", "--name", "solo", "--role", "lead", "--module", "core")
    assert root.name in shell.run("status").out


class Bare(Shell):
    """A shell in which nothing is set but where programs are: no HOME, no language, no git identity."""

    def environ(self) -> dict[str, str]:
        """The whole environment."""
        return {"PATH": os.environ["PATH"]}


@pytest.fixture
def nowhere(tmp_path: Path) -> Team:
    """Planner deep in a linked worktree without a redirect, builder in the main one; spaces and signs in the paths."""
    place = tmp_path / "mein Büro 日本"
    place.mkdir()
    main = created(place)
    git(main.cwd, "worktree", "add", "--quiet", "-b", "second", str(place / "feature 2"))
    (place / "feature 2" / "a b" / "ü").mkdir(parents=True)
    planner, builder = Bare(place / "feature 2" / "a b" / "ü"), Bare(main.cwd)
    builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    planner.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    (place / "feature 2" / ".thrum" / "redirect").unlink(missing_ok=True)
    return Team(planner, builder)


ANYWHERE = [words for words in LEAVES if words not in SLOW]


@pytest.mark.parametrize("words", ANYWHERE, ids=" ".join)
def test_each_command_runs_deep_in_a_worktree_with_nothing_set(nowhere: Team, words: tuple[str, ...]) -> None:
    line = filled(words, talk(nowhere))
    line = ["../../../feature 3"] if words == ("setup", "worktree") else line
    git(nowhere.builder.cwd, "worktree", "add", "--quiet", "-b", "third", "../feature 3")
    answer = nowhere.planner.thrum(*words, *line, "--json", stdin=b"notes")
    assert "error" not in answer.data or words in FAIL, answer


@pytest.mark.nightly
@pytest.mark.parametrize("words", ANYWHERE, ids=" ".join)
def test_each_command_runs_from_outside_with_repo(team: Team, tmp_path: Path, words: tuple[str, ...]) -> None:
    line = ("--repo", str(team.planner.cwd), *words, *filled(words, talk(team)), "--json")
    answer = team.planner.at(tmp_path).thrum(*line, stdin=b"notes")
    assert "error" not in answer.data or words in FAIL, answer


def test_a_repository_can_be_moved(team: Team) -> None:
    moved = team.planner.cwd.parent / "moved"
    team.planner.cwd.rename(moved)
    assert team.planner.at(moved).json("whoami")["agent_id"] == "planner"


@pytest.mark.skipif(sys.platform == "darwin", reason="a file name must be UTF-8 there")
def test_a_directory_that_is_not_utf8_is_no_mystery(repository: Shell) -> None:
    odd = os.fsencode(repository.cwd.parent) + b"/caf\xe9"
    os.rename(os.fsencode(repository.cwd), odd)
    answer = repository.at(Path(os.fsdecode(odd))).run("init")
    assert "Traceback" not in answer.err


def test_a_directory_that_is_gone_is_a_sentence(repository: Shell) -> None:
    gone = repository.cwd / "gone"
    gone.mkdir()
    shell = repository.at(gone)
    script = f"rmdir {gone}; exec thrum inbox"
    environ = {**shell.environ(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", script], cwd=gone, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ") and "--verbose" in done.stderr and "Traceback" not in done.stderr
