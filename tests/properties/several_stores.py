"""Events of several stores, made up by hypothesis, and their arrival at a store in some order and some batches."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.oracle import Said, Who
from thrum_store.log.events import Draft, Place, encode, encode_header, mint
from thrum_store.log.segments import EventLog, Shard
from thrum_store.machine.host import Storage
from thrum_store.repository.paths import Paths

OWN, *OTHERS = STORES = ("o" * 26, "p" * 26, "q" * 26)
NAMES = ("ann", "bob")
ROLES = ("red", "blue")
GROUPS = ("team", "crew")
SHARDS: tuple[Who, ...] = tuple((store, name) for store in STORES for name in NAMES)

shards = st.sampled_from(SHARDS)
times = st.integers(0, 5)  # few, so that clocks disagree and events meet in one millisecond
picks = st.integers(0, 999)  # the n-th of whatever there is to refer to, counted round
anybody = st.lists(st.sampled_from([*NAMES, *(f"{name}@{store}" for store, name in SHARDS)]), max_size=3)
WIDE = [["everyone", "everyone"], *(["role", role] for role in ROLES), *(["group", group] for group in GROUPS)]
wide = st.lists(st.sampled_from(WIDE), max_size=2)
members = st.one_of(
    st.tuples(st.just("agent"), st.sampled_from(NAMES)),
    st.tuples(st.just("role"), st.sampled_from(ROLES)),
    st.tuples(st.just("group"), st.sampled_from(GROUPS)),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(st.text(max_size=3), values, max_size=2)


@dataclass
class Action:
    """An event that an agent appends at some time; `pick` chooses what it refers to once all ids are known."""

    who: Who
    ms: int
    kind: str
    data: dict[str, Any]
    pick: int = 0
    bad: str = ""


def _action(kind: str, data: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Action]:
    return st.builds(Action, shards, times, st.just(kind), data, picks)


_messages = st.fixed_dictionaries(
    {"content": st.text(min_size=1, max_size=5), "format": st.just("plain"), "to": wide, "recipients": anybody},
    optional={"structured": objects, "key": st.text(min_size=1, max_size=3)},
)
_registrations = st.sampled_from(ROLES).map(
    lambda role: {"kind": "agent", "role": role, "module": "m", "display": "", "worktree": "main", "host": "h"}
)
_groups = st.sampled_from(GROUPS).map(lambda group: {"group": group})


def _membership(group: str, member: tuple[str, str]) -> dict[str, Any]:
    return {"group": group, "member_type": member[0], "member_value": member[1]}


def _addressed(body: dict[str, Any], to: list[str]) -> dict[str, Any]:
    return body | {"to": [to]}


def _both(first: list[Action], other: list[Action]) -> list[Action]:
    return [*first, *other]


_memberships = st.builds(_membership, st.sampled_from(GROUPS), members)
_sound = st.one_of(
    _action("message.create", _messages),
    _action("agent.register", _registrations),
    _action("message.read", st.just({})),
    _action("message.edit", st.fixed_dictionaries({"content": st.text(max_size=4)}, optional={"structured": objects})),
    _action("message.delete", st.just({})),
    _action("session.start", st.just({})),
    _action("session.end", st.sampled_from(["normal", "crash"]).map(lambda reason: {"reason": reason})),
    _action("group.create", _groups),
    _action("group.member.add", _memberships),
    _action("group.member.remove", _memberships),
    _action("group.delete", _groups),
)
_strange = st.one_of(
    _action("message.applaud", objects),  # a kind of a later version
    st.builds(
        Action, shards, times, st.sampled_from(["message.create", "message.read", "group.create"]), objects, picks,
        st.just("no such fields"),
    ),
    st.builds(
        Action, st.sampled_from([who for who in SHARDS if who[0] != OWN]), times, st.just("message.create"),
        _messages, picks, st.just("somebody else's id"),
    ),
)  # fmt: skip
# Most of what crosses stores needs somebody registered, a group with members, and a message to it: these come often.
_to_many = _action("message.create", st.builds(_addressed, _messages, st.sampled_from(WIDE)))
_setting = st.lists(
    st.one_of(
        _action("agent.register", _registrations), _action("group.create", _groups),
        _action("group.member.add", _memberships), _action("group.member.remove", _memberships), _to_many,
    ),
    max_size=12,
)  # fmt: skip
_more = st.lists(st.one_of(_sound, _sound, _sound, _strange), max_size=20)
actions = st.builds(_both, _setting, _more)


@dataclass
class History:
    """The events of all shards: as JSON for the oracle, and as the bytes of each segment's lines."""

    events: dict[Who, list[Said]] = field(default_factory=dict[Who, list[Said]])
    lines: dict[Who, list[bytes]] = field(default_factory=dict[Who, list[bytes]])


