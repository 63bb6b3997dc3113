"""`thrum migrate`: import of the Go program's data into this store; its files are only read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from thrum_store import setup, store
from thrum_store.log.events import Draft
from thrum_store.log.segments import Shard
from thrum_store.machine.host import REAL, Host
from thrum_store.repository import paths
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import Paths
from thrum_store.setup import Initialize
from thrum_store.store import Store
from thrum_store.sync.admit_branch import BRANCH
from thrum_store.values import Record
from thrum_store.view.queries import groups, lookup, shards

from . import go_logs
from .go_logs import Agent, GoLogs, Group, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.log.events import Data

Progress = Callable[[int], None]
_FILES = ("events.jsonl", "messages.jsonl")


class Migrated(Record):
    """The result of an import. `known` messages had been imported before; `steps` are sentences, in order."""

    sources: tuple[str, ...]
    agents: int
    groups: int
    messages: int
    known: int
    receipts: int
    dry_run: bool
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def migrate(start: str, *, dry_run: bool = False, host: Host = REAL, progress: Progress | None = None) -> Migrated:
    """Set the repository up, and import agents, groups, messages and receipts of the old layouts.

    A repetition imports what is new. Old files stay; those that git tracks are removed from its index. Raises
    NotARepository, Invalid.
    """
    repository = paths.find(start)
    files = dict(_sources(repository, host))
    old = go_logs.parse(line for data in files.values() for line in data.split(b"\n"))
    warnings = (f"{old.invalid} invalid lines were left out",) if old.invalid else ()
    if dry_run or not files:
        counts = len(old.agents), len(old.groups), len(old.messages)
        return Migrated(tuple(files), *counts, 0, 0, dry_run, (), warnings)
    setup.check(repository, Initialize(), host, tracked=True)
    steps = [*_untrack(repository), *setup.initialize(repository, Initialize(), host).steps]
    with store.open_store(repository, host) as opened:
        taken = _Import(opened, old, progress)
        taken.run()
    return Migrated(
        tuple(files), taken.agents, taken.groups, taken.messages, taken.known, taken.receipts, False, tuple(steps),
        (*warnings, *taken.warnings),
    )  # fmt: skip


def _sources(repository: Paths, host: Host) -> Iterator[tuple[str, bytes]]:
    """Yield the old logs: in .thrum, in the worktree of a-sync, or else in the branch itself."""
    in_files = [*_files(repository, repository.thrum, host), *_files(repository, repository.sync, host)]
    yield from in_files
    if not any(name.startswith(os.path.relpath(repository.sync, repository.root)) for name, _ in in_files):
        yield from _in_branch(repository)


def _files(repository: Paths, directory: str, host: Host) -> Iterator[tuple[str, bytes]]:
    inside = os.path.join(directory, "messages")
    wanted = [os.path.join(directory, name) for name in _FILES]
    wanted += [os.path.join(inside, name) for name in host.storage.listing(inside) if name.endswith(".jsonl")]
    for path in wanted:
        if os.path.isfile(path) and not os.path.islink(path):
            yield os.path.relpath(path, repository.root), host.storage.read(path)


def _in_branch(repository: Paths) -> Iterator[tuple[str, bytes]]:
    git = GitRunner(repository.root)
    refs = [f"refs/heads/{BRANCH}", f"refs/remotes/origin/{BRANCH}"]
    tip = next((ref for ref in refs if git.asks("rev-parse", "--verify", "--quiet", ref)), None)
    names = (git.asks("ls-tree", "-r", "--name-only", "-z", tip) or "").split("\0") if tip else []
    for name in names:
        if name in _FILES or (name.startswith("messages/") and name.endswith(".jsonl")):
            yield f"{BRANCH}:{name}", git.run("cat-file", "blob", f"{tip}:{name}").encode("utf-8", "surrogateescape")


def _untrack(repository: Paths) -> list[str]:
    """Remove .thrum from git's index; the files themselves stay."""
    git = GitRunner(repository.root)
    tracked = [name for name in git.run("ls-files", "-z", "--", ".thrum").split("\0") if name]
    if not tracked:
        return []
    git.run("rm", "--cached", "--quiet", "-r", "--", ".thrum")
    return [f"git no longer tracks {len(tracked)} files in .thrum; commit that"]


