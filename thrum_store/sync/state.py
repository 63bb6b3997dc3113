"""What the sync remembers between two cycles, in `.thrum/var/sync.json`; without it everything is looked at anew."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

from thrum_store.log.segments import Shard
from thrum_store.machine.host import Host
from thrum_store.repository.paths import SYNC_STATE

VERSION = 1


@dataclass
class Frozen:
    """A shard that is not taken in any further: why, after which sequence, since when, and what was offered."""

    code: str
    why: str
    seq: int
    since_ms: int
    offer: str = ""


@dataclass
class Repair:
    """A log that was damaged: when it was looked at, the first and the last event that came back from the branch, those
    that did not and why, and which commits were asked."""

    at_ms: int
    back: list[int]
    lost: list[int]
    why: str
    tips: str


def key_of(shard: Shard) -> str:
    """What a shard is called in there."""
    return f"{shard.store}/{shard.agent}"


def shard_of(key: str) -> Shard:
    """The shard that is called so in there."""
    return Shard(*key.split("/", 1))


def sentence(shard: str, repair: Repair) -> str:
    """What became of a log that was damaged."""
    whose, _, agent = shard.partition("/")
    told = [f"{extent(repair.back)} came back from the branch"] if repair.back else []
    if repair.lost:
        told.append(f"{extent(repair.lost)} cannot be read, and the branch does not have them: {repair.why}")
    return f"the log of @{agent} ({whose[:8]}) was damaged: {'; '.join(told)}"


def extent(events: list[int]) -> str:
    """From one event to another, in words."""
    first, last = events
    return f"event {first}" if first == last else f"events {first} to {last}"


@dataclass
class Known:
    """Another store: its nick, how it is trusted, since when, and how many events of it were taken in."""

    nick: str
    trust: str
    since_ms: int
    events: int = 0
    behind: int = 0  # events that it signed and that we have not


@dataclass
class State:
    """All of it. Shards are written `<store>/<agent>`."""

    tip: str = ""  # our last commit
    packed: str = ""  # the last commit whose objects we packed
    unpacked: int = 0  # how often our branch moved since
    published: dict[str, list[int]] = field(
        default_factory=dict[str, list[int]]
    )  # shard -> segment and bytes that are in `tip`
    files: dict[str, str] = field(default_factory=dict[str, str])  # other paths in `tip` -> their hash
    seen: dict[str, str] = field(default_factory=dict[str, str])  # remote -> the tip that was wholly looked at, and how
    pushed: dict[str, int] = field(default_factory=dict[str, int])  # own agent -> sequence that the remote has
    frozen: dict[str, Frozen] = field(default_factory=dict[str, Frozen])
    stores: dict[str, Known] = field(default_factory=dict[str, Known])
    doubted: list[str] = field(default_factory=list[str])  # shards whose files are not what they were
    repairs: dict[str, Repair] = field(default_factory=dict[str, Repair])
    counters: dict[str, int] = field(default_factory=dict[str, int])  # what was refused, by code
    probes: dict[str, list[int]] = field(
        default_factory=dict[str, list[int]]
    )  # url -> what a stranger is answered, and when we asked
    last_sync_ms: int | None = None
    last_error: str | None = None
    last_error_code: str | None = None
    last_error_hint: str | None = None

    def count(self, code: str, number: int = 1) -> None:
        """Counts something that was refused."""
        self.counters[code] = self.counters.get(code, 0) + number

    def forget(self) -> None:
        """Forgets what is in the branch and what was looked at: all of it is looked at anew."""
        fresh = State()
        self.tip, self.published, self.files = fresh.tip, fresh.published, fresh.files
        self.seen, self.pushed, self.frozen = fresh.seen, fresh.pushed, fresh.frozen


def load(var: str, host: Host) -> State:
    """What was remembered; nothing where there is no file or one that cannot be read."""
    try:
        told: dict[str, Any] = json.loads(host.storage.read(os.path.join(var, SYNC_STATE)))
        if told.pop("version") != VERSION:
            return State()
        state = State(**told)
        state.frozen = {shard: Frozen(**one) for shard, one in told["frozen"].items()}
        state.repairs = {shard: Repair(**one) for shard, one in told.get("repairs", {}).items()}
        state.stores = {store: Known(**one) for store, one in told["stores"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return State()
    return state


def save(var: str, host: Host, state: State) -> None:
    """Remembers it, atomically. Only under sync.lock.

    Not durably: a power cut may take it, and each sync of the disk is one that somebody's message waits for.
    """
    told = {**asdict(state), "version": VERSION}
    host.storage.jot(os.path.join(var, SYNC_STATE), json.dumps(told, indent=1, sort_keys=True).encode() + b"\n")