def history(made_up: Sequence[Action]) -> History:
    """Return these actions as events, each shard's in the order given."""
    places = _placed(made_up)
    logs = History()
    for action, (seq, identifier) in zip(made_up, places, strict=True):
        events = logs.events.setdefault(action.who, [])
        before = events[-1]["h"] if events else "0" * 32
        if action.bad == "somebody else's id":
            identifier = _another(places, identifier)
        line, own = _line(action, _filled(action, made_up, places), Place(*action.who, seq, before), identifier)
        event = json.loads(line) | {"h": own} | ({"bad": True} if action.bad else {})
        events.append(event)
        logs.lines.setdefault(action.who, []).append(line)
    return logs


def _another(places: list[tuple[int, str]], own: str) -> str:
    taken = [identifier for _, identifier in places if identifier != own]
    return next((identifier for identifier in taken if identifier.startswith("msg_")), "msg_" + "0" * 26)


_PREFIXES = {"message.create": "msg_", "session.start": "ses_", "group.create": "grp_"}


def _placed(made_up: Sequence[Action]) -> list[tuple[int, str]]:
    """Sequence and id of each action, known before their data, so that any may refer to any."""
    lengths: dict[Who, int] = {}
    placed: list[tuple[int, str]] = []
    for action in made_up:
        seq = lengths[action.who] = lengths.get(action.who, 0) + 1
        placed.append((seq, mint(_PREFIXES.get(action.kind, "evt_"), action.ms, *action.who, seq)))
    return placed


def _filled(action: Action, made_up: Sequence[Action], places: list[tuple[int, str]]) -> dict[str, Any]:
    """Return the action's data with the ids it refers to."""
    if action.bad == "no such fields":
        return action.data

    def ids(*kinds: str, **same: str) -> list[str]:
        matching = [
            identifier
            for other, (_, identifier) in zip(made_up, places, strict=True)
            if other.kind in kinds and not other.bad and all(other.data.get(key) == same[key] for key in same)
        ]
        return [matching[action.pick % len(matching)]] if matching else []

    reference: dict[str, Any] = {}
    if action.kind in ("message.edit", "message.delete"):
        reference = {"message": (ids("message.create") or ["msg_"])[0]}
    elif action.kind == "message.read":
        reference = {"messages": ids("message.create")}
    elif action.kind == "session.end":
        reference = {"session": (ids("session.start") or ["ses_"])[0]}
    elif action.kind in ("group.member.remove", "group.delete"):
        reference = {"added": ids("group.create", "group.member.add", group=action.data["group"])}
    return action.data | reference


def _line(action: Action, data: dict[str, Any], place: Place, identifier: str) -> tuple[bytes, str]:
    """Return the line, made by hand; where our own code could have written it, it must have written the same."""
    fields = {
        "a": place.agent, "d": data, "i": identifier, "n": place.seq, "p": place.before, "s": place.store,
        "t": action.ms, "v": 1, "y": action.kind,
    }  # fmt: skip
    body = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    own = hashlib.sha256(body).hexdigest()[:32]
    at = body.rindex(b',"i":"')
    line = b'%b,"h":"%b"%b\n' % (body[:at], own.encode(), body[at:])
    if not action.bad and action.kind != "message.applaud":
        assert encode(Draft(action.kind, data), place, action.ms)[0] == line
    return line, own


class Arrivals:
    """A store on disk into which shards grow line by line, as a fetch would bring them."""

    def __init__(self, root: Path, logs: History, breaks: set[int]) -> None:
        thrum = str(root / ".thrum")
        self.paths = Paths(str(root), str(root / ".git"), str(root / ".git"), thrum, thrum, os.path.join(thrum, "var"))
        for directory in ("locks", "bells"):
            (root / ".thrum" / "var" / directory).mkdir(parents=True)
        (root / ".thrum" / "var" / "store.json").write_text(json.dumps({"store": OWN}))
        self._log = EventLog(self.paths.logs, Storage())
        self._logs = logs
        self._breaks = breaks
        self._arrived: dict[Who, int] = {}
        self._segment: dict[Who, int] = {}

    def left(self, who: Who) -> int:
        """Return how many events of a shard have not arrived."""
        return len(self._logs.lines.get(who, [])) - self._arrived.get(who, 0)

    def bring(self, who: Who, count: int) -> None:
        """Let the next events of a shard arrive."""
        for _ in range(min(count, self.left(who))):
            at = self._arrived.get(who, 0)
            if at == 0 or at in self._breaks:
                self._begin_segment(who, at)
            with open(self._path(who), "ab") as file:
                file.write(self._logs.lines[who][at])
            self._arrived[who] = at + 1

    def _begin_segment(self, who: Who, at: int) -> None:
        length = os.path.getsize(self._path(who)) if at else 0
        before = self._logs.events[who][at - 1]["h"] if at else "0" * 32
        self._segment[who] = self._segment.get(who, 0) + 1
        path = Path(self._path(who))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_header(Place(*who, at + 1, before), self._segment[who], length))

    def _path(self, who: Who) -> str:
        return self._log.segment(Shard(*who), self._segment.get(who, 1))
