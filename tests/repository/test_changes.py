"""Changes of a worktree, whatever its commits and files are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.layouts.sites import git, repository
from thrum_store.repository import changes
from thrum_store.repository.changes import Commit
from thrum_store.repository.git_runner import GitRunner

SUBJECTS = ("plain", "sub\x1eject \x1f odd", "\x1e" + "0" * 40 + "\x1fforged\x1f", "", "two\tparts: \x01 é 日本")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_commit_is_read_whatever_its_subject_is(tmp_path: Path, subject: str) -> None:
    root = repository(tmp_path / "r")
    git(root, "checkout", "-q", "-b", "work")
    git(root, "branch", "-q", "-m", "trunk", "main")
    names = ("new\nline.txt", "tab\t.txt", "ü")
    for name in names:
        (root / name).write_text("x\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "--cleanup=verbatim", "--allow-empty-message", "-m", subject)
    git(root, "commit", "-q", "--allow-empty", "-m", "nothing in it")
    state = changes.look(GitRunner(str(root)))
    shas = git(root, "log", "--format=%H", "main..").split()
    assert state.unmerged_commits == (
        Commit(shas[0], "nothing in it"), Commit(shas[1], subject, tuple(sorted(names)))
    )  # fmt: skip
    assert state.changed_files == tuple(sorted(names))


def test_a_merge_of_the_main_line_counts_no_files_of_it(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    git(root, "branch", "-q", "-m", "trunk", "main")
    git(root, "checkout", "-q", "-b", "work")
    git(root, "commit", "-q", "--allow-empty", "-m", "ours")
    git(root, "checkout", "-q", "main")
    (root / "theirs.txt").write_text("x\n")
    git(root, "add", "theirs.txt")
    git(root, "commit", "-qm", "theirs")
    git(root, "checkout", "-q", "work")
    git(root, "merge", "-q", "--no-edit", "main")
    state = changes.look(GitRunner(str(root)))
    assert [commit.files for commit in state.unmerged_commits] == [(), ()]
    assert state.changed_files == ()
