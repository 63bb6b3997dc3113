"""A copied clone gets keys of its own, and says again under them what only it had said (docs/decisions/0020).

Two copies of one clone sign with one key. The second one to sync finds that the branch has another continuation of
its logs, truly signed. It becomes another store: what the branch has is taken in like any other store's, and what it
has not is said again. The switch is one replaced file, `store.json`: killed before it, nothing happened; killed after
it, the next sync finishes. All under sync.lock, and under the locks of all who write.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from typing import NamedTuple

from thrum_store.identity import creation_lock, former_stores
from thrum_store.log import keys
from thrum_store.log.events import EVENT_TYPES, Draft, Event, decode, fast_parser, mint, original, thread_of
from thrum_store.log.segments import EventLog, Shard, ShardPosition
from thrum_store.machine.storage import failpoint
from thrum_store.repository.paths import FORMER_LOGS, KEYS, REKEY, REKEY_JOURNAL, STORE_FILE, STORE_KEY
from thrum_store.store import Store
from thrum_store.sync.remote.branch import Branch, BranchTip
from thrum_store.sync.state import State
from thrum_store.sync.wire import signed_files
from thrum_store.sync.wire.refusal import AdmissionError
from thrum_store.sync.wire.signed_heads import SignedHeads
from thrum_store.sync.wire.tree import Offered

from .proof import proven

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.log.events import Data

_REFERENCES = ("message", "messages", "reply_to", "thread", "session", "added")


class _Said(NamedTuple):
    """One thing to say again, at its old time."""

    ms: int
    draft: Draft


def renew(store: Store, remembered: State, branch: Branch, theirs: BranchTip) -> bool:
    """Gives this clone new keys, if another copy of it spoke under the same ones; whether it did.

    Raises StoreBusy, DiskFull or StorageFailed: then nothing changed, or the next sync finishes it.
    """
    own = f"{store.own}/"
    if not any(key.startswith(own) and one.code == "diverged" for key, one in remembered.frozen.items()):
        return False
    told = signed_files.heads(store, store.own)
    offered = branch.listing(theirs, store.log).stores.get(store.own)
    if told is None or offered is None:
        return False
    try:
        published = {agent: _hashes(store, branch, offered, told, agent) for agent in told.shards}
    except AdmissionError:  # what the branch has is not what was signed: it stays stopped until that is mended
        return False
    _switch(store, published)
    ours, _ = branch.tips()
    branch.move(theirs.commit, ours.commit)  # what this copy committed under the old key is nobody's history
    remembered.forget()
    remembered.count("copied")
    return True


def _hashes(store: Store, branch: Branch, offered: Offered, told: SignedHeads, agent: str) -> set[str]:
    """The events of one of our logs that the branch has, checked up to what was signed. Raises Refusal."""
    found = proven(store, branch, offered, told, Shard(store.own, agent))
    return {decode(line, fast_parser()).hash for piece in found.pieces for line in piece.data.split(b"\n") if line}


def _switch(store: Store, published: dict[str, set[str]]) -> None:
    storage, own = store.host.storage, os.path.join(store.paths.logs, store.own)
    with ExitStack() as locks:
        locks.enter_context(creation_lock(store.paths, store.host))
        for agent in (name for name in storage.listing(own) if "." not in name):
            locks.enter_context(store.shard_lock(Shard(store.own, agent)))
            store.absorb(Shard(store.own, agent))
        old, new = store.own, _prepare(store, published)
        journal = store.paths.in_var(REKEY_JOURNAL)
        storage.replace(journal, json.dumps({"new": new, "old": old}).encode() + b"\n")
        storage.move(os.path.join(store.paths.in_var(REKEY), new), os.path.join(store.paths.logs, new))
        failpoint("renewal.prepared")
        told = json.loads(storage.read(store.paths.in_var(STORE_FILE)))
        told |= {"former": sorted({*former_stores(store.paths, store.host), old}), "store": new}
        storage.replace(store.paths.in_var(STORE_FILE), json.dumps(told).encode() + b"\n")
        failpoint("renewal.switched")
        finish(store)


def finish(store: Store) -> None:
    """Finishes a renewal that was cut short, or clears away what it had prepared. Only under sync.lock."""
    storage, var = store.host.storage, store.paths.var
    try:
        told = json.loads(storage.read(os.path.join(var, REKEY_JOURNAL)))
    except FileNotFoundError:
        return
    store.refresh()
    done = store.own == told["new"]
    if done:
        key = storage.read(_key(store, told["new"]))
        storage.replace(os.path.join(var, STORE_KEY), key)
    _put_away(store, told["old"] if done else told["new"])
    failpoint("renewal.moved")
    store.rebuild()
    storage.remove(_key(store, told["new"]))
    storage.remove(os.path.join(var, REKEY_JOURNAL))


def _put_away(store: Store, whose: str) -> None:
    """Moves a store's logs out of the way, once; they stay for whoever wants to look."""
    source, aside = os.path.join(store.paths.logs, whose), store.paths.in_var(FORMER_LOGS)
    store.host.storage.directory(aside)
    if whose not in store.host.storage.listing(aside) and os.path.isdir(source):
        store.host.storage.move(source, os.path.join(aside, whose))


