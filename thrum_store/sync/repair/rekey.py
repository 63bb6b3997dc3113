"""Re-keying of a copied clone: it gets its own keys and appends again the events that only this copy had.

Two copies of one clone sign with one key. The second one to sync finds that the branch has another continuation of
its logs, genuinely signed. It becomes another store: the branch's logs are taken in like any other store's, and events
that the branch lacks are appended again (docs/decisions/0020). The switch is the replacement of one file,
`store.json`: killed before it, nothing happened; killed after it, the next sync finishes. Everything happens under
sync.lock and the locks of all writers.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from thrum_store import values
from thrum_store.errors import Conflict
from thrum_store.identity import creation_lock
from thrum_store.log import keys
from thrum_store.log.events import EVENT_TYPES, Draft, Event, decode, fast_parser, mint, original, thread_of
from thrum_store.log.segments import EventLog, Shard, ShardPosition
from thrum_store.machine.host import failpoint
from thrum_store.repository.former_stores import former_stores
from thrum_store.repository.paths import FORMER_LOGS, KEYS, REKEY, REKEY_STEP, STORE_FILE, STORE_KEY, shared_context
from thrum_store.store import Store
from thrum_store.sync.remote.branch import Branch, BranchTip
from thrum_store.sync.state import State
from thrum_store.sync.wire import signed_files
from thrum_store.sync.wire.signed_heads import AdmissionError, SignedHeads
from thrum_store.sync.wire.tree import StoreFiles
from thrum_store.values import NamedTuple

from .proof import prove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.log.events import Data

_REFERENCES = ("message", "messages", "reply_to", "thread", "session", "added")


class _Repeated(NamedTuple):
    """An event to append again, at its old time."""

    ms: int
    draft: Draft


def rekey(store: Store, remembered: State, branch: Branch, theirs: BranchTip) -> bool:
    """Give this clone new keys if another copy of it wrote under the same ones; return whether it did.

    Raises StoreBusy, DiskFull or StorageFailed: then nothing changed, or the next sync finishes it.
    """
    own = f"{store.own}/"
    if not any(key.startswith(own) and frozen.code == "diverged" for key, frozen in remembered.frozen.items()):
        return False
    heads = signed_files.heads(store, store.own)
    offered = branch.listing(theirs, store.log).stores.get(store.own)
    if heads is None or offered is None:
        return False
    try:
        published = {agent: _hashes(store, branch, offered, heads, agent) for agent in heads.shards}
    except AdmissionError:  # the branch does not match its signature: the logs stay frozen until that is repaired
        return False
    _switch(store, published)
    ours, _ = branch.tips()
    branch.move(theirs.commit, ours.commit)  # commits of this copy under the old key belong to no history
    remembered.forget_branch()
    remembered.count("copied")
    return True


def _hashes(store: Store, branch: Branch, offered: StoreFiles, heads: SignedHeads, agent: str) -> set[str]:
    """Return the events of one of our logs in the branch, verified up to the signed end. Raises AdmissionError."""
    proven = prove(store, branch, offered, heads, Shard(store.own, agent))
    return {decode(line, fast_parser()).hash for piece in proven.pieces for line in piece.data.split(b"\n") if line}


def _switch(store: Store, published: dict[str, set[str]] | None) -> None:
    """Give this clone new keys. `published` are the events that are not appended again, by agent; None: no event is."""
    storage, own = store.host.storage, os.path.join(store.paths.logs, store.own)
    with ExitStack() as locks:
        locks.enter_context(creation_lock(store.paths, store.host))
        for agent in (name for name in storage.listing(own) if "." not in name):
            locks.enter_context(store.shard_lock(Shard(store.own, agent)))
            store.absorb(Shard(store.own, agent))
        new = _prepare(store, published)
        _mark(store, new, stays=(store.own,) if published is None else ())
        storage.move(os.path.join(store.paths.in_var(REKEY), new), os.path.join(store.paths.logs, new))
        _replace_store(store, new)


def _mark(store: Store, new: str, stays: tuple[str, ...]) -> None:
    """Record the switch to another store; the logs of those that stay are not moved away."""
    step = values.escaped({"new": new, "old": store.own, "stays": list(stays)}).encode() + b"\n"
    store.host.storage.replace(store.paths.in_var(REKEY_STEP), step)


def _replace_store(store: Store, new: str) -> None:
    storage = store.host.storage
    failpoint("rekey.prepared")
    fields = values.loads(storage.read(store.paths.in_var(STORE_FILE)))
    fields |= {"former": sorted({*former_stores(store.paths, store.host), store.own} - {new}), "store": new}
    storage.replace(store.paths.in_var(STORE_FILE), values.escaped(fields).encode() + b"\n")
    failpoint("rekey.switched")
    finish(store)


def begin_anew(store: Store) -> None:
    """Begin a new store with the same agents; the old one's logs stay, and nobody appends to them. Under sync.lock."""
    _switch(store, None)


