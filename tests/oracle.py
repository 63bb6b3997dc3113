"""The state that a store must show, worked out a second time: slowly, from the files, without the code under test.

`spoken` reads the logs and checks their chains. `world` derives the state from them. `shown` reads the state of a view.
A test that broke something compares the last two.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Who = tuple[str, str]  # store, agent
Said = dict[str, Any]  # an event: the envelope's letters
Spoken = Mapping[Who, list[Said]]


@dataclass
class World:
    """Everything a user can see, by id and name; times are those of the events."""

    content: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])  # text, edits
    deleted: set[str] = field(default_factory=set[str])
    mailboxes: dict[Who, dict[str, int | None]] = field(default_factory=dict[Who, dict[str, int | None]])  # read when
    roles: dict[Who, str] = field(default_factory=dict[Who, str])
    groups: dict[str, set[tuple[str, str]]] = field(default_factory=dict[str, set[tuple[str, str]]])
    sessions: dict[str, str | None] = field(default_factory=dict[str, str | None])  # why it ended
    emptied: dict[Who, int] = field(default_factory=dict[Who, int], compare=False)  # mailboxes of deleted agents: when
    speakers: dict[str, Who] = field(default_factory=dict[str, Who], compare=False)  # of messages and sessions


# --- the logs, read by hand -----------------------------------------------------------------------------------------


def spoken(logs: str | Path) -> dict[Who, list[Said]]:
    """Return every event of every shard, the chains checked."""
    result: dict[Who, list[Said]] = {}
    for directory in sorted(path for path in Path(logs).glob("*/*") if path.is_dir()):
        who = (directory.parent.name, directory.name)
        events = list(_chained(_lines(directory), who))
        if events:
            result[who] = events
    return result


def _lines(directory: Path) -> Iterator[Said]:
    """Yield the lines that count: of each segment as many bytes as the next one's header says."""
    files = [path.read_bytes() for path in sorted(directory.glob("*.jsonl"))]
    headers = [json.loads(data.split(b"\n")[0]) for data in files]
    for number, data in enumerate(files, 1):
        assert headers[number - 1]["d"]["segment"] == number
        counted = headers[number]["d"]["length"] if number < len(files) else len(data)
        body = data[:counted]
        assert body.endswith(b"\n"), f"{directory} breaks off in segment {number}"
        for line in body.split(b"\n")[1:-1]:
            yield json.loads(line) | {"raw": line}


def _chained(lines: Iterable[Said], who: Who) -> Iterator[Said]:
    before = "0" * 32
    for count, event in enumerate(lines, 1):
        raw: bytes = event["raw"]
        own = event["h"].encode()
        without = raw.replace(b',"h":"' + own + b'"', b"", 1)
        assert hashlib.sha256(without).hexdigest()[:32].encode() == own, f"{who} {count} has a wrong hash"
        assert (event["s"], event["a"], event["n"], event["p"]) == (*who, count, before), f"{who} {count} is no chain"
        before = event["h"]
        yield event


# --- what follows from it -------------------------------------------------------------------------------------------


def world(logs: Spoken) -> World:
    """Return the state that everybody must see once all of this was applied, in whatever order."""
    state = World()
    logs = {who: [event for event in events if "bad" not in event] for who, events in logs.items()}
    for who, events in logs.items():
        for event in events:
            if event["y"] == "agent.register":
                state.roles[who] = event["d"]["role"]
            elif event["y"] == "agent.delete":
                _delete_agent(state, who, event["t"])
            else:
                _apply_own(state, who, event)
    for who, events in logs.items():
        for event in events:
            if event["y"] == "message.create" and event["i"] not in state.deleted:
                _deliver(state, logs, who, event)
    state.groups = {name: members for name in _group_names(logs) if (members := _members(logs, name)) is not None}
    return state


def _apply_own(state: World, who: Who, event: Said) -> None:
    """Apply the part of an event that concerns only its author's own shard."""
    data, event_type = event["d"], event["y"]
    if event_type in ("message.create", "session.start"):
        state.speakers[event["i"]] = who
    if event_type == "message.create":
        state.content[event["i"]] = (data["content"], 0)
    elif event_type == "message.edit" and _wrote(state, who, data["message"]):
        state.content[data["message"]] = (data["content"], state.content[data["message"]][1] + 1)
    elif event_type == "message.delete" and _wrote(state, who, data["message"]):
        _delete(state, data["message"])
    elif event_type == "session.start":
        state.sessions[event["i"]] = None
    elif event_type == "session.end" and state.speakers.get(data["session"]) == who:
        state.sessions[data["session"]] = state.sessions[data["session"]] or data["reason"]


def _wrote(state: World, who: Who, message: str) -> bool:
    return message in state.content and state.speakers[message] == who and message not in state.deleted


def _delete(state: World, message: str) -> None:
    state.deleted.add(message)
    state.content[message] = ("", state.content[message][1])


