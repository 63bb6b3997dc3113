"""The worktree of a-sync is locked and made again by itself; worktrees and files of the user stay as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.shell import SCRIPT
from tests.places import git, made

STEPS = ("init.branch", "init.worktree", "init.ignored", "init.directories")


def thrum(root: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `thrum` in a process of its own."""
    environment = {**os.environ, **variables}
    return subprocess.run([SCRIPT, *words], cwd=root, capture_output=True, text=True, check=False, env=environment)


def fresh(tmp_path: Path) -> Path:
    """Make a repository with one commit, and no store."""
    root = tmp_path / "project"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(root))
    git(root, "commit", "--quiet", "--allow-empty", "--message", "first")
    return root


def entries(root: Path) -> list[str]:
    """Return the worktrees as git lists them."""
    return git(root, "worktree", "list", "--porcelain").strip().split("\n\n")


def is_whole(root: Path) -> bool:
    """Return whether git lists our worktree once, on its branch and locked, and the doctor finds no problem."""
    ours = [entry for entry in entries(root) if "thrum-sync/a-sync" in entry]
    assert len(ours) == 1, ours
    assert "branch refs/heads/a-sync" in ours[0]
    assert "locked the logs of thrum" in ours[0]
    doctor = thrum(root, "doctor")
    return doctor.returncode == 0


def test_a_worktree_of_the_user_on_an_unplugged_drive_keeps_its_head_and_index(tmp_path: Path) -> None:
    root = fresh(tmp_path)
    (tmp_path / "drive").mkdir()
    git(root, "worktree", "add", "--quiet", "--detach", str(tmp_path / "drive/wt"))
    (tmp_path / "drive/wt/staged.txt").write_text("s")
    git(tmp_path / "drive/wt", "add", "staged.txt")
    (tmp_path / "drive").rename(tmp_path / "away")
    for command in (("init",), ("doctor", "--fix"), ("sync", "force"), ("init",)):
        thrum(root, *command)
    shutil.rmtree(root / ".git/thrum-sync/a-sync")
    thrum(root, "init")
    (tmp_path / "away").rename(tmp_path / "drive")
    assert git(tmp_path / "drive/wt", "status", "--short") == "A  staged.txt\n"


def test_git_refuses_to_remove_or_prune_the_worktree_of_a_store(tmp_path: Path) -> None:
    root = made(tmp_path).root
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "worktree", "remove", "--force", ".git/thrum-sync/a-sync")
    (root / ".git/thrum-sync/a-sync").rename(tmp_path / "aside")
    git(root, "worktree", "prune", "--expire=now")
    (tmp_path / "aside").rename(root / ".git/thrum-sync/a-sync")
    assert is_whole(root)


@pytest.mark.parametrize("command", [("init",), ("doctor", "--fix"), ("sync", "force")], ids=" ".join)
def test_the_worktree_of_an_older_version_is_locked(tmp_path: Path, command: tuple[str, ...]) -> None:
    root = made(tmp_path).root
    git(root, "worktree", "unlock", ".git/thrum-sync/a-sync")
    thrum(root, *command)
    assert is_whole(root)


def lose_directory(root: Path) -> None:
    shutil.rmtree(root / ".git/thrum-sync/a-sync")


def lose_entry(root: Path) -> None:
    """As an older git prunes it: the logs are there, and git knows nothing of them."""
    shutil.rmtree(root / ".git/worktrees")


def lose_link(root: Path) -> None:
    (root / ".git/thrum-sync/a-sync/.git").unlink()


def leave_the_branch(root: Path) -> None:
    git(root / ".git/thrum-sync/a-sync", "checkout", "--quiet", "--detach")


def lose_branch(root: Path) -> None:
    git(root, "update-ref", "-d", "refs/heads/a-sync")


def empty_branch(root: Path) -> None:
    """As a power cut leaves it."""
    (root / ".git/refs/heads/a-sync").write_text("")


