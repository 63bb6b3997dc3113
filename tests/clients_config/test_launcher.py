"""The command that is written for clients starts thrum: in every worktree and directory, with any PATH."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import PATIENCE, SCRIPT, Shell, git
from thrum_cli.clients import launcher
from thrum_cli.clients.launcher import START
from thrum_store.machine.host import REAL
from thrum_store.repository import paths

from .conftest import executable

BARE = "/usr/bin:/bin"
INITIALIZE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"},
}}) + "\n"  # fmt: skip


def started(cwd: Path, *words: str, path: str = BARE, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command that is written, as a client would."""
    return subprocess.run(
        [*START, *words], cwd=cwd, env={"PATH": path, **variables}, input=INITIALIZE, capture_output=True, text=True,
        check=False, timeout=PATIENCE,
    )  # fmt: skip


def named(repository: Shell, *programs: Path) -> Path:
    """Write the launcher for these programs, the last one first, and return its place."""
    places = paths.find(str(repository.cwd))
    Path(places.launcher).unlink()
    for program in programs:
        launcher.install(places, (str(program),), REAL)
    return Path(places.launcher)


def layout(root: Path, kind: str) -> Path:
    """Return a directory of a repository in this layout, in which `thrum init` ran."""
    top = root / "it's a çafé"
    top.mkdir()
    if kind == "separate":
        git(root, "init", "-q", "--separate-git-dir", str(root / "elsewhere.git"), str(top))
    elif kind == "bare":
        git(root, "init", "-q", "--bare", str(root / "bare.git"))
        top.rmdir()
        git(root / "bare.git", "worktree", "add", "-q", "--orphan" if _has_orphan() else "-f", *_bare(root, top))
    else:
        git(root, "init", "-q", str(top))
    git(top, "commit", "-q", "--allow-empty", "-m", "first")
    if kind == "linked":
        git(top, "worktree", "add", "-q", "-b", "linked", str(root / "linked one"))
        top = root / "linked one"
    if kind == "subdirectory":
        (top / "a b" / "c").mkdir(parents=True)
    if kind == "link":
        (top / ".git").rename(root / "real")
        (top / ".git").symlink_to(root / "real")
    Shell(top).ok("init")
    return top / "a b" / "c" if kind == "subdirectory" else top


def _has_orphan() -> bool:
    return tuple(map(int, git(Path.cwd(), "version").split()[2].split(".")[:2])) >= (2, 42)


def _bare(root: Path, top: Path) -> list[str]:
    if _has_orphan():
        return ["-b", "main", str(top)]
    tree = git(root / "bare.git", "hash-object", "-t", "tree", "-w", "/dev/null").strip()
    commit = git(root / "bare.git", "commit-tree", tree, "-m", "first").strip()
    git(root / "bare.git", "branch", "main", commit)
    return [str(top), "main"]


@pytest.mark.parametrize("kind", ["first", "linked", "subdirectory", "separate", "bare", "link"])
def test_the_command_starts_in_every_layout_with_a_bare_path(tmp_path: Path, kind: str) -> None:
    where = layout(tmp_path, kind)
    done = started(where, "mcp", "serve")
    assert '"serverInfo"' in done.stdout, done


def test_another_program_named_thrum_that_comes_first_is_not_started(repository: Shell, tmp_path: Path) -> None:
    other = executable(tmp_path / "go" / "thrum").parent
    assert json.loads(started(repository.cwd, "version", "--json", path=f"{other}:{BARE}").stdout)["python_version"]


def test_variables_that_point_git_at_another_repository_change_nothing(repository: Shell, tmp_path: Path) -> None:
    (repository.cwd / "deep").mkdir()
    done = started(repository.cwd / "deep", "--version", GIT_DIR=str(tmp_path / "gone"), GIT_COMMON_DIR="/gone")
    assert done.stdout.startswith("thrum "), done


def test_the_arguments_arrive_as_they_are(repository: Shell, tmp_path: Path) -> None:
    program = executable(tmp_path / "a 'b' \"c\" $d `e` é\\" / "thrum")
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    named(repository, program)
    assert started(repository.cwd, "a b", "*", "", "$HOME", "é'").stdout == "a b\n*\n\n$HOME\né'\n"