class _Import:
    """One import. A message's old id is its idempotency key, so that a repetition changes nothing."""

    def __init__(self, opened: Store, old: GoLogs, progress: Progress | None) -> None:
        self._store, self._old, self._progress = opened, old, progress
        self._ids: dict[str, str] = {}
        self.agents = self.groups = self.messages = self.known = self.receipts = 0
        self.warnings: list[str] = []

    def run(self) -> None:
        """Import agents first, then groups, then messages by time, then receipts."""
        for agent in self._old.agents.values():
            self._agent(agent)
        for group in self._old.groups.values():
            self._group(group)
        ordered = sorted(self._old.messages.values(), key=lambda message: message.ms)
        for count, message in enumerate(ordered, 1):
            self._message(message)
            if self._progress is not None:
                self._progress(count)
        self._receipts(ordered)

    def _append(self, agent: str, kind: str, data: Data, ms: int) -> str:
        """Append an event to the agent's log, at its old time; return its new id."""
        opened, shard = self._store, Shard(self._store.own, agent)
        with opened.shard_lock(shard):
            reading = opened.log.append(shard, opened.end(shard), [Draft(kind, data)], ms)
            opened.absorb(shard)
        return reading.events[-1].id

    def _agent(self, agent: Agent) -> None:
        if lookup.own(self._store.view, agent.name) is not None:
            return
        main = os.path.basename(os.path.dirname(self._store.paths.thrum))
        worktree = "main" if agent.data["worktree"] in ("", main) else agent.data["worktree"]
        self._append(agent.name, "agent.register", {**agent.data, "worktree": worktree}, agent.ms)
        self.agents += 1

    def _group(self, group: Group) -> None:
        view = self._store.view
        if groups.group(view, group.name) is not None:
            return
        if not group.name or lookup.named(view, group.name) or group.name in lookup.roles(view):
            self.warnings.append(f"group {group.name!r} was left out: an agent or a role has that name")
            return
        self._append(group.by, "group.create", {"group": group.name, "description": group.description}, group.ms)
        for kind, value in group.members:
            data = {"group": group.name, "member_type": kind, "member_value": value}
            self._append(group.by, "group.member.add", data, group.ms)
        self.groups += 1

    def _message(self, message: Message) -> None:
        imported = self._imported(message)
        if imported is not None:
            self._ids[message.id] = imported
            self.known += 1
            return
        known = set(lookup.names(self._store.view))
        data: Data = {
            "content": message.content,
            "format": message.format,
            "to": [list(pair) for pair in message.to],
            "key": message.id[:64],
            "recipients": [name for name in message.recipients if name in known and name != message.author],
        }
        for field, pairs in (("scopes", message.scopes), ("refs", message.refs)):
            if pairs:
                data[field] = [list(pair) for pair in pairs]
        reply_to = self._ids.get(message.reply_to or "")
        data |= {"thread": message.thread} if message.thread else {}
        data |= {"reply_to": reply_to} if reply_to else {}
        data |= {"structured": message.structured} if message.structured is not None else {}
        own = self._ids[message.id] = self._append(message.author, "message.create", data, message.ms)
        for ms, content in message.edited:
            self._append(message.author, "message.edit", {"message": own, "content": content}, ms)
        self.messages += 1

    def _imported(self, message: Message) -> str | None:
        """Return the new id of a message that was imported before."""
        author = shards.number(self._store.view, self._store.own, message.author)
        row = None if author is None else lookup.with_key(self._store.view, author, message.id[:64])
        return row.id if row else None

    def _receipts(self, ordered: list[Message]) -> None:
        """Append one receipt for each reader, about the messages that it had read."""
        read: dict[str, list[tuple[int, str]]] = {}
        for message in ordered:
            for reader, ms in message.readers.items():
                read.setdefault(reader, []).append((ms, self._ids[message.id]))
        for reader, receipts in read.items():
            agent = lookup.own(self._store.view, reader)
            unread = set(lookup.unread_ids(self._store.view, agent.id)) if agent else set[str]()
            chosen = [message_id for _, message_id in receipts if message_id in unread]
            if chosen:
                self._append(reader, "message.read", {"messages": chosen}, max(ms for ms, _ in receipts))
                self.receipts += len(chosen)