@pytest.mark.parametrize("command", [("init",), ("doctor", "--fix")], ids=" ".join)
@pytest.mark.parametrize(
    "accident", [lose_directory, lose_entry, lose_link, leave_the_branch, lose_branch, empty_branch],
    ids=lambda accident: accident.__name__,
)  # fmt: skip
def test_what_is_lost_of_the_worktree_is_made_again(tmp_path: Path, accident: object, command: tuple[str, ...]) -> None:
    place = made(tmp_path)
    place.join("alice")
    logs = sorted(path.name for path in place.root.glob(".git/thrum-sync/a-sync/v1/*/alice/*"))
    assert callable(accident)
    accident(place.root)
    answer = thrum(place.root, *command)
    assert "Traceback" not in answer.stderr
    assert len([entry for entry in entries(place.root) if "thrum-sync" in entry]) == 1
    if accident is not lose_directory:  # else the messages come back from elsewhere
        assert sorted(path.name for path in place.root.glob(".git/thrum-sync/a-sync/v1/*/alice/*")) == logs
        assert is_whole(place.root)


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_repository_in_another_place_gets_its_own_worktree_and_leaves_the_others_alone(
    tmp_path: Path, how: str
) -> None:
    first = made(tmp_path).root
    second = tmp_path / "second"
    if how == "moved":
        first.rename(second)
    else:
        shutil.copytree(first, second, symlinks=True)
    assert thrum(second, "init").returncode == 0
    assert os.path.samefile(
        git(second / ".git/thrum-sync/a-sync", "rev-parse", "--git-common-dir").strip(), second / ".git"
    )
    assert how == "moved" or is_whole(first)


# --- all or nothing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["kill", "enospc"])
@pytest.mark.parametrize("step", STEPS)
def test_a_set_up_that_ends_half_way_is_completed_by_the_next(tmp_path: Path, step: str, action: str) -> None:
    root = fresh(tmp_path)
    (root / ".gitignore").write_bytes(b"build/")
    ended = thrum(root, "init", THRUM_TESTING="1", THRUM_FAILPOINT=f"{step}:{action}:1")
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert git(root, "status", "--porcelain") == "?? .gitignore\n"
    if step in STEPS[:2]:
        assert (root / ".gitignore").read_bytes() == b"build/"
        assert not (root / ".thrum/identities").exists()
    assert thrum(root, "init").returncode == 0
    assert (root / ".gitignore").read_bytes().startswith(b"build/\n# thrum")
    assert (root / ".gitignore").read_bytes().count(b".thrum/\n") == 1
    assert is_whole(root)


@pytest.mark.parametrize("name", [".gitignore", ".git/info/exclude", ".thrum"])
def test_something_else_in_place_of_a_file_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    root = fresh(tmp_path)
    if name == ".thrum":
        (root / name).write_text("mine")
    else:
        (root / name).unlink(missing_ok=True)
        (root / name).mkdir()
    refused = thrum(root, "init")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"{root}/{name}" in refused.stderr
    assert not (root / ".git/thrum-sync").exists()
    assert git(root, "for-each-ref", "--format=%(refname)") == "refs/heads/main\n"
    if name == ".gitignore":
        assert thrum(root, "init", "--stealth").returncode == 0


@pytest.mark.parametrize("content", [b"", b"a", b"a\r\nb", b"\xef\xbb\xbfa\n", b".thrum/x\n"])
def test_every_other_byte_of_the_ignore_file_stays(tmp_path: Path, content: bytes) -> None:
    root = fresh(tmp_path)
    (root / ".gitignore").write_bytes(content)
    (root / ".gitignore").chmod(0o640)
    assert thrum(root, "init").returncode == 0
    after = (root / ".gitignore").read_bytes()
    assert after.startswith(content)
    assert after.endswith(b".thrum/\r\n" if b"\r\n" in content else b".thrum/\n")
    assert (root / ".gitignore").stat().st_mode & 0o777 == 0o640
    assert git(root, "status", "--porcelain", "--", ".thrum") == ""


def test_an_ignore_file_that_leads_nowhere_is_left_alone(tmp_path: Path) -> None:
    root = fresh(tmp_path)
    (root / ".gitignore").symlink_to(tmp_path / "dotfiles/ignore")
    assert thrum(root, "init").returncode == 0
    assert git(root, "check-ignore", ".thrum/config.json").strip() == ".thrum/config.json"


@pytest.mark.parametrize("layout", ["unborn", "unnamed"])
def test_a_repository_without_commits_or_a_name_for_its_user_is_set_up(tmp_path: Path, layout: str) -> None:
    root = tmp_path / "project"
    git(tmp_path, "init", "--quiet", "--initial-branch=odd/name", str(root))
    hook = root / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/sprung'\n")
    hook.chmod(0o755)
    git(root, "config", "core.autocrlf", "true")
    git(root, "config", "user.useConfigOnly", "true")
    if layout == "unnamed":
        git(root, "commit", "--quiet", "--allow-empty", "--message", "first")
    assert thrum(root, "init", HOME=str(tmp_path), GIT_CONFIG_NOSYSTEM="1").returncode == 0
    assert not (tmp_path / "sprung").exists()
    assert is_whole(root)
