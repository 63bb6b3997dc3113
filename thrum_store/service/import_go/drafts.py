"""The events that an import appends: for each agent, in order of time, those that are missing here.

Each event carries the id of the one that it was made from, as `go`: what a log holds is never made again. The ids of
all new events are known before the first is written, so that an answer can name its question.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from thrum_store.log.events import EVENT_TYPES, LINE_LIMIT, Draft, canonical, mint, thread_of
from thrum_store.view.queries.imported import PREFIX

from .already import MARK, Already
from .go_logs import Agent, Change, GoLogs, GroupChange, Message, Registration, Session

_ORDER = (
    "agent.register",
    "session.start",
    "group.",
    "message.create",
    "message.edit",
    "message.delete",
    "message.read",
)
Ids = Mapping[str, str]
_WINDOW = 2000  # events
_HEADROOM = 2048  # bytes of a line beside its data


class Entry(NamedTuple):
    """An event to append; `data` is called when all ids are known."""

    ms: int
    rank: int
    place: int
    type: str
    origin: str
    data: Callable[[Ids], dict[str, Any]]


class Drafts:
    """The missing events by agent. `ids`: our ids by old ids of messages and sessions, and by events of groups."""

    def __init__(self, old: GoLogs, known: Already) -> None:
        self._old, self._known = old, known
        self.entries: dict[str, list[Entry]] = {}
        self.ids: dict[str, str] = {**known.elsewhere, **known.messages}
        self.shortened: list[str] = []

    def is_missing(self, origin: str) -> bool:
        """Return whether no event was made from this one yet."""
        return origin not in self._known.made

    def add(self, agent: str, ms: int, type: str, origin: str, data: Callable[[Ids], dict[str, Any]]) -> None:
        """Add an event to an agent's log."""
        rank = next((at for at, start in enumerate(_ORDER) if type.startswith(start)), len(_ORDER))
        entries = self.entries.setdefault(agent, [])
        entries.append(Entry(ms, rank, len(entries), type, origin, data))

    def count(self, type: str) -> int:
        """Return how many events of a type are missing."""
        return sum(entry.type == type for entries in self.entries.values() for entry in entries)

    # subjects

    def agent(self, agent: Agent, registrations: Iterable[Registration]) -> None:
        """Add the registrations of an agent."""
        for registration in registrations:
            data = dict(registration.data)
            self.add(agent.name, registration.ms, "agent.register", registration.event, partial(_fixed, data))

    def session(self, session: Session) -> None:
        """Add a session and its end."""
        made = self._known.made.get(session.event)
        if made:
            self.ids[session.id] = made
        elif made is None:
            self.add(session.agent, session.ms, "session.start", session.event, partial(_fixed, {}))
        if session.end is not None and made != "" and self.is_missing(session.end[1]):
            ms, origin, reason = session.end
            self.add(session.agent, ms, "session.end", origin, partial(_ended, session.id, reason))

    def message(self, message: Message) -> bool:
        """Add a message with its edits and its deletion; return False for one that was imported before."""
        made = self._known.made.get(message.event)
        if made:
            self.ids[message.id] = made
        is_new = made is None and message.id not in self.ids
        if is_new:
            self.add(message.author, message.ms, "message.create", message.event, partial(self._created, message))
        elif made == "":
            return False
        if is_new or message.id not in self._known.elsewhere:
            self._changes(message)
        return is_new

    def _changes(self, message: Message) -> None:
        """Add the changes that are missing; of a deleted message, no text is kept."""
        edits = [change for change in message.changes if change.content is not None and not message.deleted]
        missing = [change for change in edits if self.is_missing(change.event)]
        before = self._known.versions.get(message.id, 0) - (len(edits) - len(missing))  # by a version without marks
        deletions = [change for change in message.changes if change.content is None and self.is_missing(change.event)]
        for change in (*missing[max(before, 0) :], *deletions):
            event_type = "message.delete" if change.content is None else "message.edit"
            self.add(message.author, change.ms, event_type, change.event, partial(_changed, message.id, change))

    def _created(self, message: Message, ids: Ids) -> dict[str, Any]:
        parent = ids.get(message.reply_to or "")
        lost = [["reply_to", message.reply_to]] if message.reply_to and not parent else []
        optional: dict[str, Any] = {
            "scopes": [list(pair) for pair in message.scopes],
            "refs": [*(list(pair) for pair in message.refs), *lost],
            "thread": self._thread(message, ids),
            "reply_to": parent,
            "session": ids.get(message.session),
            "structured": None if message.deleted else message.structured,
        }
        data: dict[str, Any] = {
            "content": "" if message.deleted else message.content,
            "format": message.format,
            "to": [list(pair) for pair in message.to],
            "key": PREFIX + message.id,
            "recipients": message.recipients or [],
            **{field: value for field, value in optional.items() if value},
        }
        return self._fitting(data, message.id)

    def _thread(self, message: Message, ids: Ids) -> str | None:
        """Return the thread of a message: its own, or that of the message that it answers."""
        if message.thread is not None or message.reply_to is None:
            return message.thread
        start, passed = message, {message.id}
        while start.reply_to in self._old.messages and start.reply_to not in passed:
            start = self._old.messages[start.reply_to]
            passed.add(start.id)
            if start.thread is not None:
                return start.thread
        return None if start is message or start.id not in ids else thread_of(ids[start.id])

    def _fitting(self, data: dict[str, Any], old_id: str) -> dict[str, Any]:
        """Return the data as far as a line of our log can hold it: the Go program knew no limit."""
        if len(canonical(data)) <= LINE_LIMIT - _HEADROOM:
            return data
        self.shortened.append(old_id)
        data.pop("structured", None)
        text = data["content"]
        while len(canonical(data)) > LINE_LIMIT - _HEADROOM:
            text = text[: len(text) * 3 // 4]
            data["content"] = f"{text}\n\n[the rest did not fit; it stays in the log of the Go program, as {old_id}]"
        return data

    # groups

    def group(self, changes: list[GroupChange], standing: dict[tuple[str, str], list[str]], description: str) -> None:
        """Add what happened to one group. `standing`: the events that made it and its members here, by member."""
        for change in changes:
            if not self.is_missing(change.event):
                continue
            if change.kind not in ("group.create", "group.member.add"):
                self._removal(change, standing)
            elif not standing.get(change.member):
                self._addition(change, description)
                standing[change.member] = [change.event]

    def _addition(self, change: GroupChange, description: str) -> None:
        if change.kind == "group.create":
            data = {"group": change.group, "description": description}
        else:
            data = {"group": change.group, "member_type": change.member[0], "member_value": change.member[1]}
        self.add(change.by, change.ms, change.kind, change.event, partial(_fixed, data))

    def _removal(self, change: GroupChange, standing: dict[tuple[str, str], list[str]]) -> None:
        is_deletion = change.kind == "group.delete"
        gone = [*standing] if is_deletion else [change.member]
        added = [event for member in gone for event in standing.pop(member, ())]
        data: dict[str, Any] = {"group": change.group}
        if not is_deletion:
            data |= {"member_type": change.member[0], "member_value": change.member[1]}
        if added:
            self.add(change.by, change.ms, change.kind, change.event, partial(_without, data, added))

    # ids

    def assign(self, store: str, ends: Mapping[str, int]) -> None:
        """Sort the events of each agent, and give each its id: `ends` are the last sequences of the logs."""
        entities = {
            **{message.event: message.id for message in self._old.messages.values()},
            **{session.event: session.id for session in self._old.sessions.values()},
        }
        for agent, entries in self.entries.items():
            entries.sort(key=lambda entry: entry[:3])
            for seq, entry in enumerate(entries, ends[agent] + 1):
                key = entities.get(entry.origin, entry.origin)
                self.ids[key] = mint(EVENT_TYPES[entry.type], entry.ms, store, agent, seq)

    def windows(self) -> Iterator[dict[str, list[tuple[Draft, int]]]]:
        """Yield the events with their times by agent, in windows of time: what is named was appended before."""
        streams = [[(entry, agent) for entry in entries] for agent, entries in sorted(self.entries.items())]
        merged = heapq.merge(*streams, key=lambda pair: pair[0][:2])
        while window := list(islice(merged, _WINDOW)):
            events: dict[str, list[tuple[Draft, int]]] = {}
            for entry, agent in window:
                data = {**entry.data(self.ids), MARK: entry.origin}
                events.setdefault(agent, []).append((Draft(entry.type, data), entry.ms))
            yield events


def _fixed(data: dict[str, Any], _: Ids) -> dict[str, Any]:
    return data


def _ended(session: str, reason: str, ids: Ids) -> dict[str, Any]:
    return {"session": ids[session], "reason": reason}


def _changed(message: str, change: Change, ids: Ids) -> dict[str, Any]:
    data: dict[str, Any] = {"message": ids[message]}
    if change.content is None:
        return {**data, "reason": change.reason} if change.reason else data
    data["content"] = change.content
    return {**data, "structured": change.structured} if change.structured is not None else data


def _without(data: dict[str, Any], added: list[str], ids: Ids) -> dict[str, Any]:
    return {**data, "added": [ids.get(event, event) for event in added]}
