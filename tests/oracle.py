"""What the store must show, worked out a second time: slowly, from the files, and without the code under test.

`spoken` reads the logs and checks their chains. `world` says what follows from what was said. `shown` reads the same
from a view. A test that broke something compares the last two.
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
    speakers: dict[str, Who] = field(default_factory=dict[str, Who], compare=False)  # of messages and sessions


# --- the logs, read by hand -----------------------------------------------------------------------------------------


def spoken(logs: str | Path) -> dict[Who, list[Said]]:
    """Every event of every shard, the chains checked."""
    found: dict[Who, list[Said]] = {}
    for directory in sorted(path for path in Path(logs).glob("*/*") if path.is_dir()):
        who = (directory.parent.name, directory.name)
        events = list(_chained(_lines(directory), who))
        if events:
            found[who] = events
    return found


def _lines(directory: Path) -> Iterator[Said]:
    """The lines that count: of each segment as many bytes as the next one's header says."""
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


def world(said: Spoken) -> World:
    """What everybody must see once all of this was applied, in whatever order."""
    told = World()
    said = {who: [event for event in events if "bad" not in event] for who, events in said.items()}
    for who, events in said.items():
        for event in events:
            _own(told, who, event)
    for who, events in said.items():
        for event in events:
            if event["y"] == "message.create" and event["i"] not in told.deleted:
                for recipient in _recipients(said, who, event):
                    box = told.mailboxes.setdefault(recipient, {})
                    box[event["i"]] = _read(said.get(recipient, []), event["i"])
    told.groups = {name: found for name in _group_names(said) if (found := _members(said, name)) is not None}
    return told


def _own(told: World, who: Who, event: Said) -> None:
    """What concerns only the speaker's own shard."""
    data, kind = event["d"], event["y"]
    if kind in ("message.create", "session.start"):
        told.speakers[event["i"]] = who
    if kind == "message.create":
        told.content[event["i"]] = (data["content"], 0)
    elif kind in ("message.edit", "message.delete") and _wrote(told, who, data["message"]):
        _, edits = told.content[data["message"]]
        if kind == "message.delete":
            told.deleted.add(data["message"])
            told.content[data["message"]] = ("", edits)
        else:
            told.content[data["message"]] = (data["content"], edits + 1)
    elif kind == "agent.register":
        told.roles[who] = data["role"]
    elif kind == "session.start":
        told.sessions[event["i"]] = None
    elif kind == "session.end" and told.speakers.get(data["session"]) == who:
        told.sessions[data["session"]] = told.sessions[data["session"]] or data["reason"]


def _wrote(told: World, who: Who, message: str) -> bool:
    return message in told.content and told.speakers[message] == who and message not in told.deleted


def _recipients(said: Spoken, author: Who, event: Said) -> set[Who]:
    named = {(name.partition("@")[2] or author[0], name.partition("@")[0]) for name in event["d"]["recipients"]}
    wide = [tuple(address) for address in event["d"]["to"] if address[0] != "agent"]
    late = {who for who in said if who[0] != author[0] and _reached(said, who, wide, event["t"])}
    return (named - {author}) | late


def _reached(said: Spoken, who: Who, wide: list[tuple[str, ...]], ms: int) -> bool:
    """Whether an agent of another store was there at that time, as somebody a wide address means."""
    roles = [event["d"]["role"] for event in said[who] if event["y"] == "agent.register" and event["t"] <= ms]
    if not roles:
        return False
    for kind, value in wide:
        if kind == "everyone" or (kind == "role" and value == roles[-1]):
            return True
        if kind == "group" and {("agent", who[1]), ("role", roles[-1])} & _inside(said, value, ms, set()):
            return True
    return False


def _inside(said: Spoken, group: str, ms: int | None, seen: set[str]) -> set[tuple[str, str]]:
    """The agents and roles in a group and in the groups inside of it."""
    if group in seen:
        return set()
    seen.add(group)
    found = _members(said, group, ms) or set()
    return found | {inner for kind, value in found if kind == "group" for inner in _inside(said, value, ms, seen)}


def _all(said: Spoken) -> Iterator[Said]:
    return (event for events in said.values() for event in events)


def _group_names(said: Spoken) -> set[str]:
    return {event["d"]["group"] for event in _all(said) if event["y"] == "group.create"}


def _members(said: Spoken, group: str, ms: int | None = None) -> set[tuple[str, str]] | None:
    """Who is in a group now, or was at `ms`; None where there is no such group."""
    removed = {(added, event["t"]) for event in _all(said) if event["y"] in _REMOVALS for added in event["d"]["added"]}
    then = {added for added, when in removed if ms is None or when <= ms}
    alive = [
        event
        for event in _all(said)
        if event["y"] in ("group.create", "group.member.add") and event["d"]["group"] == group
        if event["i"] not in then and (ms is None or event["t"] <= ms)
    ]
    if not any(event["y"] == "group.create" for event in alive):
        return None
    adds = [event["d"] for event in alive if event["y"] == "group.member.add"]
    return {(add["member_type"], add["member_value"]) for add in adds}


_REMOVALS = ("group.delete", "group.member.remove")


def _read(events: list[Said], message: str) -> int | None:
    """When a reader said first that they read it."""
    times = [event["t"] for event in events if event["y"] == "message.read" and message in event["d"]["messages"]]
    return times[0] if times else None


# --- what a view shows ----------------------------------------------------------------------------------------------


def shown(view: sqlite3.Connection) -> World:
    """The same, as a view has it; a message without its deliveries or a delivery without its message fails here."""
    told = World()
    names: dict[int, Who] = {row[0]: (row[1], row[2]) for row in view.execute("SELECT id, store, agent FROM shards")}
    ids: dict[int, str] = {}
    for number, message, content, edits, deleted in view.execute(
        "SELECT number, id, content, version, deleted_ms FROM messages"
    ):
        ids[number] = message
        told.content[message] = (content, edits)
        if deleted is not None:
            told.deleted.add(message)
    for recipient, number, read_ms in view.execute("SELECT recipient, message, read_ms FROM deliveries"):
        box = told.mailboxes.setdefault(names[recipient], {})
        assert ids[number] not in box, f"{names[recipient]} has {ids[number]} twice"
        box[ids[number]] = read_ms
    told.roles = {names[agent]: role for agent, role in view.execute("SELECT id, role FROM agents")}
    told.sessions = dict(view.execute("SELECT id, reason FROM sessions").fetchall())
    told.groups = _shown_groups(view)
    return told


def _shown_groups(view: sqlite3.Connection) -> dict[str, set[tuple[str, str]]]:
    rows = view.execute(
        "SELECT name, member_type, member_value FROM group_adds WHERE id NOT IN (SELECT id FROM group_removes)"
    ).fetchall()
    groups: dict[str, set[tuple[str, str]]] = {name: set() for name, kind, _ in rows if kind == ""}
    for name, kind, value in rows:
        if kind and name in groups:
            groups[name].add((kind, value))
    return groups
