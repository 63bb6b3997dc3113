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
from .tour import FAIL, tour


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
    assert "no other agent is registered" in repository.run("send", "hi", environ=bare).err


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


def _places(folder: Path) -> tuple[Bare, Bare]:
    """A shell in a repository, and one in a linked worktree of it; there is a third. Paths with spaces and signs."""
    place = folder / "mein Büro 日本"
    place.mkdir()
    main, other = created(place).cwd, place / "feature 2"
    git(main, "worktree", "add", "--quiet", "-b", "second", str(other))
    for root in (main, other):
        (root / "a b" / "ü").mkdir(parents=True)
    git(main, "worktree", "add", "--quiet", "-b", "third", str(place / "feature 3"))
    return Bare(main), Bare(other)


@requirement("flag:repo")
@pytest.mark.parametrize(
    "where", ["in a subdirectory", "in a worktree with a redirect", "in a worktree without one", "outside with --repo"]
)
def test_each_command_runs_with_nothing_set(scratch: Path, where: str) -> None:
    planner, builder = _places(scratch) if "worktree" not in where else _places(scratch)[::-1]
    for shell, role in ((planner, "lead"), (builder, "implementer")):
        name = "planner" if shell is planner else "builder"
        shell.ok("quickstart", "--name", name, "--role", role, "--module", "core")
    redirect = planner.cwd / ".thrum" / "redirect"
    if where == "in a worktree without one":
        redirect.unlink()
    assert redirect.exists() is (where == "in a worktree with a redirect")
    deep, outside = planner.at(planner.cwd / "a b" / "ü"), ("--repo", str(planner.cwd))
    team, flags = Team(planner, builder), outside if "--repo" in where else ()
    answers = tour(team, planner.cwd.parent / "feature 3", planner.at(scratch) if flags else deep, *flags)
    assert [answer.out for words, answer in answers.items() if "error" in answer.data and words not in FAIL] == []


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
    assert done.stderr == "Error: the current directory was removed\nTry: go to one that exists: `cd ~`\n"