def _delete_agent(state: World, who: Who, ms: int) -> None:
    """Take its registration, its messages and its session; its mailbox loses all mail that is not newer."""
    state.roles.pop(who, None)
    state.emptied[who] = max(ms, state.emptied.get(who, ms))
    for own in [own for own, speaker in state.speakers.items() if speaker == who]:
        if own in state.content:
            _delete(state, own)
        else:
            state.sessions[own] = state.sessions[own] or "agent deleted"


def _deliver(state: World, logs: Spoken, author: Who, event: Said) -> None:
    for recipient in _recipients(logs, author, event):
        if recipient not in state.emptied or event["t"] > state.emptied[recipient]:
            mailbox = state.mailboxes.setdefault(recipient, {})
            mailbox[event["i"]] = _read(logs.get(recipient, []), event["i"])


def _recipients(logs: Spoken, author: Who, event: Said) -> set[Who]:
    named = {(name.partition("@")[2] or author[0], name.partition("@")[0]) for name in event["d"]["recipients"]}
    wide = [tuple(address) for address in event["d"]["to"] if address[0] != "agent"]
    late = {who for who in logs if who[0] != author[0] and _reached(logs, who, wide, event["t"])}
    return (named - {author}) | late


def _reached(logs: Spoken, who: Who, wide: list[tuple[str, ...]], ms: int) -> bool:
    """Return whether an agent of another store was registered at that time, with an address that means it."""
    then = [event for event in logs[who] if event["y"] in ("agent.register", "agent.delete") and event["t"] <= ms]
    if not then or then[-1]["y"] == "agent.delete":
        return False
    role = then[-1]["d"]["role"]
    for kind, value in wide:
        if kind == "everyone" or (kind == "role" and value == role):
            return True
        if kind == "group" and {("agent", who[1]), ("role", role)} & _inside(logs, value, ms, set()):
            return True
    return False


def _inside(logs: Spoken, group: str, ms: int | None, seen: set[str]) -> set[tuple[str, str]]:
    """Return the agents and roles in a group and in the groups inside of it."""
    if group in seen:
        return set()
    seen.add(group)
    result = _members(logs, group, ms) or set()
    return result | {inner for kind, value in result if kind == "group" for inner in _inside(logs, value, ms, seen)}


def _all(logs: Spoken) -> Iterator[Said]:
    return (event for events in logs.values() for event in events)


def _group_names(logs: Spoken) -> set[str]:
    return {event["d"]["group"] for event in _all(logs) if event["y"] == "group.create"}


def _members(logs: Spoken, group: str, ms: int | None = None) -> set[tuple[str, str]] | None:
    """Return the members of a group now, or at `ms`; None where there is no such group."""
    removed = {(added, event["t"]) for event in _all(logs) if event["y"] in _REMOVALS for added in event["d"]["added"]}
    then = {added for added, when in removed if ms is None or when <= ms}
    alive = [
        event
        for event in _all(logs)
        if event["y"] in ("group.create", "group.member.add") and event["d"]["group"] == group
        if event["i"] not in then and (ms is None or event["t"] <= ms)
    ]
    if not any(event["y"] == "group.create" for event in alive):
        return None
    adds = [event["d"] for event in alive if event["y"] == "group.member.add"]
    return {(add["member_type"], add["member_value"]) for add in adds}


_REMOVALS = ("group.delete", "group.member.remove")


def _read(events: list[Said], message: str) -> int | None:
    """Return the time of a reader's first receipt."""
    times = [event["t"] for event in events if event["y"] == "message.read" and message in event["d"]["messages"]]
    return times[0] if times else None


# --- what a view shows ----------------------------------------------------------------------------------------------


def shown(view: sqlite3.Connection) -> World:
    """Return the state that a view shows; a message without its deliveries, or the reverse, fails."""
    state = World()
    names: dict[int, Who] = {row[0]: (row[1], row[2]) for row in view.execute("SELECT id, store, agent FROM shards")}
    ids: dict[int, str] = {}
    for number, message, content, edits, deleted in view.execute(
        "SELECT number, id, content, version, deleted_ms FROM messages"
    ):
        ids[number] = message
        state.content[message] = (content, edits)
        if deleted is not None:
            state.deleted.add(message)
    for recipient, number, read_ms in view.execute("SELECT recipient, message, read_ms FROM deliveries"):
        box = state.mailboxes.setdefault(names[recipient], {})
        assert ids[number] not in box, f"{names[recipient]} has {ids[number]} twice"
        box[ids[number]] = read_ms
    state.roles = {names[agent]: role for agent, role in view.execute("SELECT id, role FROM agents")}
    state.sessions = dict(view.execute("SELECT id, reason FROM sessions").fetchall())
    state.groups = _shown_groups(view)
    return state


def _shown_groups(view: sqlite3.Connection) -> dict[str, set[tuple[str, str]]]:
    rows = view.execute(
        "SELECT name, member_type, member_value FROM group_adds WHERE id NOT IN (SELECT id FROM group_removes)"
    ).fetchall()
    groups: dict[str, set[tuple[str, str]]] = {name: set() for name, kind, _ in rows if kind == ""}
    for name, kind, value in rows:
        if kind and name in groups:
            groups[name].add((kind, value))
    return groups
