"""The branch a-sync, by git plumbing only: never a checkout, merge, rebase, reset or forced push.

Trees are made in an index of their own; the user's index, branches, stash and worktrees are never touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from thrum_store.errors import StorageFailed, ThrumError
from thrum_store.log.segments import EventLog
from thrum_store.machine.host import Host, failpoint
from thrum_store.repository.git_runner import GitFailed, GitRunner
from thrum_store.repository.git_variables import global_files
from thrum_store.repository.paths import OUTGOING, SYNC_GIT_CONFIG, SYNC_INDEX, Paths
from thrum_store.sync import admit_branch
from thrum_store.sync.admit_branch import BRANCH, REF, ForeignBranch
from thrum_store.sync.wire import tree
from thrum_store.sync.wire.tree import Listing
from thrum_store.values import NamedTuple

from .git_errors import explain

# Objects are written out as they are made; the single fsync of the ref that names them makes them durable before it.
# That is git's own "batch", across its processes. Every other fsync would delay somebody's message.
_OBJECTS = {"core.fsync": "objects", "core.fsyncMethod": "writeout-only"}
_REFERENCE = {"core.fsync": "reference", "core.fsyncMethod": "fsync"}
# Files are removed only once the pack that replaces them, and its index, are durable. User settings do not apply.
_PACKING = {"core.fsync": "objects,pack-metadata", "pack.packSizeLimit": "0", "pack.threads": "1"}
_PLAIN_INDEX = {"core.splitIndex": "false", "core.untrackedCache": "false", "index.sparse": "false"}
# `hooks` is the directory of a repository's own hooks: a remote's hooks are its rules, and stay in force.
_OWN_HOOKS = "[core]\n\thooksPath = hooks\n\tfsmonitor = false\n"


class Unreachable(ThrumError):
    """Raised if the remote cannot be reached, or denies access."""

    code = "remote_unreachable"


class PushRejected(ThrumError):
    """Raised if the remote refused a push and trying again at once would not help."""

    code = "push_rejected"


class BranchMoved(GitFailed):
    """Raised if our branch could not be moved, as if another host of this repository moves it. Trying again helps."""

    code = "branch_moved"


class BranchTip(NamedTuple):
    """A commit and its tree; both empty if there is none."""

    commit: str = ""
    tree: str = ""


class Branch:
    """The branch a-sync of this clone, and its copy of the remote's."""

    def __init__(self, paths: Paths, host: Host, remote: str) -> None:
        self.remote = remote
        self.tracking = f"refs/thrum/r/{remote}"
        self._host = host
        self._packs = os.path.join(paths.common, "objects", "pack")
        self._outgoing = paths.in_var(OUTGOING)
        self._index_file = paths.in_var(SYNC_INDEX)
        self.git = GitRunner(paths.root, settings=_OBJECTS)
        self._index = GitRunner(paths.root, {"GIT_INDEX_FILE": self._index_file}, {**_OBJECTS, **_PLAIN_INDEX})
        self._remote = GitRunner(paths.root, {"GIT_CONFIG_GLOBAL": self._global(paths.in_var(SYNC_GIT_CONFIG))})

    def _global(self, path: str) -> str:
        """Write the user's configuration without its hooks: git reads it when it serves a remote on this machine."""
        included = (f'[include]\n\tpath = "{_escaped(file)}"\n' for file in global_files())
        content = os.fsencode("".join([*included, _OWN_HOOKS]))
        try:
            known = self._host.storage.read(path)
        except (FileNotFoundError, StorageFailed):  # it is replaced, if the directory can be written
            known = b""
        if known != content:
            self._host.storage.replace(path, content)
        return path

    # reading

    def tips(self) -> tuple[BranchTip, BranchTip]:
        """Return the tips of our branch and of the remote's."""
        listed = ("for-each-ref", "--format=%(refname) %(objectname) %(tree) ={%(symref)}", REF, self.tracking)
        output = self.git.asks(*listed)
        if output is None:
            self._drop_broken_refs()
            output = self.git.run(*listed)
        rows = [line.split(" ") for line in output.split("\n") if line]
        if any(row[0] == REF and row[-1] != "={}" for row in rows):
            admit_branch.check_name(self.git)  # a commit to another name of a branch would move that branch
        tips = {row[0]: BranchTip(row[1], row[2]) for row in rows if len(row) == 4 and row[2]}
        return tips.get(REF, BranchTip()), tips.get(self.tracking, BranchTip()) if self.remote else BranchTip()

    def _drop_broken_refs(self) -> None:
        """Delete the refs whose commit is lost: the branch is made from the logs again."""
        for ref in (REF, self.tracking):
            if self.git.asks("rev-parse", "--verify", "--quiet", f"{ref}^{{tree}}") is None:
                self.git.asks("update-ref", "--no-deref", "-d", ref)

    def tip_of(self, ref: str) -> BranchTip:
        """Return the commit and tree of any ref."""
        names = self.git.run("for-each-ref", "--format=%(objectname) %(tree)", ref).split()
        return BranchTip(*names) if len(names) == 2 else BranchTip()

    def tip_of_commit(self, commit: str) -> BranchTip:
        """Return a commit with its tree; without a tree if the commit is lost."""
        return BranchTip(commit, self.git.asks("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}") or "")

    def history(self, path: str, most: int) -> list[BranchTip]:
        """Return the last commits of our branch and of the remote's that changed a path, newest first."""
        refs = [tip.commit for tip in self.tips() if tip.commit]
        if not refs:
            return []
        options = ("--full-history", "--format=%H %T", f"--max-count={most}")
        lines = (self.git.asks("rev-list", *options, *refs, "--", path) or "").split("\n")
        return [BranchTip(*line.split(" ")) for line in lines if line and not line.startswith("commit ")]

    def listing(self, tip: BranchTip, log: EventLog) -> Listing:
        """Return the contents of a commit."""
        if not tip.tree:
            return Listing()
        top = self.git.data("ls-tree", "-z", tip.tree)
        return tree.parse(self.git.data("ls-tree", "-r", "-z", "-l", "--full-tree", tip.tree), top, log)

    def blobs(self, oids: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of these blobs, whose sizes the caller has bounded; missing ones are left out."""
        wanted = list(dict.fromkeys(oids))
        if not wanted:
            return {}
        return _batch(self.git.data("cat-file", "--batch", stdin="\n".join(wanted).encode() + b"\n"))

    def contains(self, commit: str, older: str) -> bool:
        """Return whether `older` is in the history of `commit`."""
        return commit == older or self.git.asks("merge-base", "--is-ancestor", older, commit) is not None

    def ahead(self, local: str, remote: str) -> int:
        """Count the commits that the remote lacks."""
        if not local:
            return 0
        since = [f"^{remote}"] if remote else []
        return int(self.git.run("rev-list", "--count", local, *since, "--"))

    # writing

    def write(self, contents: list[bytes]) -> list[str]:
        """Write blobs with exactly these contents; return their ids."""
        if not contents:
            return []
        self._host.storage.directory(self._outgoing)
        names = [os.path.join(self._outgoing, str(place)) for place in range(len(contents))]
        try:
            for name, content in zip(names, contents, strict=True):
                self._host.storage.replace_unsynced(name, content)
            listed = b"".join(map(_quoted, names))
            return self.git.object_ids(len(names), "hash-object", "-w", "--no-filters", "--stdin-paths", stdin=listed)
        finally:
            for name in names:
                self._host.storage.remove(name)

    def make_tree(self, base: str, changes: Mapping[str, str], versions: Mapping[str, str]) -> str:
        """Write the tree `base` with these paths set to blobs (empty: removed) and with the trees of other formats."""
        for leftover in (self._index_file, f"{self._index_file}.lock"):
            self._host.storage.remove(leftover)
        if base:
            self._index.run("read-tree", base)
        nothing = f"0 {'0' * len(next(filter(None, changes.values()), base))}"
        lines = [f"100644 {oid}\t{path}\0" if oid else f"{nothing}\t{path}\0" for path, oid in sorted(changes.items())]
        self._index.run("update-index", "-z", "--index-info", stdin="".join(lines).encode())
        made = self._index.object_id("write-tree")
        if not versions:
            return made
        kept = [line for line in self.git.run("ls-tree", made).split("\n") if line]
        kept = [line for line in kept if line.partition("\t")[2] not in versions]
        carried = [f"040000 tree {oid}\t{name}" for name, oid in versions.items()]
        return self.git.object_id("mktree", stdin="\n".join([*kept, *carried, ""]).encode())

    def commit(self, made: str, parents: Iterable[str], message: str) -> str:
        """Write a commit of this tree; return its id. No ref moves."""
        named = [part for parent in dict.fromkeys(filter(None, parents)) for part in ("-p", parent)]
        return self.git.object_id("commit-tree", made, *named, "-m", message)

    def move(self, new: str, old: str) -> None:
        """Move our branch from `old` (empty: no branch) to `new`. Raises BranchMoved if somebody else moved it."""
        durable = GitRunner(self.git.directory, settings=_REFERENCE)
        try:
            durable.run("update-ref", "-m", "thrum sync", REF, new, old or "0" * len(new))
        except GitFailed as error:
            raise BranchMoved(error.message, hint="the next sync tries again") from error

    def record_remote_tip(self, commit: str) -> None:
        """Record the tip of the remote's branch; empty: it has none. A power cut may lose it until the next fetch."""
        arguments = (self.tracking, commit) if commit else ("-d", self.tracking)
        GitRunner(self.git.directory).run("update-ref", *arguments)

    def pack(self, commit: str, since: str) -> None:
        """Pack the objects that `commit` reaches and `since` (may be empty or lost) does not; remove the loose ones."""
        known = bool(since) and self.git.asks("cat-file", "-e", f"{since}^{{tree}}") is not None
        wanted = f"{commit}\n^{since}\n" if known else f"{commit}\n"
        options = ("--revs", "--incremental", "--local", "--delta-base-offset", "--quiet")
        base = os.path.join(self._packs, "pack")
        packer = GitRunner(self.git.directory, settings=_PACKING)
        packer.run("pack-objects", *options, base, stdin=wanted.encode())
        self._host.storage.sync_directory(self._packs)
        failpoint("sync.packed")
        self.git.run("prune-packed", "--quiet")

    # remote

    def fetch(self) -> None:
        """Fetch the remote's branch. Raises Unreachable."""
        local = self.git.asks("rev-parse", "--verify", "--quiet", f"{REF}^{{tree}}")
        if local is None:
            self._drop_broken_refs()
        done = self._remote.talk(
            "fetch", "--progress", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
            "--no-auto-maintenance", "--no-write-commit-graph", "--no-filter", "--no-prune", "--refmap=",
            *([f"--negotiation-tip={REF}"] if local else []), "--", self.remote, f"+{REF}:{self.tracking}",
        )  # fmt: skip
        if done.status == 0:
            return
        asked = self._remote.talk("ls-remote", "--exit-code", "--", self.remote, REF)
        if asked.status != 2:
            why, hint = explain(self.remote, done.err)
            raise Unreachable(f"cannot fetch from {self.remote!r}: {why}", hint=hint)
        self.record_remote_tip("")

    def push(self, commit: str) -> bool:
        """Push without force; return False if others were faster. Raises Unreachable or PushRejected."""
        done = self._remote.talk(
            "push", "--progress", "--no-verify", "--porcelain", "--no-signed", "--no-follow-tags",
            "--recurse-submodules=no", "--", self.remote, f"{commit}:{REF}",
        )  # fmt: skip
        if done.status == 0:
            self.record_remote_tip(commit)
            return True
        verdict = next((line for line in done.out.split("\n") if line.startswith("!")), "")
        if "[rejected]" in verdict:
            return False
        why, hint = explain(self.remote, done.err)
        if verdict:
            self._check_free()
            reasons = "; ".join(filter(None, [verdict.split("\t")[-1], why]))
            raise PushRejected(
                f"{self.remote!r} refused the push: {reasons}",
                hint="ask its administrator to accept the branch a-sync; until then messages stay on this machine",
            )
        raise Unreachable(f"cannot push to {self.remote!r}: {why}", hint=hint)

    def _check_free(self) -> None:
        """Refuse a remote whose branches leave no room for a-sync. Raises ForeignBranch."""
        names = self._remote.talk("ls-remote", "--", self.remote, f"{REF}/*").out.split()[1::2]
        if names:
            below = names[0].removeprefix("refs/heads/")
            raise ForeignBranch(
                f"{self.remote!r} has the branch {below}, and git cannot create {BRANCH} beside it. Nothing was pushed",
                hint=f"have that branch renamed there, then `thrum sync force`; see `git ls-remote {self.remote}`",
            )


def _quoted(path: str) -> bytes:
    """Quote any path as a line that git reads."""
    return b'"%b"\n' % os.fsencode(_escaped(path))


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _batch(output: bytes) -> dict[str, bytes]:
    """Parse the output of `cat-file --batch`."""
    blobs: dict[str, bytes] = {}
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        oid, kind, *size = output[at:end].decode("ascii", "replace").split(" ")
        at = end + 1
        if kind == "blob":
            blobs[oid] = output[at : at + int(size[0])]
        if size:
            at += int(size[0]) + 1
    return blobs
