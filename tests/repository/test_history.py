"""The history of a repository, told by GitPython and by git itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.places import git
from thrum_store.repository.git_runner import GitFailed
from thrum_store.repository.history import PastCommit, history


def dated(root: Path, *arguments: str) -> None:
    """Run a git command that commits, an hour after the commit before: the order of a history follows the times."""
    count = int(git(root, "rev-list", "--all", "--count"))
    time = f"{1_800_000_000 + 3600 * count} +0000"
    variables = {"GIT_AUTHOR_DATE": time, "GIT_COMMITTER_DATE": time}
    people = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    subprocess.run(["git", *people, *arguments], cwd=root, env=os.environ | variables, check=True)


def committed(root: Path, subject: str, files: dict[str, str | None]) -> None:
    """Write or remove files, and commit them."""
    for name, text in files.items():
        path = root / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    git(root, "add", "--all")
    dated(root, "commit", "--quiet", "--allow-empty", "--message", subject)


def worked_on(root: Path, *options: str) -> Path:
    """A repository whose history has every kind of change."""
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main", *options)
    committed(root, "begin\nand go on\n\nbody", {"a.txt": "1", "src/b.py": "1", "src/deep/é ü.txt": "1"})
    committed(root, "  nothing", {})
    committed(root, "change and remove", {"a.txt": "2", "src/b.py": None})
    git(root, "mv", "a.txt", "renamed.txt")
    dated(root, "commit", "--quiet", "--message", "rename")
    git(root, "switch", "--quiet", "--create", "side", "HEAD~2")
    committed(root, "beside", {"side.txt": "1"})
    git(root, "switch", "--quiet", "main")
    dated(root, "merge", "--quiet", "--no-ff", "--message", "merge side", "side")
    return root


def by_git(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[PastCommit, ...]:
    """The history where GitPython is not asked."""
    with monkeypatch.context() as surroundings:
        surroundings.setenv("GIT_NAMESPACE", "")
        return history(str(root), 100)


def test_gitpython_and_git_tell_the_same_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = worked_on(tmp_path / "project")
    commits = history(str(root), 100)
    assert commits == by_git(root, monkeypatch)
    assert [commit.subject for commit in commits][-1] == "begin and go on"
    assert {commit.subject: commit.files for commit in commits}["merge side"] == ("side.txt",)
    assert {commit.subject: commit.files for commit in commits}["rename"] == ("a.txt", "renamed.txt")


def test_a_repository_that_gitpython_cannot_read_has_the_same_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = worked_on(tmp_path / "project", "--object-format=sha256")
    commits = history(str(root), 100)
    assert len(commits[0].sha) == 64
    assert commits == by_git(root, monkeypatch)
    ordinary = history(str(worked_on(tmp_path / "ordinary")), 100)
    assert [(commit.subject, commit.files) for commit in commits] == [
        (commit.subject, commit.files) for commit in ordinary
    ]


def test_an_inherited_variable_leads_to_no_other_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, other = worked_on(tmp_path / "project"), worked_on(tmp_path / "other")
    committed(other, "elsewhere", {"x": "1"})
    expected = history(str(root), 100)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert history(str(root), 100) == expected


def test_a_limit_and_a_revision_choose_the_commits(tmp_path: Path) -> None:
    root = worked_on(tmp_path / "project")
    assert [commit.subject for commit in history(str(root), 1, "side")] == ["beside"]
    with pytest.raises(GitFailed):
        history(str(root), 1, "no-such-branch")


def test_a_repository_without_commits_has_no_history(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    with pytest.raises(GitFailed):
        history(str(tmp_path), 5)
