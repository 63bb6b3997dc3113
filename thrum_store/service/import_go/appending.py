"""The import itself: plans what is missing, appends it to the logs in order of time, and shows it all at once.

An interruption leaves a beginning of the history. The next run finds what the logs hold, and appends the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial

from thrum_store import presence_state
from thrum_store.identity import creation_lock
from thrum_store.log.events import Draft
from thrum_store.log.segments import SEGMENT_LIMIT, Shard, ShardPosition
from thrum_store.machine.host import failpoint
from thrum_store.presence_state import PresenceState
from thrum_store.store import Store
from thrum_store.view.queries import imported, lookup

from . import already
from .drafts import Drafts, Ids
from .go_lines import milliseconds
from .go_logs import Agent, GoLogs, GroupChange, Registration
from .go_places import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[int], None]

_OVERHEAD = 400  # bytes of a line beside its text


class Import:
    """One import of what the Go program's logs hold. `homes`: the worktree of each agent."""

    def __init__(self, store: Store, old: GoLogs, homes: Mapping[str, str], identities: list[Identity]) -> None:
        self._store, self._old, self._homes = store, old, homes
        self._identities = {old.names.holder(identity.id): identity for identity in identities}
        self.counts = Counter[str]()
        self.shortened: list[str] = []
        self.made = set[str]()  # all origins of what is here

    def run(self, progress: Progress | None) -> None:
        """Append what is missing, all locks held; then show it."""
        with ExitStack() as locks:
            for name in sorted({*self._old.agents, *(change.by for change in self._old.group_changes)}):
                locks.enter_context(self._store.shard_lock(Shard(self._store.own, name)))
            locks.enter_context(creation_lock(self._store.paths, self._store.host))
            before = already.look(self._store)
            drafts = self._planned(before)
            failpoint("migrate.planned")
            appended = self._append(drafts, progress)
        if appended or not before.settled:
            self._store.rebuild(progress and (lambda count: progress(appended + count)))
        failpoint("migrate.shown")
        self._remember_work(drafts.ids)
        self.made = {*before.made, *(entry.origin for entries in drafts.entries.values() for entry in entries)}
        self.shortened = drafts.shortened

    # planning

    def _planned(self, before: already.Already) -> Drafts:
        drafts = Drafts(self._old, before)
        for agent in self._old.agents.values():
            missing = self._registrations(agent, before)
            drafts.agent(agent, missing)
            self.counts["agents"] += bool(missing) and agent.name not in before.agents
        for session in self._old.sessions.values():
            drafts.session(session)
        self._groups(drafts)
        listed = (message for message in self._old.messages.values() if message.id not in before.elsewhere)
        new = [message for message in listed if drafts.message(message)]
        self.counts["messages"] = sum(not message.deleted for message in new)
        self.counts["known"] = (
            sum(not message.deleted for message in self._old.messages.values()) - self.counts["messages"]
        )
        self._receipts(drafts, {message.id for message in new})
        shards = {agent: Shard(self._store.own, agent) for agent in drafts.entries}
        drafts.assign(self._store.own, {agent: self._store.end(shard).seq for agent, shard in shards.items()})
        self.counts["groups"] = drafts.count("group.create")
        self.counts["sessions"] = drafts.count("session.start")
        return drafts

    def _registrations(self, agent: Agent, before: already.Already) -> list[Registration]:
        """Return the registrations that are missing: the first, and each that changed something."""
        home, known = self._homes.get(agent.name, ""), before.agents.get(agent.name)
        if known is None and agent.name not in self._identities and lookup.named(self._store.view, agent.name):
            return []  # it lives in another clone, whose import is here; a second one would get its answers
        listed = agent.registrations or [self._implied(agent)]
        told_home = [entry._replace(data={**entry.data, "worktree": home}) for entry in listed]
        changed = [entry for at, entry in enumerate(told_home) if not at or entry.data != told_home[at - 1].data]
        if known is None:
            return [entry for entry in changed if entry.event not in before.made]
        if known.deleted or not agent.registrations:
            return []
        newer = [entry for entry in changed if entry.ms > known.ms and entry.event not in before.made]
        return newer or self._rebound(told_home[-1], known, before)

    def _rebound(self, last: Registration, known: imported.Known, before: already.Already) -> list[Registration]:
        """Return a registration in the right worktree: an earlier version bound every agent to the first one."""
        origin = f"{last.event}/home"
        untouched = known.ms == last.ms and last.event not in before.made and origin not in before.made
        return [last._replace(event=origin)] if untouched and known.worktree != last.data["worktree"] else []

    def _implied(self, agent: Agent) -> Registration:
        """Return a registration for an agent whose own is lost, as its identity file says it."""
        identity = self._identities.get(agent.name)
        fields = identity.fields if identity else {}
        data = {key: str(fields.get(key) or "") for key in ("role", "module", "display")}
        times = [message.ms for message in self._old.messages.values() if message.author == agent.name]
        ms = min(times, default=self._store.host.clock.wall_ms())
        return Registration(ms, f"implied/{agent.name}", {"kind": "agent", **data, "worktree": "", "host": ""})

    def _groups(self, drafts: Drafts) -> None:
        changes: dict[str, list[GroupChange]] = {}
        for change in self._old.group_changes:
            changes.setdefault(change.group, []).append(change)
        descriptions = {self._old.groups[key]: text for key, text in self._old.descriptions.items()}
        for group, steps in changes.items():
            drafts.group(steps, imported.additions(self._store.view, group), descriptions[group])

    def _receipts(self, drafts: Drafts, new: set[str]) -> None:
        """Add the receipts that are missing: of new messages all, of the others what is unread here."""
        read: dict[str, dict[int, list[str]]] = {}
        for message in self._old.messages.values():
            for reader, ms in message.readers.items():
                if not message.deleted and reader != message.author and reader in self._old.agents:
                    read.setdefault(reader, {}).setdefault(ms, []).append(message.id)
        for reader, times in read.items():
            unread = already.unread(self._store, reader)
            for ms, listed in times.items():
                chosen = [old_id for old_id in listed if old_id in new or drafts.ids.get(old_id) in unread]
                if chosen:
                    drafts.add(reader, ms, "message.read", f"read/{reader}/{chosen[0]}/{ms}", partial(_read, chosen))
                    self.counts["receipts"] += len(chosen)

    # appending

    def _append(self, drafts: Drafts, progress: Progress | None) -> int:
        """Append all events; return their number."""
        ends: dict[str, ShardPosition] = {}
        count = 0
        for window in drafts.windows():
            for agent, events in window.items():
                shard = Shard(self._store.own, agent)
                for part in _parts(events):
                    end = ends.get(agent) or self._store.end(shard)
                    reading = self._store.log.append_dated(shard, end, [d for d, _ in part], [ms for _, ms in part])
                    ends[agent] = reading.head
                    count += len(part)
                    failpoint("migrate.appended")
            if progress is not None:
                progress(count)
        return count

    # what is no event

    def _remember_work(self, ids: Ids) -> None:
        """Save the intent and the task of each agent whose session is open."""
        store = self._store
        known = presence_state.own(store.paths.var, store.host)
        for name, agent in self._old.agents.items():
            speaker = lookup.speaker(store.view, name)
            session = ids.get(str(agent.work.get("session_id") or ""), "")
            if name not in known and session and speaker is not None and speaker.session == session:
                presence_state.save(store.paths.var, store.host, name, _work(agent, session))


def _work(agent: Agent, session: str) -> PresenceState:
    work = agent.work
    return PresenceState(
        session=session,
        intent=str(work.get("intent") or ""),
        intent_ms=milliseconds(work.get("intent_updated_at")),
        task=str(work.get("current_task") or ""),
        task_ms=milliseconds(work.get("task_updated_at")),
    )


def _read(messages: list[str], ids: Ids) -> dict[str, list[str]]:
    return {"messages": [ids[old_id] for old_id in messages]}


def _parts(events: list[tuple[Draft, int]]) -> Iterator[list[tuple[Draft, int]]]:
    """Yield events in parts of about the size of a segment."""
    part: list[tuple[Draft, int]] = []
    size = 0
    for event in events:
        part.append(event)
        size += _OVERHEAD + len(event[0].data.get("content", ""))
        if size >= SEGMENT_LIMIT:
            yield part
            part, size = [], 0
    if part:
        yield part
