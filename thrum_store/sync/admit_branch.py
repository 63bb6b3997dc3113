"""Admission of the branch a-sync: a branch of that name is used only if its contents are thrum's.

Its layout decides, not its name: somebody else's branch a-sync is never adopted, committed to, merged or pushed over.
"""

from __future__ import annotations

import re
import shlex

from thrum_store.errors import Forbidden
from thrum_store.repository.git_runner import GitFailed, GitRunner
from thrum_store.values import NamedTuple, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .state import State

BRANCH = "a-sync"
REF = f"refs/heads/{BRANCH}"
FIRST_COMMIT = "thrum: first commit"

STORES = "stores"  # holds stores, `v1/<store>/store.json`
FRESH = "fresh"  # the empty first commit of thrum or of the Go program
GO = "go"  # the files of the Go program
FOREIGN = "foreign"  # anything else
BROKEN = "broken"  # its objects are missing

_FIRST_COMMITS = {FIRST_COMMIT, "Initialize Thrum sync", "Initialize Thrum sync data"}
_VERSION = re.compile(r"v[0-9]{1,4}", re.ASCII)
_STORE = re.compile(r"[a-z2-7]{26}", re.ASCII)
_GO = re.compile(r"events\.jsonl|messages(\.jsonl(\.v6\.bak)?)?|context|[\w.-]+\.tmp", re.ASCII)
_GO_LOGS = {"events.jsonl", "messages.jsonl", "messages"}
_REMOTE_HINT = (
    "have that branch renamed there, or sync with another remote: `git config thrum.remote NAME`; until then messages"
    " stay on this machine"
)
_LOOKED_AT = 100  # directories that may be stores
_SHOWN = 3  # names in a sentence


class ForeignBranch(Forbidden):
    """Raised if the name a-sync is taken by something that is not thrum's. It stays as it is."""

    code = "foreign_branch"


class _Entry(NamedTuple):
    kind: str
    oid: str
    name: str


def layout(git: GitRunner, commit: str) -> str:
    """Return which layout the tree of a commit has: STORES, FRESH, GO, FOREIGN or BROKEN."""
    try:
        entries = _entries(git, commit)
        if not entries:
            return FRESH if _is_first_commit(git, commit) else FOREIGN
        if any(_holds_stores(git, commit, entry) for entry in entries):
            return STORES
    except GitFailed:
        return BROKEN
    names = {entry.name for entry in entries}
    return GO if names & _GO_LOGS and all(map(_GO.fullmatch, names)) else FOREIGN


def check(git: GitRunner, commit: str, branch: str, hint: str) -> str:
    """Return the layout of a commit. Raises ForeignBranch if it is not thrum's; `branch` begins the sentence."""
    kind = layout(git, commit)
    if kind == FOREIGN:
        raise ForeignBranch(f"{branch} is not thrum's: {contents(git, commit)}. It stays as it is", hint=hint)
    if kind == BROKEN:
        raise ForeignBranch(f"{branch} names {commit[:12]}, whose objects are missing", hint="see `git fsck`")
    return kind


def check_tips(git: GitRunner, ours: str, theirs: str, remote: str, state: State) -> None:
    """Refuse tips that are not thrum's, before a sync uses them; commits that are known need no look."""
    known = state.commits()
    if ours and ours not in known:
        check(git, ours, f"the branch {BRANCH}", f"{renaming([BRANCH], branches_of(git))}, then `thrum init`")
    was_thrums = remote in state.seen or bool(state.pushed)  # then a forced push replaced it
    if theirs and theirs not in {ours, *known} and not was_thrums:
        check(git, theirs, f"the branch {BRANCH} of {remote!r}" if remote else f"the fetched {BRANCH}", _REMOTE_HINT)


def contents(git: GitRunner, commit: str) -> str:
    """Describe a commit for people: the first names in it, and its subject."""
    names = [f"{entry.name}/" if entry.kind == "tree" else entry.name for entry in _entries(git, commit)]
    more = f" and {plural(len(names) - _SHOWN, 'more name')}" if len(names) > _SHOWN else ""
    subject = git.run("log", "-1", "--format=%s", "--encoding=UTF-8", commit, "--")
    return f"it holds {', '.join(names[:_SHOWN]) or 'nothing'}{more}, and its last commit is {subject[:60]!r}"


def check_name(git: GitRunner) -> None:
    """Refuse a repository in which git cannot create refs/heads/a-sync. Raises ForeignBranch."""
    target = git.asks("symbolic-ref", "--quiet", REF)
    if target is not None:
        raise ForeignBranch(
            f"the branch {BRANCH} is only another name of {target}, and a commit to it would move that",
            hint=f"`git symbolic-ref --delete {REF}`, then `thrum init`",
        )
    branches = branches_of(git)
    below = [name for name in branches if name.startswith(f"{BRANCH}/")]
    if below:
        raise ForeignBranch(
            f"git cannot create the branch {BRANCH} beside {_listed(below)}",
            hint=f"{renaming(below, branches)}, then `thrum init`",
        )
    alike = [name for name in branches if _alike(name)]
    if alike and git.asks("config", "--type=bool", "--get", "core.ignorecase") == "true":
        raise ForeignBranch(
            f"this file system does not tell the branch {BRANCH} from {_listed(alike)}",
            hint=f"{renaming(alike, branches)}, then `thrum init`",
        )


def branches_of(git: GitRunner) -> list[str]:
    """Return the names of all branches of this clone."""
    return git.run("for-each-ref", "--format=%(refname)", "refs/heads").replace("refs/heads/", "").split("\n")


def renaming(names: list[str], branches: list[str]) -> str:
    """Return the command that gives these branches, all named a-sync or below it, a free name."""
    free = next(name for name in _candidates() if not any(f"{branch}/".startswith(f"{name}/") for branch in branches))
    pairs = ((name, free + name[len(BRANCH) :]) for name in names)
    return "`" + " && ".join(f"git branch -m {shlex.quote(old)} {shlex.quote(new)}" for old, new in pairs) + "`"


def _candidates() -> list[str]:
    return ["async", *(f"async-{number}" for number in range(2, 1000))]


def _alike(name: str) -> bool:
    top = name.partition("/")[0]
    return top != BRANCH and top.lower() == BRANCH


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _entries(git: GitRunner, tree: str) -> list[_Entry]:
    entries: list[_Entry] = []
    for line in git.data("ls-tree", "-z", tree).decode("utf-8", "replace").split("\0"):
        columns, tab, name = line.partition("\t")
        if tab:
            _, kind, oid = columns.split(" ")
            entries.append(_Entry(kind, oid, name))
    return entries


def _holds_stores(git: GitRunner, commit: str, entry: _Entry) -> bool:
    if entry.kind != "tree" or not _VERSION.fullmatch(entry.name):
        return False
    stores = [inner.name for inner in _entries(git, entry.oid) if inner.kind == "tree" and _STORE.fullmatch(inner.name)]
    certificates = [f"{entry.name}/{store}/store.json" for store in stores[:_LOOKED_AT]]
    return bool(certificates) and bool(git.data("ls-tree", "--full-tree", "-z", commit, "--", *certificates))


def _is_first_commit(git: GitRunner, commit: str) -> bool:
    parents, _, subject = git.run("log", "-1", "--format=%P%x00%s", commit, "--").partition("\0")
    return not parents and subject in _FIRST_COMMITS
