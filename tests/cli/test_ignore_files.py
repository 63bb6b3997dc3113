"""The files that hide .thrum from git, where they are no plain files."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cli.shell import Shell


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
    assert os.system(hint) == 0
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
