"""What a worktree holds that the main line has not: branch, unmerged commits, changed and uncommitted files.

Read through git, never through its index: nothing is refreshed, locked or written there.
"""

from __future__ import annotations

from dataclasses import dataclass

from .git_runner import GitRunner

COMMITS_LIMIT = 100
FILES_LIMIT = 1000
_BASES = ("refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master")
_LOCAL_BASES = ("refs/heads/main", "refs/heads/master")
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "-z")


@dataclass(frozen=True)
class Commit:
    """A commit that the main line has not."""

    sha: str
    message: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileChange:
    """A file that differs from the main line. `status`: added, deleted or modified; lines, 0 for a binary file."""

    path: str
    additions: int
    deletions: int
    status: str


@dataclass(frozen=True)
class Changes:
    """What a worktree holds. `base` is what it was compared with, empty where there is no main line to compare with."""

    worktree_path: str
    branch: str = ""
    base: str = ""
    unmerged_commits: tuple[Commit, ...] = ()
    file_changes: tuple[FileChange, ...] = ()
    uncommitted_files: tuple[str, ...] = ()

    @property
    def changed_files(self) -> tuple[str, ...]:
        """The paths of `file_changes`."""
        return tuple(change.path for change in self.file_changes)

    @property
    def files(self) -> frozenset[str]:
        """Every path that is being worked on here, committed or not."""
        return frozenset(self.changed_files) | frozenset(self.uncommitted_files)


def look(git: GitRunner) -> Changes:
    """What the worktree in which `git` runs holds now. A repository without a commit has uncommitted files only.

    Raises GitFailed where it is no worktree. At most 100 commits and 1,000 files of each kind.
    """
    branch = git.asks("symbolic-ref", "--quiet", "--short", "HEAD") or (git.asks("rev-parse", "--short", "HEAD") or "")
    base = _base(git, branch)
    return Changes(
        worktree_path=git.directory,
        branch=branch,
        base=base.removeprefix("refs/remotes/").removeprefix("refs/heads/"),
        unmerged_commits=_commits(git, base) if base else (),
        file_changes=_differences(git, base) if base else (),
        uncommitted_files=_uncommitted(git),
    )


def _base(git: GitRunner, branch: str) -> str:
    """The main line: the remote's, else a local one that this is not."""
    known = (git.asks("for-each-ref", "--format=%(refname)", *_BASES, *_LOCAL_BASES) or "").split("\n")
    if git.asks("rev-parse", "--quiet", "--verify", "HEAD") is None:
        return ""
    own = f"refs/heads/{branch}"
    return next((ref for ref in (*_BASES, *_LOCAL_BASES) if ref in known and ref != own), "")


def _commits(git: GitRunner, base: str) -> tuple[Commit, ...]:
    told = git.run(
        "log", *_PLAIN, "--name-only", "--no-renames", "--no-show-signature", f"--max-count={COMMITS_LIMIT}",
        "--format=%x1e%H%x1f%s%x1f", f"{base}..HEAD",
    )  # fmt: skip
    return tuple(_commit(part) for part in told.split("\x1e") if part.strip("\0\n"))


def _commit(part: str) -> Commit:
    sha, message, files = part.split("\x1f", 2)
    return Commit(sha, message, tuple(name for name in files.strip("\0\n").split("\0") if name.strip("\n")))


def _differences(git: GitRunner, base: str) -> tuple[FileChange, ...]:
    """What the branch changed since it left the main line; nothing where the two have no common history."""
    if git.asks("merge-base", base, "HEAD") is None:
        return ()
    told = git.run("diff", *_PLAIN, "--numstat", "--no-renames", f"{base}...HEAD")
    states = git.run("diff", *_PLAIN, "--name-status", "--no-renames", f"{base}...HEAD").split("\0")
    letters = dict(zip(states[1::2], states[0::2], strict=False))
    lines = [line for line in told.split("\0") if line]
    return tuple(_change(line, letters) for line in lines[:FILES_LIMIT])


def _change(line: str, letters: dict[str, str]) -> FileChange:
    """A line of --numstat, which writes `-` for the lines of a binary file."""
    added, removed, path = line.split("\t", 2)
    status = {"A": "added", "D": "deleted"}.get(letters.get(path, "M"), "modified")
    return FileChange(path, int(added) if added.isdecimal() else 0, int(removed) if removed.isdecimal() else 0, status)


def _uncommitted(git: GitRunner) -> tuple[str, ...]:
    told = git.run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty")
    return tuple(sorted(entry[3:] for entry in told.split("\0") if entry)[:FILES_LIMIT])
