"""`thrum migrate`: what the Go program of this name kept, said again in this store. Its files are only read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from thrum_store import setup, store
from thrum_store.log.events import Draft
from thrum_store.log.segments import Shard
from thrum_store.machine.host import REAL, Host
from thrum_store.repository import paths
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import Paths
from thrum_store.setup import BRANCH, Initialize
from thrum_store.store import Store
from thrum_store.view.queries import agents, groups, mailbox, messages, shards

from . import go_logs
from .go_logs import Agent, Group, Message, Old

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.log.events import Data

Progress = Callable[[int], None]
_FILES = ("events.jsonl", "messages.jsonl")


@dataclass(frozen=True)
class Migrated:
    """What was found and taken over; `known` messages were taken over before. `steps` are sentences in order."""

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
    """Sets the repository up and takes over agents, groups, messages and receipts of the old layouts.

    Repeated, it takes over what is new. Old files stay as they are; those that git tracks are taken out of its index.
    Raises NotARepository, Invalid.
    """
    here = paths.find(start)
    found = dict(_sources(here, host))
    old = go_logs.understood(line for data in found.values() for line in data.split(b"\n"))
    warnings = (f"{old.strange} lines make no sense and were left out",) if old.strange else ()
    if dry_run or not found:
        counts = len(old.agents), len(old.groups), len(old.messages)
        return Migrated(tuple(found), *counts, 0, 0, dry_run, (), warnings)
    steps = [*_untrack(here), *setup.initialize(here, Initialize(), host).steps]
    with store.open_store(here, host) as opened:
        taken = _Import(opened, old, progress)
        taken.run()
    return Migrated(
        tuple(found), taken.agents, taken.groups, taken.messages, taken.known, taken.receipts, False, tuple(steps),
        (*warnings, *taken.warnings),
    )  # fmt: skip


def _sources(here: Paths, host: Host) -> Iterator[tuple[str, bytes]]:
    """The old logs: in .thrum, in the worktree of a-sync, and where that has none, in the branch itself."""
    in_files = [*_files(here, here.thrum, host), *_files(here, here.sync, host)]
    yield from in_files
    if not any(name.startswith(os.path.relpath(here.sync, here.root)) for name, _ in in_files):
        yield from _in_branch(here)


def _files(here: Paths, directory: str, host: Host) -> Iterator[tuple[str, bytes]]:
    inside = os.path.join(directory, "messages")
    wanted = [os.path.join(directory, name) for name in _FILES]
    wanted += [os.path.join(inside, name) for name in host.storage.listing(inside) if name.endswith(".jsonl")]
    for path in wanted:
        if os.path.isfile(path) and not os.path.islink(path):
            yield os.path.relpath(path, here.root), host.storage.read(path)


def _in_branch(here: Paths) -> Iterator[tuple[str, bytes]]:
    git = GitRunner(here.root)
    refs = [f"refs/heads/{BRANCH}", f"refs/remotes/origin/{BRANCH}"]
    tip = next((ref for ref in refs if git.asks("rev-parse", "--verify", "--quiet", ref)), None)
    names = (git.asks("ls-tree", "-r", "--name-only", "-z", tip) or "").split("\0") if tip else []
    for name in names:
        if name in _FILES or (name.startswith("messages/") and name.endswith(".jsonl")):
            yield f"{BRANCH}:{name}", git.run("cat-file", "blob", f"{tip}:{name}").encode("utf-8", "surrogateescape")


def _untrack(here: Paths) -> list[str]:
    """Git must not track .thrum any more; the files themselves stay."""
    git = GitRunner(here.root)
    tracked = [name for name in git.run("ls-files", "-z", "--", ".thrum").split("\0") if name]
    if not tracked:
        return []
    git.run("rm", "--cached", "--quiet", "-r", "--", ".thrum")
    return [f"git no longer tracks {len(tracked)} files in .thrum; commit that"]


class _Import:
    """One taking over. Every message is sent under its old id as idempotency key, so a second time changes nothing."""

    def __init__(self, opened: Store, old: Old, progress: Progress | None) -> None:
        self._store, self._old, self._progress = opened, old, progress
        self._ids: dict[str, str] = {}
        self.agents = self.groups = self.messages = self.known = self.receipts = 0
        self.warnings: list[str] = []

    def run(self) -> None:
        """Agents first, then groups, then messages by time, then receipts."""
        for agent in self._old.agents.values():
            self._agent(agent)
        for group in self._old.groups.values():
            self._group(group)
        ordered = sorted(self._old.messages.values(), key=lambda one: one.ms)
        for count, message in enumerate(ordered, 1):
            self._message(message)
            if self._progress is not None:
                self._progress(count)
        self._receipts(ordered)

    def _say(self, agent: str, kind: str, data: Data, ms: int) -> str:
        """Says something under the agent's name, at the time when it was said; the id it has now."""
        opened, shard = self._store, Shard(self._store.own, agent)
        with opened.shard_lock(shard):
            reading = opened.log.append(shard, opened.end(shard), [Draft(kind, data)], ms)
            opened.absorb(shard)
        return reading.events[-1].id

    def _agent(self, agent: Agent) -> None:
        if agents.own(self._store.view, agent.name) is not None:
            return
        main = os.path.basename(os.path.dirname(self._store.paths.thrum))
        worktree = "main" if agent.data["worktree"] in ("", main) else agent.data["worktree"]
        self._say(agent.name, "agent.register", {**agent.data, "worktree": worktree}, agent.ms)
        self.agents += 1

    def _group(self, group: Group) -> None:
        view = self._store.view
        if groups.group(view, group.name) is not None:
            return
        if not group.name or agents.named(view, group.name) or group.name in agents.roles(view):
            self.warnings.append(f"group {group.name!r} was left out: an agent or a role has that name")
            return
        self._say(group.by, "group.create", {"group": group.name, "description": group.description}, group.ms)
        for kind, value in group.members:
            data = {"group": group.name, "member_type": kind, "member_value": value}
            self._say(group.by, "group.member.add", data, group.ms)
        self.groups += 1

    def _message(self, one: Message) -> None:
        said = self._said(one)
        if said is not None:
            self._ids[one.id] = said
            self.known += 1
            return
        known = set(agents.names(self._store.view))
        data: Data = {
            "content": one.content, "format": one.format, "to": [list(pair) for pair in one.to], "key": one.id[:64],
            "recipients": [name for name in one.recipients if name in known and name != one.author],
        }  # fmt: skip
        data |= {
            field: [list(pair) for pair in getattr(one, field)] for field in ("scopes", "refs") if getattr(one, field)
        }
        reply_to = self._ids.get(one.reply_to or "")
        data |= {"thread": one.thread} if one.thread else {}
        data |= {"reply_to": reply_to} if reply_to else {}
        data |= {"structured": one.structured} if one.structured is not None else {}
        own = self._ids[one.id] = self._say(one.author, "message.create", data, one.ms)
        for ms, content in one.edited:
            self._say(one.author, "message.edit", {"message": own, "content": content}, ms)
        self.messages += 1

    def _said(self, one: Message) -> str | None:
        author = shards.number(self._store.view, self._store.own, one.author)
        found = None if author is None else messages.with_key(self._store.view, author, one.id[:64])
        return found.id if found else None

    def _receipts(self, ordered: list[Message]) -> None:
        """One receipt for each reader: what it had read there it has read here."""
        read: dict[str, list[tuple[int, str]]] = {}
        for one in ordered:
            for reader, ms in one.readers.items():
                read.setdefault(reader, []).append((ms, self._ids[one.id]))
        for reader, what in read.items():
            agent = agents.own(self._store.view, reader)
            unread = set(mailbox.unread_ids(self._store.view, agent.id)) if agent else set[str]()
            chosen = [message for _, message in what if message in unread]
            if chosen:
                self._say(reader, "message.read", {"messages": chosen}, max(ms for ms, _ in what))
                self.receipts += len(chosen)
