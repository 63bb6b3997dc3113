"""A bare remote and clones of it, each with a store; real git, nothing of the user's set-up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.canonical import dump
from thrum_store import setup
from thrum_store.identity import Caller
from thrum_store.repository import paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Register
from thrum_store.service.upkeep import syncing
from thrum_store.service.upkeep.syncing import SyncForced, SyncStatus
from thrum_store.store import Store, open_store

AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
BRANCH = "refs/heads/a-sync"


def git(where: Path, *arguments: str, stdin: str = "") -> str:
    """Run git without the user's settings; return its output, without the last newline."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", *AUTHOR, *arguments], cwd=where, check=True, capture_output=True, text=True, env=environment,
        input=stdin, encoding="utf-8",
    )  # fmt: skip
    return done.stdout.removesuffix("\n")


@dataclass
class Remote:
    """A bare repository with one commit of code on main."""

    root: Path

    def clone(self, name: str, *agents_here: str, initialize: bool = True) -> Clone:
        """A clone with a store that may sync, and these agents."""
        where = self.root.parent / name
        git(self.root.parent, "clone", "--quiet", str(self.root), name)
        made = Clone(where)
        if initialize:
            made.initialize()
        for agent in agents_here:
            made.join(agent)
        return made

    @property
    def tip(self) -> str:
        """The commit of a-sync; empty if there is no such branch."""
        return git(self.root, "for-each-ref", "--format=%(objectname)", BRANCH)

    def point(self, commit: str) -> None:
        """Move the branch to `commit`, as a force-push does; empty deletes it."""
        if commit:
            git(self.root, "update-ref", BRANCH, commit)
        elif self.tip:
            git(self.root, "update-ref", "-d", BRANCH)

    def commit(self, tree: str, *parents: str) -> str:
        """A commit of this tree."""
        named = [part for parent in parents for part in ("-p", parent)]
        return git(self.root, "commit-tree", tree, *named, "-m", "not thrum's")

    def blob(self, content: bytes) -> str:
        """A blob, whatever it holds."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        done = subprocess.run(
            ["git", "hash-object", "-w", "--stdin"], cwd=self.root, input=content, check=True, capture_output=True,
            env=environment,
        )  # fmt: skip
        return done.stdout.decode().strip()

    def files(self, ref: str = BRANCH) -> dict[str, str]:
        """Path to blob of a tree."""
        lines = git(self.root, "ls-tree", "-r", ref).split("\n")
        return {line.partition("\t")[2]: line.split()[2] for line in lines if line}

    def content(self, path: str, ref: str = BRANCH) -> bytes:
        """Return the content of a file of the branch."""
        done = subprocess.run(["git", "show", f"{ref}:{path}"], cwd=self.root, check=True, capture_output=True)
        return done.stdout

    def plant(self, changes: dict[str, str | bytes | None]) -> str:
        """A commit on top of the tip with these files changed (None: removed); the branch stands there afterwards.

        A text is a blob's id, bytes are a content.
        """
        files: dict[str, str] = self.files()
        for path, content in changes.items():
            files.pop(path, None)
            if content is not None:
                files[path] = self.blob(content) if isinstance(content, bytes) else content
        tip = self.tip
        self.point(self.commit(self.tree([f"100644 blob {oid}\t{path}" for path, oid in files.items()]), tip))
        return tip

    def tree(self, entries: list[str]) -> str:
        """A tree of `mode type oid\\tpath` entries, whose paths may have slashes."""
        inside: dict[str, list[str]] = {}
        flat: list[str] = []
        for entry in entries:
            head, path = entry.split("\t", 1)
            first, slash, rest = path.partition("/")
            if slash:
                inside.setdefault(first, []).append(f"{head}\t{rest}")
            else:
                flat.append(entry)
        flat += [f"040000 tree {self.tree(below)}\t{name}" for name, below in inside.items()]
        return git(self.root, "mktree", "--missing", stdin="".join(f"{line}\n" for line in flat))


@dataclass
class Clone:
    """A clone of the remote."""

    root: Path

    @property
    def paths(self) -> paths.Paths:
        return paths.find(str(self.root))

    def initialize(self, *, local_only: bool = False) -> setup.Initialized:
        """Initialize the store as `thrum init` does, with syncing switched on."""
        done = setup.initialize(self.paths, setup.Initialize(stealth=True))
        config = self.root / ".thrum" / "config.json"
        config.write_text(json.dumps({"local_only": local_only}), encoding="utf-8")
        return done

    @contextmanager
    def open(self) -> Generator[Store]:
        """The store, for one use."""
        with open_store(self.paths) as store:
            yield store

    @property
    def store_id(self) -> str:
        fields = json.loads((self.root / ".thrum" / "var" / "store.json").read_text(encoding="utf-8"))
        return str(fields["store"])

    @property
    def logs(self) -> Path:
        return Path(self.paths.logs)

    def join(self, name: str, role: str = "worker") -> Caller:
        """Register an agent."""
        with self.open() as store:
            agents.register(store, Register(name, role, "core"))
        return Caller(name)

    def send(self, author: str, content: str, *to: str) -> str:
        """Send a message; return its id."""
        with self.open() as store:
            return sending.send(store, Caller(author), SendMessage(content, to=to)).header.id

    def sync(self) -> SyncForced:
        """One sync, here and now."""
        with self.open() as store:
            return syncing.force(store)

    def status(self) -> SyncStatus:
        """Return the result of `sync status`."""
        with self.open() as store:
            return syncing.status(store)

    def view(self) -> dict[str, list[str]]:
        """The view as two clones can compare it."""
        with self.open() as store:
            rows = dump(store.view)
        rows.pop("agents")  # says whose own they are, which differs; all of it comes from the registrations
        return rows

    def contents(self) -> set[str]:
        """The texts of all messages."""
        with self.open() as store:
            return {content for (content,) in store.view.execute("SELECT content FROM messages")}

    def git(self, *arguments: str) -> str:
        """Run git here."""
        return git(self.root, *arguments)

    def killed_at(self, failpoint: str) -> None:
        """A sync in a process of its own that is killed at this step, if it gets there."""
        self._syncing(f"{failpoint}:kill").wait()

    def stopped_at(self, failpoint: str) -> subprocess.Popen[bytes]:
        """A sync in a process of its own that stands still at this step, until it gets SIGCONT."""
        syncing = self._syncing(f"{failpoint}:stop")
        _, status = os.waitpid(syncing.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        return syncing

    def _syncing(self, failpoint: str) -> subprocess.Popen[bytes]:
        program = (
            "import sys; from thrum_store.repository import paths; from thrum_store.store import open_store\n"
            "from thrum_store.service.upkeep import syncing\n"
            "with open_store(paths.find(sys.argv[1])) as store: syncing.force(store)"
        )
        root = Path(__file__).resolve().parents[2]
        environment = {**os.environ, "THRUM_TESTING": "1", "THRUM_FAILPOINT": failpoint, "PYTHONPATH": str(root)}
        return subprocess.Popen(
            [sys.executable, "-c", program, str(self.root)], env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip


def remote_at(where: Path) -> Remote:
    """A new remote below `where`."""
    git(where, "init", "--quiet", "--bare", "remote.git")
    remote = Remote(where / "remote.git")
    tree = remote.tree([f"100644 blob {remote.blob(b'code')}\tmain.py"])
    git(remote.root, "update-ref", "refs/heads/main", remote.commit(tree))
    return remote
