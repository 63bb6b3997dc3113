"""The name a-sync may be taken: whose branch it is decides its layout, and a branch of somebody else stays as it is."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.shell import SCRIPT
from tests.places import git
from tests.sync.clones import Clone, Remote, remote_at
from thrum_store import setup
from thrum_store.repository import paths
from thrum_store.setup import Initialize
from thrum_store.sync.admit_branch import ForeignBranch


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit on main, and no store."""
    root = tmp_path / "project"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(root))
    (root / "README.md").write_text("hi\n")
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "--message", "first")
    return root


def tree_of(root: Path, *files: str) -> str:
    """Write a tree with these files; return its id."""
    index = {**os.environ, "GIT_INDEX_FILE": str(root.parent / "index")}
    blob = git(root, "rev-parse", "HEAD:README.md").strip()
    lines = "".join(f"100644 {blob}\t{file}\n" for file in files)
    (root.parent / "index").unlink(missing_ok=True)
    subprocess.run(["git", "update-index", "--index-info"], cwd=root, env=index, input=lines, text=True, check=True)
    done = subprocess.run(["git", "write-tree"], cwd=root, env=index, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def branch_of(root: Path, *files: str, message: str = "work") -> str:
    """Make the branch a-sync with these files; return its commit."""
    commit = git(root, "commit-tree", tree_of(root, *files), "-m", message).strip()
    git(root, "update-ref", "refs/heads/a-sync", commit)
    return commit


def thrum(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `thrum` in a process of its own."""
    return subprocess.run([SCRIPT, *words], cwd=root, capture_output=True, text=True, check=False)


def state(root: Path) -> tuple[str, str, str, list[str]]:
    """Refs, worktrees, status and the names in the repository: everything that a refusal leaves as it was."""
    return (
        git(root, "for-each-ref", "--format=%(refname) %(objectname) %(symref)"),
        git(root, "worktree", "list", "--porcelain"),
        git(root, "status", "--porcelain", "--ignored"),
        sorted(os.listdir(root / ".git")) + sorted(os.listdir(root)),
    )


# --- branches that are refused ----------------------------------------------------------------------------------------


def code(root: Path) -> None:
    branch_of(root, "code.py", "src/a.py")


def website(root: Path) -> None:
    branch_of(root, "v1/openapi.yaml", "v2/users/index.html")


def lookalike(root: Path) -> None:
    """A directory named like a store, without the certificate of one."""
    branch_of(root, "v1/abcdefghijklmnopqrstuvwxyz/notes.txt")


def mailing(root: Path) -> None:
    """Names of the Go program beside names of a project."""
    branch_of(root, "messages/alice.jsonl", "main.go")


def emptied(root: Path) -> None:
    branch_of(root, message="remove everything")


def below(root: Path) -> None:
    git(root, "branch", "a-sync/feature")


def below_packed(root: Path) -> None:
    for name in ("a-sync/it's", "a-sync/two", "a-sync/x/y"):
        git(root, "branch", name)
    git(root, "pack-refs", "--all")


def symbolic(root: Path) -> None:
    git(root, "symbolic-ref", "refs/heads/a-sync", "refs/heads/main")


def checked_out(root: Path) -> None:
    code(root)
    git(root, "worktree", "add", "--quiet", str(root.parent / "other"), "a-sync")


def alike(root: Path) -> None:
    """As on macOS and Windows, whose file systems do not tell the two names apart."""
    git(root, "config", "core.ignorecase", "true")
    git(root, "branch", "A-Sync")


def empty_file(root: Path) -> None:
    (root / ".git/refs/heads/a-sync").write_text("")


def lost_tip(root: Path) -> None:
    (root / ".git/refs/heads/a-sync").write_text("12" * 20 + "\n")


REFUSED = [
    code, website, lookalike, mailing, emptied, below, below_packed, symbolic, checked_out, alike, empty_file, lost_tip,
]  # fmt: skip


@pytest.mark.parametrize("taken", REFUSED, ids=lambda taken: taken.__name__)
def test_a_name_that_is_taken_is_refused_before_anything_is_written_and_the_hint_works(
    project: Path, taken: Callable[[Path], None]
) -> None:
    taken(project)
    before = state(project) if taken is not empty_file else None
    refused = thrum(project, "init")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Traceback" not in refused.stderr
    assert before is None or state(project) == before
    for command in re.findall(r"`([^`]+)`", refused.stderr.partition("Try: ")[2]):
        if command != "thrum init":
            subprocess.run(command, shell=True, cwd=project, check=True, capture_output=True)
    assert thrum(project, "init").returncode == 0
    assert thrum(project, "doctor").returncode == 0


def test_a_branch_that_is_checked_out_elsewhere_is_not_taken_from_under_its_user(project: Path) -> None:
    thrums = branch_of(project, f"v1/{'a' * 26}/store.json")
    git(project, "worktree", "add", "--quiet", str(project.parent / "it's mine"), "a-sync")
    refused = thrum(project, "init")
    assert "checked out in" in refused.stderr
    [command] = re.findall(r"`(git[^`]+)`", refused.stderr)
    subprocess.run(command, shell=True, cwd=project, check=True, capture_output=True)
    assert thrum(project, "init").returncode == 0
    assert git(project, "rev-parse", "a-sync").strip() == thrums


@pytest.mark.parametrize("place", [".", "../other"])
def test_a_sync_moves_no_branch_that_the_user_has_checked_out_since(project: Path, place: str) -> None:
    assert thrum(project, "quickstart", "--name", "alice", "--role", "dev", "--module", "core").returncode == 0
    if place != ".":
        git(project, "worktree", "add", "--quiet", "--detach", place)
    worktree = (project / place).resolve()
    git(worktree, "switch", "--quiet", "--ignore-other-worktrees", "a-sync")
    assert thrum(project, "send", "while it is checked out", "--to", "@everyone").returncode == 0
    refused = thrum(project, "sync", "force")
    assert refused.returncode == 1
    assert f"checked out in {worktree}" in refused.stderr
    assert git(worktree, "diff", "--cached", "--name-only") == ""
    [command] = re.findall(r"`(git[^`]+)`", refused.stderr)
    subprocess.run(command, shell=True, cwd=project, check=True, capture_output=True)
    assert thrum(project, "sync", "force").returncode == 0
    assert git(worktree, "diff", "--cached", "--name-only") == ""


# --- branches that are accepted ---------------------------------------------------------------------------------------


def test_a_branch_of_the_go_program_is_accepted_and_migrate_is_named(project: Path) -> None:
    branch_of(project, "events.jsonl", "messages/alice.jsonl", "context/alice.md")
    answer = thrum(project, "init")
    assert answer.returncode == 0
    assert "`thrum migrate`" in answer.stderr


@pytest.mark.parametrize("name", ["tag", "remote"])
def test_a_tag_or_a_remote_of_that_name_is_no_branch(project: Path, name: str) -> None:
    if name == "tag":
        git(project, "tag", "a-sync")
    else:
        git(project, "remote", "add", "a-sync", str(project))
        git(project, "fetch", "--quiet", "a-sync")
    setup.initialize(paths.find(str(project)), Initialize())
    assert git(project / ".git/thrum-sync/a-sync", "symbolic-ref", "HEAD").strip() == "refs/heads/a-sync"
    assert thrum(project, "doctor").returncode == 0


def test_a_fetched_branch_of_another_purpose_is_not_adopted_and_that_of_another_remote_is(tmp_path: Path) -> None:
    for name in ("ours", "fork"):
        (tmp_path / name).mkdir()
    remote, other = remote_at(tmp_path / "ours"), remote_at(tmp_path / "fork")
    theirs = remote.commit(remote.tree([f"100644 blob {remote.blob(b'x')}\tcode.py"]))
    remote.point(theirs)
    thrums = other.clone("first", "alice")
    thrums.sync()
    clone = remote.clone("mine", initialize=False)
    git(clone.root, "remote", "add", "fork", str(other.root))
    git(clone.root, "fetch", "--quiet", "fork")
    answer = thrum(clone.root, "init")
    assert answer.returncode == 0
    assert "the branch a-sync of 'origin' is not thrum's: it holds code.py" in answer.stderr
    assert git(clone.root, "rev-parse", "refs/heads/a-sync").strip() == other.tip


def test_a_history_that_will_never_be_read_is_not_announced(tmp_path: Path) -> None:
    remote = remote_at(tmp_path)
    remote.point(remote.commit(remote.tree([f"100644 blob {remote.blob(b'x')}\tcode.py"])))
    clone = remote.clone("mine", initialize=False)
    answer = thrum(clone.root, "init")
    assert answer.returncode == 0 and "is not thrum's" in answer.stderr
    assert "the history of" not in answer.stdout


# --- at the remote ----------------------------------------------------------------------------------------------------


def colleagues(remote: Remote) -> str:
    """Make a colleague's branch a-sync at the remote; return its commit."""
    commit = remote.commit(remote.tree([f"100644 blob {remote.blob(b'x')}\tsrc/async.py"]))
    remote.point(commit)
    return commit


def refusal(clone: Clone) -> ForeignBranch:
    with pytest.raises(ForeignBranch) as caught:
        clone.sync()
    return caught.value


def test_a_colleagues_branch_at_the_remote_is_never_merged_and_never_pushed_over(tmp_path: Path) -> None:
    remote = remote_at(tmp_path)
    clone = remote.clone("mine", "alice")
    theirs = colleagues(remote)
    error = refusal(clone)
    assert "the branch a-sync of 'origin' is not thrum's: it holds src/" in error.message
    assert remote.tip == theirs
    assert not git(clone.root, "ls-tree", "-r", "--name-only", "a-sync", "src")
    status = clone.status()
    assert (status.last_error, status.last_error_code) == (error.message, "foreign_branch")
    remote.point("")
    assert clone.sync().pushed


def test_a_branch_below_that_name_at_the_remote_only_refuses_the_push_with_a_sentence(tmp_path: Path) -> None:
    remote = remote_at(tmp_path)
    clone = remote.clone("mine", "alice")
    git(remote.root, "branch", "a-sync/feature", "main")
    error = refusal(clone)
    assert "'origin' has the branch a-sync/feature" in error.message
    assert git(remote.root, "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/a-sync/feature",
        "refs/heads/main",
    ]


def test_a_branch_that_became_another_name_of_main_is_not_moved(tmp_path: Path) -> None:
    remote = remote_at(tmp_path)
    clone = remote.clone("mine", "alice")
    main = git(clone.root, "rev-parse", "main")
    git(clone.root, "update-ref", "--no-deref", "-d", "refs/heads/a-sync")
    git(clone.root, "symbolic-ref", "refs/heads/a-sync", "refs/heads/main")
    assert "only another name of refs/heads/main" in refusal(clone).message
    assert git(clone.root, "rev-parse", "main") == main
