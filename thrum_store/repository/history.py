"""The history of a repository: who changed which files, newest first.

GitPython reads it; the git runner gives the same answer where GitPython cannot open a repository (SHA-256 objects,
reftable) or where an inherited GIT_ variable would lead it to another one.
"""

from __future__ import annotations

import os

from thrum_store.values import Record

from .git_runner import GitRunner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from git import Commit, Repo, Tree

_ELSEWHERE = {
    "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE",
}  # fmt: skip
_FIELDS = "%H%x00%an%x00%ct%x00%s"


class PastCommit(Record):
    """A commit with the paths that differ from its first parent; `time_s` is seconds since 1970."""

    sha: str
    author: str
    time_s: int
    subject: str
    files: tuple[str, ...]


def history(directory: str, limit: int, revision: str = "HEAD") -> tuple[PastCommit, ...]:
    """Return the newest `limit` commits that a revision reaches. Raises GitFailed for one that does not exist."""
    commits = _by_gitpython(directory, limit, revision)
    return _by_runner(directory, limit, revision) if commits is None else commits


# --- by GitPython ---------------------------------------------------------------------------------------------------


def _by_gitpython(directory: str, limit: int, revision: str) -> tuple[PastCommit, ...] | None:
    """Return the commits, or None where GitPython cannot say."""
    if _ELSEWHERE & os.environ.keys():
        return None
    from git import GitError, Repo  # 90 ms, and only for a history

    try:
        with Repo(directory, search_parent_directories=True) as repository:
            if _unknown_format(repository):
                return None
            return tuple(_past(commit) for commit in repository.iter_commits(revision, max_count=limit))
    except (GitError, ValueError, OSError):
        return None


def _unknown_format(repository: Repo) -> bool:
    with repository.config_reader() as settings:
        return any(settings.get_value("extensions", name, "") for name in ("objectFormat", "refStorage"))


def _past(commit: Commit) -> PastCommit:
    files = tuple(sorted(_changed(commit.parents[0].tree if commit.parents else None, commit.tree)))
    paragraph = str(commit.message).lstrip("\n").partition("\n\n")[0]
    return PastCommit(
        commit.hexsha,
        commit.author.name or "",
        int(commit.committed_date),
        " ".join(paragraph.split("\n")).strip(),
        files,
    )


def _changed(old: Tree | None, new: Tree | None) -> Iterator[str]:
    """Yield the paths of the entries that differ; a tree that is the same on both sides is not opened."""
    before = {entry.name: entry for entry in old} if old is not None else {}
    after = {entry.name: entry for entry in new} if new is not None else {}
    for name in before.keys() | after.keys():
        one_side, other_side = before.get(name), after.get(name)
        if (
            one_side is None
            or other_side is None
            or (one_side.mode, one_side.hexsha) != (other_side.mode, other_side.hexsha)
        ):
            trees = [side if side is not None and side.type == "tree" else None for side in (one_side, other_side)]
            yield from _changed(*trees) if any(trees) else ()
            yield from (
                str(side.path) for side in (other_side or one_side,) if side is not None and side.type != "tree"
            )


# --- by git itself --------------------------------------------------------------------------------------------------


def _by_runner(directory: str, limit: int, revision: str) -> tuple[PastCommit, ...]:
    git = GitRunner(directory)
    log = git.run("log", "-z", "--encoding=UTF-8", f"--format={_FIELDS}", f"--max-count={limit}", revision, "--")
    if not log:
        return ()
    fields = log.removesuffix("\0").split("\0")
    rows = [fields[place : place + 4] for place in range(0, len(fields), 4)]
    files = _files(git, [row[0] for row in rows])
    return tuple(PastCommit(sha, author, int(time), subject.strip(), files[sha]) for sha, author, time, subject in rows)


def _files(git: GitRunner, shas: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the changed paths of each commit."""
    listed = git.data(
        "diff-tree", "--stdin", "-r", "-z", "--name-only", "--root", "--no-renames", "--diff-merges=first-parent",
        stdin="\n".join(shas).encode() + b"\n",
    )  # fmt: skip
    files: dict[str, list[str]] = {sha: [] for sha in shas}
    current = ""
    for name in listed.decode("utf-8", "surrogateescape").removesuffix("\0").split("\0"):
        if name in files and not files[name] and name != current:
            current = name
        elif name:
            files[current].append(name)
    return {sha: tuple(sorted(names)) for sha, names in files.items()}
