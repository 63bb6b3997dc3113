"""A generator of repositories as the Go program leaves them: its logs, files and worktrees, and its daemon."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cli.shell import Shell, git

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
START = 1_767_322_800_000  # 2026-01-02T03:00:00Z
SPARSE = "/events.jsonl\n/messages/\n/messages.jsonl\n"

# A daemon as others see it: it holds its lock, listens, and has written its PID file.
DAEMON = """
import fcntl, json, os, socket, sys
var, root = sys.argv[1:3]
lock = open(os.path.join(var, "thrum.lock"), "w")
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
listening = socket.socket(socket.AF_UNIX)
os.chdir(var)
listening.bind("thrum.sock")
listening.listen()
record = {"pid": os.getpid(), "repo_path": root, "started_at": "", "socket_path": os.path.join(var, "thrum.sock")}
with open("thrum.pid", "w") as file:
    json.dump(record, file)
print("ready", flush=True)
sys.stdin.read()
"""


def ulid(ms: int, number: int) -> str:
    """Return a ULID of that time."""
    digits = [_DIGITS[ms >> shift & 31] for shift in range(45, -5, -5)]
    return "".join([*digits, *(_DIGITS[number >> shift & 31] for shift in range(75, -5, -5))])


def moment(ms: int) -> str:
    """Return a time as Go prints it: nanoseconds, trailing zeros cut."""
    seconds, rest = divmod(ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest:03}000001".rstrip("0") if rest else ""
    return f"{text}{fraction}Z"


@dataclass
class GoStore:
    """One repository. Events are kept per file, and written by `write`."""

    root: Path
    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    worktrees: dict[str, Path] = field(default_factory=dict[str, Path])
    count: int = 0

    @classmethod
    def at(cls, folder: Path, *worktrees: str) -> GoStore:
        """Make a repository with linked worktrees, the Go program set up in it."""
        root = folder / "project"
        root.mkdir()
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "commit", "--quiet", "--allow-empty", "--message", "begin")
        store = cls(root, worktrees={"main": root})
        for name in worktrees:
            store.worktrees[name] = folder / name
            git(root, "worktree", "add", "--quiet", "-b", f"b/{name}", str(folder / name))
        store._set_up()
        return store

    def _set_up(self) -> None:
        for name, place in self.worktrees.items():
            (place / ".thrum/identities").mkdir(parents=True)
            (place / ".thrum/context").mkdir()
            if name != "main":
                (place / ".thrum/redirect").write_text(f"{self.root}/.thrum\n")
        (self.root / ".thrum/var").mkdir()
        (self.root / ".thrum/schema_version").write_text("1\n")
        config = {"daemon": {"local_only": True, "sync_interval": 60, "ws_port": "auto"}}
        (self.root / ".thrum/config.json").write_text(json.dumps(config))
        (self.root / ".gitignore").write_text("\n# Thrum\n.thrum/\n.thrum.*.json\nscripts/thrum-startup.sh\n")
        git(self.root, "add", ".gitignore")
        git(self.root, "commit", "--quiet", "--message", "ignore")
        tree = git(self.root, "mktree").strip()
        commit = git(self.root, "commit-tree", tree, "-m", "Initialize Thrum sync").strip()
        git(self.root, "update-ref", "refs/heads/a-sync", commit)
        git(self.root, "worktree", "add", "-f", "--no-checkout", str(self.sync), "a-sync")
        git(self.sync, "sparse-checkout", "init", "--no-cone")
        git(self.sync, "sparse-checkout", "set", "--no-cone", *SPARSE.split())
        git(self.sync, "checkout", "--quiet", "a-sync")
        git(self.root, "config", "core.sparseCheckout", "false")

    @property
    def sync(self) -> Path:
        """The worktree of a-sync."""
        return self.root / ".git/thrum-sync/a-sync"

    @property
    def var(self) -> Path:
        """The directory of the daemon and of its database."""
        return self.root / ".thrum/var"

    def shell(self, worktree: str = "main") -> Shell:
        """A shell in one of the worktrees."""
        return Shell(self.worktrees[worktree])

    # events

    def event(self, file: str, type_: str, at: int, /, **fields: Any) -> dict[str, Any]:
        """Add an event, `at` seconds after the start."""
        self.count += 1
        ms = START + at * 1000
        event = {
            "type": type_, "timestamp": moment(ms), "event_id": f"evt_{ulid(ms, self.count)}", "v": 1,
            "origin_daemon": "d_8q0wexampl3", "sequence": self.count, **fields,
        }  # fmt: skip
        self.files.setdefault(file, []).append(event)
        return event

    def agent(self, name: str, worktree: str = "main", role: str = "implementer", at: int = 0, **fields: Any) -> None:
        """Register an agent; its identity file lies in its worktree, and its event names the main repository."""
        self.event(
            "events.jsonl", "agent.register", at, agent_id=name, kind="agent", name=name, role=role, module="core",
            worktree=self.root.name, display="", hostname="host", **fields,
        )  # fmt: skip
        self.identity(name, worktree, role)

    def identity(self, name: str, worktree: str, role: str = "implementer", file: str = "") -> None:
        """Write an identity file as the Go program has it, its keys with a capital."""
        content = {
            "version": 3, "repo_id": "r_0123456789AB", "worktree": self.root.name, "branch": "main", "intent": "",
            "agent": {"Kind": "agent", "Name": name, "Role": role, "Module": "core", "Display": ""},
            "session_id": "", "confirmed_by": "", "context_file": "", "updated_at": moment(START),
        }  # fmt: skip
        path = self.worktrees[worktree] / ".thrum/identities" / f"{file or name}.json"
        path.write_text(json.dumps(content, indent=2))

    def message(self, author: str, text: str, at: int, to: Iterable[str] = (), group: str = "", **fields: Any) -> str:
        """Add a message; return its id. Its recipients are only there if `recipients` are given."""
        identifier = f"msg_{ulid(START + at * 1000, self.count + 500_000)}"
        refs = [{"type": "mention", "value": name} for name in to] + fields.pop("refs", [])
        scopes = fields.pop("scopes", [])
        if group:
            scopes = [{"type": "group", "value": group}, *scopes]
            refs = [{"type": "group", "value": group}, *refs]
        body = {"format": "markdown", "content": text, **fields.pop("body", {})}
        fields |= {name: pairs for name, pairs in (("refs", refs), ("scopes", scopes)) if pairs}
        file = f"messages/{author.removeprefix('agent:').replace(':', '_')}.jsonl"
        session = fields.pop("session_id", "ses_1")
        self.event(
            file, "message.create", at, message_id=identifier, agent_id=author, session_id=session, body=body, **fields
        )
        return identifier

    def reply(self, author: str, parent: str, text: str, at: int, to: Iterable[str], thread: str, **fields: Any) -> str:
        """Add a reply: only it names the thread, as the parent has it in the database alone."""
        refs = [{"type": "reply_to", "value": parent}]
        return self.message(author, text, at, to, refs=refs, thread_id=thread, **fields)

    def read(self, author: str, message: str, reader: str, at: int) -> None:
        """Add a receipt; it stands in the author's file."""
        self.event(
            f"messages/{author}.jsonl", "message.receipt", at, message_id=message, agent_id=reader,
            session_id="ses_1", receipt_type="read",
        )  # fmt: skip

    def session(self, agent: str, at: int, end: int | None = None, reason: str = "normal") -> str:
        """Add a session; return its id."""
        identifier = f"ses_{ulid(START + at * 1000, self.count + 700_000)}"
        self.event("events.jsonl", "agent.session.start", at, session_id=identifier, agent_id=agent)
        if end is not None:
            self.event("events.jsonl", "agent.session.end", end, session_id=identifier, reason=reason)
        return identifier

    def group(self, name: str, at: int, *members: tuple[str, str], by: str = "ann") -> str:
        """Add a group; return its id."""
        identifier = f"grp_{ulid(START + at * 1000, self.count + 900_000)}"
        self.event("events.jsonl", "group.create", at, group_id=identifier, name=name, created_by=by)
        for kind, value in members:
            self.event(
                "events.jsonl", "group.member.add", at, group_id=identifier, member_type=kind, member_value=value,
                added_by=by,
            )  # fmt: skip
        return identifier

    # files

    def write(self, place: Path | None = None) -> GoStore:
        """Write all files, each event a line with sorted keys, as in the worktree of a-sync."""
        for file, events in self.files.items():
            path = (place or self.sync) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(event, sort_keys=True) + "\n" for event in events))
        if place is None:
            git(self.sync, "add", "--sparse", "--all")
            git(self.sync, "commit", "--quiet", "--no-verify", "--allow-empty", "--message", "sync: 2026")
        return self

    @contextmanager
    def daemon(self) -> Generator[int]:
        """Run what looks like the daemon; yield its process."""
        process = subprocess.Popen(
            [sys.executable, "-c", DAEMON, str(self.var), str(self.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            assert process.stdout.readline() == b"ready\n"
            yield process.pid
            process.stdin.close()

    def crashed(self, pid: int) -> None:
        """Leave the files of a daemon that was killed, its socket too."""
        record = {"pid": pid, "repo_path": str(self.root), "started_at": "", "socket_path": ""}
        (self.var / "thrum.pid").write_text(json.dumps(record))
        (self.var / "ws.port").write_text("9999\n")
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(self.var / "thrum.sock"))


TEN = {
    "ann": "main", "bob": "main", "cyd": "feature", "dan": "feature", "eve": "feature", "fay": "fix", "gus": "fix",
    "hal": "docs", "ida": "docs", "jon": "docs",
}  # fmt: skip
ROLES = ("planner", "reviewer", "implementer", "tester", "implementer")


def ten_agents(folder: Path) -> GoStore:
    """Ten agents in four worktrees, with sessions, groups, threads, broadcasts, receipts and contexts."""
    store = GoStore.at(folder, "feature", "fix", "docs")
    for number, (name, worktree) in enumerate(TEN.items()):
        store.agent(name, worktree, ROLES[number % len(ROLES)], at=number)
        store.session(name, 20 + number, 40 + number if number % 2 else None)
        (store.worktrees[worktree] / f".thrum/context/{name}.md").write_text(f"notes of {name}\n")
        (store.worktrees[worktree] / f".thrum/context/{name}_preamble.md").write_text(f"I am {name}\n")
    store.event("events.jsonl", "group.create", 1, group_id="grp_everyone", name="everyone", created_by="system")
    store.event("events.jsonl", "group.create", 1, group_id="grp_role_tester", name="tester", created_by="system")
    store.group("backend", 60, ("agent", "cyd"), ("role", "reviewer"))
    store.message("ann", "to all, and nobody wrote down who", 100)
    asked = store.message("ann", "does it work?", 110, ["cyd"], recipients=["cyd"])
    store.reply("cyd", asked, "it does", 120, ["ann"], f"thr_{ulid(START, 7)}", recipients=["ann"])
    store.read("ann", asked, "cyd", 115)
    store.message("dan", "backend, please look", 130, group="backend", recipients=["bob", "cyd", "gus"])
    store.message("eve", "testers", 140, group="tester")
    return store.write()


SCHEMA = """
CREATE TABLE events (event_id TEXT PRIMARY KEY, sequence INTEGER UNIQUE, type TEXT, timestamp TEXT, origin_daemon TEXT,
  event_json TEXT);
CREATE TABLE message_reads (message_id TEXT, session_id TEXT, agent_id TEXT, read_at TEXT,
  PRIMARY KEY (message_id, session_id));
CREATE TABLE message_deliveries (message_id TEXT, recipient_agent_id TEXT, delivered_at TEXT, seen_at TEXT,
  read_at TEXT, PRIMARY KEY (message_id, recipient_agent_id));
CREATE TABLE agents (agent_id TEXT PRIMARY KEY, kind TEXT, role TEXT, module TEXT, display TEXT DEFAULT '',
  hostname TEXT DEFAULT '', registered_at TEXT, last_seen_at TEXT DEFAULT '');
CREATE TABLE groups (group_id TEXT PRIMARY KEY, name TEXT UNIQUE, description TEXT, created_at TEXT, created_by TEXT,
  updated_at TEXT, metadata TEXT);
CREATE TABLE group_members (id INTEGER PRIMARY KEY, group_id TEXT, member_type TEXT, member_value TEXT, added_at TEXT,
  added_by TEXT, UNIQUE (group_id, member_type, member_value));
"""


def database(store: GoStore, *, crashed: bool = False) -> sqlite3.Connection:
    """Return a connection to the daemon's database, all events in it; `crashed`: the changes stay in its log."""
    connection = sqlite3.connect(store.var / "messages.db", isolation_level=None)
    connection.executescript(
        f"PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = {0 if crashed else 1000};{SCHEMA}"
    )
    for events in store.files.values():
        for event in events:
            row = (*(event[key] for key in ("event_id", "sequence", "type", "timestamp", "origin_daemon")),)
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", (*row, json.dumps(event)))
    return connection