def test_an_earlier_installation_is_started_when_the_newest_is_gone(repository: Shell, tmp_path: Path) -> None:
    older, newer = executable(tmp_path / "older" / "thrum"), executable(tmp_path / "newer" / "thrum")
    older.write_text("#!/bin/sh\necho older\n")
    named(repository, older, newer)
    assert started(repository.cwd, "x").stdout == "started x\n"
    newer.unlink()
    assert started(repository.cwd, "x").stdout == "older\n"


def test_an_installation_whose_interpreter_was_removed_is_passed_over(repository: Shell, tmp_path: Path) -> None:
    places = paths.find(str(repository.cwd))
    script = executable(tmp_path / "venv" / "bin" / "thrum")
    launcher.install(places, (str(tmp_path / "venv" / "bin" / "python"), str(script)), REAL)
    assert started(repository.cwd, "--version").stdout.startswith("thrum ")


def test_when_all_are_gone_another_installation_of_ours_is_searched_for(repository: Shell, tmp_path: Path) -> None:
    named(repository, tmp_path / "gone" / "thrum")
    other = executable(tmp_path / "go" / "thrum").parent
    own = tmp_path / "home" / ".local" / "bin" / "thrum"
    own.parent.mkdir(parents=True)
    own.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(SCRIPT)} "$@"\n')
    own.chmod(0o755)
    done = started(repository.cwd, "version", "--json", path=f"{other}:{BARE}", HOME=str(tmp_path / "home"))
    assert "python_version" in json.loads(done.stdout)


def test_when_nothing_is_left_it_ends_with_127_and_one_sentence(repository: Shell, tmp_path: Path) -> None:
    named(repository, tmp_path / "gone" / "thrum")
    done = started(repository.cwd, "hook", "stop", HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (127, "", 1)
    assert "install thrum again, then run `thrum init`" in done.stderr


def test_a_clone_that_was_not_set_up_uses_the_thrum_of_the_path(repository: Shell, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository.cwd), str(tmp_path / "clone"))
    own = executable(tmp_path / "bin" / "thrum").parent
    assert started(tmp_path / "clone", "mcp", "serve", path=f"{own}:{BARE}").stdout == "started mcp serve\n"


def test_a_directory_that_only_looks_like_a_bare_repository_starts_nothing(repository: Shell, tmp_path: Path) -> None:
    planted = repository.cwd / "vendor"
    git(repository.cwd, "init", "-q", "--bare", str(planted))
    evil = executable(planted / "thrum-sync" / "bin" / "thrum")
    evil.write_text(f"echo evil > {shlex.quote(str(tmp_path / 'evil'))}\n")
    started(planted, "--version")
    assert not (tmp_path / "evil").exists()


def test_the_launcher_survives_git_clean_and_is_not_in_a_clone(repository: Shell, tmp_path: Path) -> None:
    git(repository.cwd, "clean", "-qfdx")
    assert started(repository.cwd, "--version").stdout.startswith("thrum ")
    git(tmp_path, "clone", "-q", str(repository.cwd), str(tmp_path / "clone"))
    assert not Path(paths.find(str(tmp_path / "clone")).launcher).exists()


def test_writing_it_again_changes_no_byte_and_keeps_few_installations(repository: Shell, tmp_path: Path) -> None:
    place = Path(paths.find(str(repository.cwd)).launcher)
    before = place.read_bytes()
    repository.ok("init")
    assert place.read_bytes() == before
    named(repository, *(tmp_path / str(number) / "thrum" for number in range(9)))
    lines = [line for line in place.read_text().splitlines() if line.startswith("[ -x ")]
    assert "/8/thrum" in lines[0]
    assert len(lines) == 5
    assert os.access(place, os.X_OK)


def test_it_can_be_run_by_itself(repository: Shell) -> None:
    place = paths.find(str(repository.cwd)).launcher
    done = subprocess.run([place, "--version"], env={"PATH": BARE}, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("thrum ")


def test_the_module_is_the_command_too(repository: Shell) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "thrum_cli", "--version"], cwd=repository.cwd, capture_output=True, check=True
    )
    assert done.stdout.startswith(b"thrum ")
