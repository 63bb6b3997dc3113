"""The files that hide .thrum from git, where they are no plain files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.shell import Shell, git


def test_a_gitignore_that_is_a_link_stays_a_link_and_the_exclude_file_hides_thrum(
    repository: Shell, tmp_path: Path
) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("*.o\n", encoding="utf-8")
    (repository.cwd / ".gitignore").symlink_to(target)
    assert "added .thrum/ to .git/info/exclude" in repository.ok("init")
    assert target.read_text(encoding="utf-8") == "*.o\n"


def test_an_exclude_file_that_is_a_link_is_refused_before_anything_is_written(
    repository: Shell, tmp_path: Path
) -> None:
    exclude, target = repository.cwd / ".git" / "info" / "exclude", tmp_path / "patterns"
    target.write_text("*.o\n", encoding="utf-8")
    exclude.parent.mkdir(exist_ok=True)
    exclude.unlink(missing_ok=True)
    exclude.symlink_to(target)
    refused = repository.run("init")
    assert refused.code == 1 and f"{exclude} is a link" in refused.err
    assert not (repository.cwd / ".thrum").exists() and not (repository.cwd / ".git" / "thrum-sync" / "a-sync").exists()
    hint = refused.err.split("`")[1]
    subprocess.run(hint, shell=True, check=True)
    repository.ok("init")
    assert target.read_text(encoding="utf-8") == "*.o\n"


def test_a_file_in_the_place_of_the_exclude_files_directory_is_refused(repository: Shell) -> None:
    info = repository.cwd / ".git" / "info"
    for path in info.iterdir():
        path.unlink()
    info.rmdir()
    info.write_text("", encoding="utf-8")
    refused = repository.run("init")
    assert refused.code == 1 and f"{info} is no directory" in refused.err
    assert not (repository.cwd / ".thrum").exists()


@pytest.mark.parametrize("line", [".thrum", "/.thrum", "/.thrum/", ".thrum/ "])
def test_a_line_of_the_users_that_hides_thrum_is_enough(repository: Shell, line: str) -> None:
    for path in (repository.cwd / ".gitignore", repository.cwd / ".git" / "info" / "exclude"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"*.o\n{line}\n", encoding="utf-8")
    repository.ok("init")
    assert (repository.cwd / ".gitignore").read_text(encoding="utf-8") == f"*.o\n{line}\n"
    assert git(repository.cwd, "status", "--porcelain", "--", ".thrum") == ""


def test_a_lock_that_a_crashed_git_left_is_named_by_gits_own_error(repository: Shell) -> None:
    lock = repository.cwd / ".git" / "refs" / "heads" / "a-sync.lock"
    lock.touch()
    refused = repository.run("init")
    assert refused.code == 1 and str(lock) in refused.err and "File exists" in refused.err
    assert "editor" not in refused.err
    hint = refused.err.split("`")[1]
    assert str(lock) in subprocess.run(hint, shell=True, capture_output=True, text=True, check=False).stderr
    lock.unlink()
    repository.ok("init")