def take_up(store: Store, owner: str, private_key: bytes) -> None:
    """Continue as `owner`, whose logs this clone has, in place of a store without events. Only under sync.lock.

    Raises Conflict if an agent wrote into the present store meanwhile.
    """
    with creation_lock(store.paths, store.host):
        if any("." not in name for name in store.host.storage.listing(os.path.join(store.paths.logs, store.own))):
            raise Conflict("an agent began to write here meanwhile", hint="run the restore again")
        store.host.storage.replace(_key(store, owner), private_key.hex().encode() + b"\n")
        _mark(store, owner, stays=(owner,))
        _replace_store(store, owner)


def finish(store: Store) -> None:
    """Finish an interrupted re-keying, or remove its prepared files. Only under sync.lock."""
    storage = store.host.storage
    try:
        switch = values.loads(storage.read(store.paths.in_var(REKEY_STEP)))
    except FileNotFoundError:
        return
    store.refresh()
    switched = store.own == switch["new"]
    if switched:
        key = storage.read(_key(store, switch["new"]))
        storage.replace(store.paths.in_var(STORE_KEY), key)
    replaced = switch["old"] if switched else switch["new"]
    if replaced not in switch.get("stays", ()):
        _put_away(store, replaced)
    elif switched:
        store.log.second_copies.forget(replaced)
    failpoint("rekey.moved")
    store.rebuild()
    storage.remove(_key(store, switch["new"]))
    storage.remove(store.paths.in_var(REKEY_STEP))


def _put_away(store: Store, owner: str) -> None:
    """Move a store's logs away once; they are kept for people to look at."""
    store.log.second_copies.forget(owner)
    source, aside = os.path.join(store.paths.logs, owner), store.paths.in_var(FORMER_LOGS)
    store.host.storage.directory(aside)
    if owner not in store.host.storage.listing(aside) and os.path.isdir(source):
        store.host.storage.move(source, os.path.join(aside, owner))


def _key(store: Store, owner: str) -> str:
    return os.path.join(store.paths.in_var(KEYS), f"{owner}.key")


def _prepare(store: Store, published: dict[str, set[str]] | None) -> str:
    """Create keys and, beside the logs, a store with all events to append again; return its id."""
    storage, root = store.host.storage, store.paths.in_var(REKEY)
    private, public = keys.generate()
    new, now = keys.store_id(public), store.host.clock.wall_ms()
    storage.directory(os.path.join(root, new))
    storage.replace(_key(store, new), private.hex().encode() + b"\n")
    nick = f"{signed_files.certificate(store, store.own).nick[:27]}-{new[:4]}"
    storage.replace(os.path.join(root, new, signed_files.CERTIFICATE), keys.certificate(private, public, nick, now))
    log = EventLog(root, storage)
    for agent, events in _repeated(store, new, published, now).items():
        head = ShardPosition()
        for event in events:
            head = log.append(Shard(new, agent), head, [event.draft], event.ms).head
        context = signed_files.read(store, store.own, shared_context(agent))
        if context and events:
            storage.replace(os.path.join(root, new, shared_context(agent)), context)
    return new


def _repeated(store: Store, new: str, published: dict[str, set[str]] | None, now: int) -> dict[str, list[_Repeated]]:
    """Return the events that each agent appends again: its registration and the events that only this copy has.

    References to events that get new ids are changed accordingly.
    """
    new_ids: dict[str, str] = {}
    plan: dict[str, list[_Repeated]] = {}
    for agent in store.host.storage.listing(os.path.join(store.paths.logs, store.own)):
        if "." in agent:
            continue
        events = _events(store, Shard(store.own, agent))
        alone = [event for event in events if event.type in EVENT_TYPES and _is_alone(event, published)]
        begin = _registration(events, now)
        for seq, event in enumerate(alone, len(begin) + 1):
            minted, before = mint(EVENT_TYPES[event.type], event.ms, new, agent, seq), original(event).id
            new_ids |= {before: minted, thread_of(before): thread_of(minted)}
        plan[agent] = begin + [_Repeated(event.ms, Draft(event.type, event.data)) for event in alone]
    return {
        agent: [_Repeated(event.ms, _with_new_ids(event.draft, new_ids)) for event in events]
        for agent, events in plan.items()
    }


def _is_alone(event: Event, published: dict[str, set[str]] | None) -> bool:
    return published is not None and event.hash not in published.get(event.agent, ())


def _registration(events: list[Event], now: int) -> list[_Repeated]:
    last = [event for event in events if event.type in ("agent.register", "agent.delete")][-1:]
    return [_Repeated(now, Draft(event.type, event.data)) for event in last if event.type == "agent.register"]


def _with_new_ids(draft: Draft, new_ids: dict[str, str]) -> Draft:
    data: Data = {field: value for field, value in draft.data.items() if field != "again"}
    for field in _REFERENCES:
        value = data.get(field)
        if isinstance(value, str):
            data[field] = new_ids.get(value, value)
        elif value is not None:
            data[field] = [new_ids.get(reference, reference) for reference in value]
    return Draft(draft.type, data)


def _events(store: Store, shard: Shard) -> list[Event]:
    events: list[Event] = []
    head = ShardPosition()
    while True:
        reading = store.log.read(shard, head, fast_parser())
        events += reading.events
        if reading.head == head:
            return events
        head = reading.head
