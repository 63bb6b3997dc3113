"""The memory of the sync between two cycles, in `sync.json` in var; without it everything is looked at again."""

from __future__ import annotations

import os

from thrum_store.errors import StorageFailed
from thrum_store.identity import short_id
from thrum_store.log.segments import Shard
from thrum_store.repository.paths import SYNC_STATE
from thrum_store.values import Record, fields_of, loads, readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from thrum_store.machine.host import Host

VERSION = 1
FROM_BACKUP = "backup"  # in place of the commits that a log was repaired from
UNFINISHED = "unfinished"  # the look at a branch whose rest the next sync takes in


class FrozenShard(Record):
    """A shard that is no longer taken in: why, after which event, since when, and a fingerprint of the offer."""

    code: str
    why: str
    seq: int
    since_ms: int
    offer: str = ""


class Repair(Record):
    """The repair of a damaged log, at a time and from some commits of the branch.

    `back` and `lost`: the first and the last event that came back, or that did not; empty: none. `why`: the damage.
    """

    at_ms: int
    back: list[int]
    lost: list[int]
    why: str
    tips: str


class KnownStore:
    """Another store: its nick, the trust in it, since when it is known, and how many of its events were taken in.

    `behind`: events that it signed and that we lack.
    """

    def __init__(self, nick: str, trust: str, since_ms: int, events: int = 0, behind: int = 0) -> None:
        self.nick, self.trust, self.since_ms = nick, trust, since_ms
        self.events, self.behind = events, behind


def key_of(shard: Shard) -> str:
    """Return the key of a shard in sync.json, `<store>/<agent>`."""
    return f"{shard.store}/{shard.agent}"


def shard_of(key: str) -> Shard:
    """Parse the key of a shard in sync.json."""
    return Shard(*key.split("/", 1))


def sentence(key: str, repair: Repair) -> str:
    """Describe the repair of a log for people."""
    store, agent = shard_of(key)
    source = "backup" if repair.tips == FROM_BACKUP else "branch"
    parts = [f"{extent(repair.back)} came back from the {source}"] if repair.back else []
    if repair.lost:
        parts.append(f"{extent(repair.lost)} cannot be read, and the {source} does not have them: {repair.why}")
    return f"the log of @{agent} ({short_id(store)}) was damaged: {'; '.join(parts)}"


def extent(events: list[int]) -> str:
    """Describe a range of events for people."""
    first, last = events
    return f"event {first}" if first == last else f"events {first} to {last}"


class State:
    """Everything that the sync remembers. Keys of shards are written `<store>/<agent>`."""

    def __init__(self) -> None:
        self.tip = ""  # our last commit
        self.packed = ""  # the last commit whose objects we packed
        self.unpacked = 0  # moves of our branch since
        self.published: dict[str, list[int]] = {}  # shard -> segment, bytes in `tip`
        self.files: dict[str, str] = {}  # other paths in `tip` -> their hash
        self.seen: dict[str, str] = {}  # remote -> the tip that was looked at completely
        self.pushed: dict[str, int] = {}  # own agent -> last event that the remote has
        self.frozen: dict[str, FrozenShard] = {}
        self.stores: dict[str, KnownStore] = {}
        self.suspects: list[str] = []  # shards that may be damaged; `doubted` in the file
        self.repairs: dict[str, Repair] = {}
        self.counters: dict[str, int] = {}  # refusals by code
        self.probes: dict[str, list[int]] = {}  # url -> anonymous answer and its time
        self.last_sync_ms: int | None = None
        self.last_error: str | None = None
        self.last_error_code: str | None = None
        self.last_error_hint: str | None = None

    def count(self, code: str, number: int = 1) -> None:
        """Count refusals of one code."""
        self.counters[code] = self.counters.get(code, 0) + number

    def commits(self) -> set[str]:
        """Return the commits that we made or looked at."""
        return {self.tip, *(look.partition(" ")[0] for look in self.seen.values())}

    def look_again(self) -> None:
        """Forget the looks at branches that were complete."""
        self.seen = {name: look for name, look in self.seen.items() if look == UNFINISHED}

    def forget_branch(self) -> None:
        """Forget the contents of the branch and all looks at it."""
        fresh = State()
        self.tip, self.published, self.files = fresh.tip, fresh.published, fresh.files
        self.seen, self.pushed, self.frozen = fresh.seen, fresh.pushed, fresh.frozen


def load(var: str, host: Host) -> State:
    """Return the remembered state; a new one if the file is missing or cannot be read."""
    state = State()
    try:
        fields: dict[str, Any] = loads(host.storage.read(os.path.join(var, SYNC_STATE)))
        if fields.pop("version") != VERSION:
            return State()
        fields["suspects"] = fields.pop("doubted", [])
        fields["frozen"] = {key: FrozenShard(**frozen) for key, frozen in fields["frozen"].items()}
        fields["repairs"] = {key: Repair(**repair) for key, repair in fields.get("repairs", {}).items()}
        fields["stores"] = {store: KnownStore(**known) for store, known in fields["stores"].items()}
    except (FileNotFoundError, StorageFailed, ValueError, KeyError, TypeError, AttributeError):
        return State()
    if not fields.keys() <= vars(state).keys():
        return State()
    vars(state).update(fields)
    return state


def save(var: str, host: Host, state: State) -> None:
    """Save the state atomically, under sync.lock.

    Not durably: a power cut may lose it, and each fsync would delay somebody's message.
    """
    fields = {**vars(state), "version": VERSION}
    fields["doubted"] = fields.pop("suspects")
    fields["frozen"] = {key: _fields(frozen) for key, frozen in state.frozen.items()}
    fields["repairs"] = {key: _fields(repair) for key, repair in state.repairs.items()}
    fields["stores"] = {store: vars(known) for store, known in state.stores.items()}
    data = readable(dict(sorted(fields.items()))).encode() + b"\n"
    host.storage.replace_unsynced(os.path.join(var, SYNC_STATE), data)


def _fields(record: Record) -> dict[str, object]:
    return {name: getattr(record, name) for name in fields_of(record) or ()}
