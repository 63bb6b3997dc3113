"""Changes of a worktree against the main line: branch, unmerged commits, changed and uncommitted files.

They are read through git, and git's index is never refreshed, locked or written.
"""

from __future__ import annotations

from thrum_store.values import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .git_runner import GitRunner

COMMITS_LIMIT = 100
FILES_LIMIT = 1000
_BASES = ("refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master")
_LOCAL_BASES = ("refs/heads/main", "refs/heads/master")
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "-z")


class Commit(Record):
    """A commit that is not in the main line."""

    sha: str
    message: str
    files: tuple[str, ...] = ()


class FileChange(Record):
    """A file that differs from the main line. Lines are 0 for a binary file.

    `status` is added, deleted or modified.
    """

    path: str
    additions: int
    deletions: int
    status: str


class Changes(Record):
    """The changes of a worktree against `base`, which is empty if there is no main line to compare with."""

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
        """Every path that is being worked on, committed or not."""
        return frozenset(self.changed_files) | frozenset(self.uncommitted_files)


def look(git: GitRunner) -> Changes:
    """Return the changes of the worktree in which `git` runs: at most 100 commits, and 1,000 files of each kind.

    A repository without a commit has uncommitted files only. Raises GitFailed outside of a worktree.
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
    """Return the ref of the main line: the remote's, else a local one that is not `branch`."""
    known = (git.asks("for-each-ref", "--format=%(refname)", *_BASES, *_LOCAL_BASES) or "").split("\n")
    if git.asks("rev-parse", "--quiet", "--verify", "HEAD") is None:
        return ""
    own = f"refs/heads/{branch}"
    return next((ref for ref in (*_BASES, *_LOCAL_BASES) if ref in known and ref != own), "")


def _commits(git: GitRunner, base: str) -> tuple[Commit, ...]:
    output = git.run(
        "log", *_PLAIN, "--name-only", "--no-renames", "--no-show-signature", f"--max-count={COMMITS_LIMIT}",
        "--format=%x00%H%x00%s%x00", f"{base}..HEAD",
    )  # fmt: skip
    return tuple(_parsed(output.split("\0")))


def _parsed(fields: list[str]) -> Iterator[Commit]:
    """Yield commits from fields: an id, a subject of any letters but NUL, an empty one, the files, an empty one."""
    place = 1
    while place + 1 < len(fields):
        sha, subject = fields[place : place + 2]
        first = place + 3
        end = fields.index("", first) if "" in fields[first:] else len(fields)
        names = fields[first:end]
        yield Commit(sha, subject, tuple([names[0].removeprefix("\n"), *names[1:]] if names else ()))
        place = end + 1


def _differences(git: GitRunner, base: str) -> tuple[FileChange, ...]:
    """Return the files that the branch changed since it left the main line; none without a common history."""
    if git.asks("merge-base", base, "HEAD") is None:
        return ()
    output = git.run("diff", *_PLAIN, "--numstat", "--no-renames", f"{base}...HEAD")
    states = git.run("diff", *_PLAIN, "--name-status", "--no-renames", f"{base}...HEAD").split("\0")
    letters = dict(zip(states[1::2], states[0::2], strict=False))
    lines = [line for line in output.split("\0") if line]
    return tuple(_change(line, letters) for line in lines[:FILES_LIMIT])


def _change(line: str, letters: dict[str, str]) -> FileChange:
    """Parse a line of --numstat, which writes `-` for the lines of a binary file."""
    added, removed, path = line.split("\t", 2)
    status = {"A": "added", "D": "deleted"}.get(letters.get(path, "M"), "modified")
    return FileChange(path, int(added) if added.isdecimal() else 0, int(removed) if removed.isdecimal() else 0, status)


def _uncommitted(git: GitRunner) -> tuple[str, ...]:
    output = git.run(
        "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"
    )
    return tuple(sorted(entry[3:] for entry in output.split("\0") if entry)[:FILES_LIMIT])