def _key(store: Store, whose: str) -> str:
    return os.path.join(store.paths.in_var(KEYS), f"{whose}.key")


def _prepare(store: Store, published: dict[str, set[str]]) -> str:
    """Makes keys, and beside the logs a store with all that has to be said again; its id."""
    storage, root = store.host.storage, store.paths.in_var(REKEY)
    private, public = keys.generate()
    new, now = keys.store_id(public), store.host.clock.wall_ms()
    storage.directory(os.path.join(root, new))
    storage.replace(_key(store, new), private.hex().encode() + b"\n")
    nick = f"{signed_files.card(store, store.own).nick[:27]}-{new[:4]}"
    storage.replace(os.path.join(root, new, signed_files.CARD), keys.certificate(private, public, nick, now))
    log = EventLog(root, storage)
    for agent, said in _again(store, new, published, now).items():
        head = ShardPosition()
        for one in said:
            head = log.append(Shard(new, agent), head, [one.draft], one.ms).head
        context = signed_files.read(store, store.own, f"{agent}/context.md")
        if context and said:
            storage.replace(os.path.join(root, new, agent, "context.md"), context)
    return new


def _again(store: Store, new: str, published: dict[str, set[str]], now: int) -> dict[str, list[_Said]]:
    """What each agent has to say again: who it is, and what only this copy has; references follow."""
    names: dict[str, str] = {}
    plan: dict[str, list[_Said]] = {}
    for agent in store.host.storage.listing(os.path.join(store.paths.logs, store.own)):
        if "." not in agent:
            events = _events(store, Shard(store.own, agent))
            alone = [one for one in events if one.type in EVENT_TYPES and one.hash not in published.get(agent, ())]
            said = _registration(events, now) + [_Said(one.ms, Draft(one.type, one.data)) for one in alone]
            first = len(said) - len(alone) + 1
            for seq, one in enumerate(alone, first):
                became, was = mint(EVENT_TYPES[one.type], one.ms, new, agent, seq), original(one).id
                names |= {was: became, thread_of(was): thread_of(became)}
            plan[agent] = said
    return {agent: [_Said(one.ms, _renamed(one.draft, names)) for one in said] for agent, said in plan.items()}


def _registration(events: list[Event], now: int) -> list[_Said]:
    last = [one for one in events if one.type in ("agent.register", "agent.delete")][-1:]
    return [_Said(now, Draft(one.type, one.data)) for one in last if one.type == "agent.register"]


def _renamed(draft: Draft, names: dict[str, str]) -> Draft:
    data: Data = {field: value for field, value in draft.data.items() if field != "again"}
    for field in _REFERENCES:
        value = data.get(field)
        if isinstance(value, str):
            data[field] = names.get(value, value)
        elif value is not None:
            data[field] = [names.get(one, one) for one in value]
    return Draft(draft.type, data)


def _events(store: Store, shard: Shard) -> list[Event]:
    found: list[Event] = []
    head = ShardPosition()
    while True:
        reading = store.log.read(shard, head, fast_parser())
        found += reading.events
        if reading.head == head:
            return found
        head = reading.head
