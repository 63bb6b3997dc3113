"""What a branch has and we have not: looked at store by store, shard by shard, and taken in or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from thrum_store import carry_forward
from thrum_store.identity import former_stores
from thrum_store.log import purge_marks
from thrum_store.log.segments import Shard
from thrum_store.machine.digest import fingerprint
from thrum_store.store import Store

from .admit import admit, holds, keep_aside, reached
from .remote.branch import Branch, BranchTip
from .remote.repository_id import Repository
from .remote.settings import Settings
from .state import Frozen, Known, State, key_of
from .wire import signed_files
from .wire.refusal import AdmissionError
from .wire.signed_heads import SignedEnd, SignedHeads, mark, verified
from .wire.tree import Blob, Listing, Offered

STORES_LIMIT = 2000
PAPERS_LIMIT = 64 * 1024 * 1024  # bytes of signatures and small files of one tree that are looked at
BYTES_LIMIT = 64 * 1024 * 1024  # of new events in one cycle; one shard is always taken, whatever its size
_STRANGER_EVENTS, _STRANGER_BYTES, _STRANGER_TOTAL = 10_000, 16 * 1024 * 1024, 200_000  # reliability G9


@dataclass
class Taken:
    """What a look brought. `carried` are paths that go into our tree as they stand, unread or not taken yet."""

    events: int = 0
    carried: dict[str, str] = field(default_factory=dict[str, str])
    versions: dict[str, str] = field(default_factory=dict[str, str])
    more: bool = False  # a quota was reached: there is more to take at once


class Trust(NamedTuple):
    """What a store is to us: self, known, tofu (first seen through git), untrusted or blocked."""

    word: str
    events: int  # most to take at once; 0: none
    bytes: int = BYTES_LIMIT


def trust_of(store: str, own: str, settings: Settings, state: State) -> Trust:
    """How far a store is trusted."""
    if store == own:
        return Trust("self", 1 << 60)
    if store in settings.blocked:
        return Trust("blocked", 0)
    if store in settings.known:
        return Trust("known", 1 << 60)
    if settings.policy != "tofu":
        return Trust("untrusted", 0)
    taken = state.stores[store].events if store in state.stores else 0
    return Trust("tofu", max(min(_STRANGER_EVENTS, _STRANGER_TOTAL - taken), 0), _STRANGER_BYTES)


def heard(trust: Trust) -> bool:
    """Whether anything of such a store is taken in at all."""
    return trust.word not in ("blocked", "untrusted")


class Incoming:
    """One look at a branch."""

    def __init__(self, store: Store, state: State, branch: Branch, settings: Settings, repository: Repository) -> None:
        self._store, self._state, self._branch = store, state, branch
        known = settings.known | former_stores(store.paths, store.host)
        self._settings, self._repository = settings._replace(known=known), repository
        self._base, self._taken = Listing(), Taken()
        self._left = BYTES_LIMIT
        self._moved = False
        self._told_anew = False  # whether the heads that are looked at were not known before

    def take(self, tip: BranchTip, base: BranchTip) -> Taken:
        """Takes in what a commit offers; `base` is what our own tree begins with."""
        listing = self._branch.listing(tip, self._store.log)
        self._base = self._branch.listing(base, self._store.log)
        self._taken = Taken(
            versions={n: oid for n, oid in listing.versions.items() if self._base.versions.get(n) != oid}
        )
        for code, number in listing.refused.items():
            self._state.count(code, number)
        contents = self._contents(listing)
        for whose in sorted(listing.stores)[:STORES_LIMIT]:
            offered = listing.stores[whose]
            try:
                self._one_store(whose, offered, contents)
            except AdmissionError as error:
                if whose != self._store.own or error.code != "replayed":  # a remote behind us is no wonder
                    self._state.count(error.code)
        if self._moved or carry_forward.pending(self._store):  # the latter where a sync or a purge was cut short
            carry_forward.carry_out(self._store)
        return self._taken

    def _contents(self, listing: Listing) -> dict[str, bytes]:
        """The small files of all stores, in one reading."""
        wanted: list[str] = []
        room = PAPERS_LIMIT
        for offered in listing.stores.values():
            for blob in offered.files.values():
                room -= blob.size
                if room >= 0:
                    wanted.append(blob.oid)
        return self._branch.blobs(wanted)

    def _one_store(self, whose: str, offered: Offered, contents: dict[str, bytes]) -> None:
        small = {path: contents[blob.oid] for path, blob in offered.files.items() if blob.oid in contents}
        if signed_files.CARD not in small or signed_files.HEADS not in small:
            raise AdmissionError("unsigned", "a store without its card or its signature")
        before = signed_files.read(self._store, whose, signed_files.HEADS)
        told = self._heads(whose, small)
        self._told_anew = before != small[signed_files.HEADS]
        trust = trust_of(whose, self._store.own, self._settings, self._state)
        known = self._meet(whose, trust)
        if whose != self._store.own:
            self._cut(told)
        if trust.events or trust.word == "self":
            self._files(told, small)
        room = trust
        for agent, goal in told.shards.items():
            room = self._one_shard(Shard(whose, agent), goal, offered, room)
        if known is not None:
            known.behind = self._behind(told)

    def _meet(self, whose: str, trust: Trust) -> Known | None:
        if whose == self._store.own:
            return None
        nick = signed_files.card(self._store, whose).nick
        met = self._state.stores.setdefault(whose, Known(nick, trust.word, self._store.host.clock.wall_ms()))
        met.trust = trust.word
        return met

    # signatures

    def _heads(self, whose: str, small: dict[str, bytes]) -> SignedHeads:
        """The heads that count: kept, if they are newer than those we know. Raises Refusal for older or false ones."""
        offered = small[signed_files.HEADS]
        card = signed_files.card(self._store, whose, small[signed_files.CARD])
        before = signed_files.read(self._store, whose, signed_files.HEADS)
        told = verified(offered, card)
        if offered == before:
            return told
        if not self._repository.accepts(told.repo):
            self._repository.look_again([told.repo])
            if not self._repository.accepts(told.repo):
                raise AdmissionError("repository", "signed for another repository")
        if whose != self._store.own or self._old_news(told):
            self._check_newer(whose, told, offered, before)
        if not signed_files.read(self._store, whose, signed_files.CARD):
            signed_files.keep(self._store, whose, signed_files.CARD, small[signed_files.CARD])
        signed_files.keep(self._store, whose, signed_files.HEADS, offered)
        return told

    def _old_news(self, told: SignedHeads) -> bool:
        """Whether we said all of what is signed there; else a copy of this clone did, whatever it counts."""
        return all(holds(self._store, Shard(told.store, agent), goal) for agent, goal in told.shards.items())

    def _check_newer(self, whose: str, told: SignedHeads, offered: bytes, before: bytes) -> None:
        known = signed_files.heads(self._store, whose)
        if known is None or told.ctr > known.ctr + 1:
            return
        if told.ctr < known.ctr:
            raise AdmissionError("replayed", "older than what we know")
        forked = told.ctr == known.ctr or told.prev != mark(before)
        if forked:  # two machines sign with one key: say so, and let every clone choose the same of the two
            self._state.count("forked")
        if told.ctr == known.ctr and mark(offered) > mark(before):
            raise AdmissionError("replayed", "another signature of the same count is the one that counts")

    def _cut(self, told: SignedHeads) -> None:
        if told.cuts:
            purged = {Shard(told.store, agent): seq for agent, seq in told.cuts.items()}
            self._moved |= bool(purge_marks.raise_to(self._store.paths.var, self._store.host, purged))

    def _files(self, told: SignedHeads, small: dict[str, bytes]) -> None:
        for path, hashed in told.files.items():
            data = small.get(path, b"")
            if mark(data) == hashed and signed_files.read(self._store, told.store, path) != data:
                signed_files.keep(self._store, told.store, path, data)
            elif data and mark(data) != hashed:
                self._state.count("file")

    # shards

    def _one_shard(self, shard: Shard, goal: SignedEnd, offered: Offered, room: Trust) -> Trust:
        """Takes in one shard as far as there is room; what is left of it."""
        head, _ = self._store.head(shard)
        key = key_of(shard)
        forked = self._forked(shard, goal)
        if forked:
            self._freeze(shard, AdmissionError("diverged", forked), {}, "")
            self._carry(shard, goal, offered)
        elif not reached(head, goal):
            room = self._extend(shard, goal, offered, room)
        elif key in self._state.frozen and self._state.frozen[key].seq <= head.seq:
            del self._state.frozen[key]
        return room

    def _forked(self, shard: Shard, goal: SignedEnd) -> str:
        """Why what was signed and what we have cannot both be the shard, or an empty text."""
        head, _ = self._store.head(shard)
        if (head.seq, head.segment) == (goal.seq, goal.segment) and head.hash != goal.hash:
            return f"event {head.seq} was signed with another content"
        frozen = self._state.frozen.get(key_of(shard))
        doubt = self._told_anew or (frozen is not None and frozen.code == "diverged")
        if shard.store == self._store.own and doubt and reached(head, goal) and not holds(self._store, shard, goal):
            return "another copy of this clone speaks under the same key"
        return ""

    def _extend(self, shard: Shard, goal: SignedEnd, offered: Offered, room: Trust) -> Trust:
        head, _ = self._store.head(shard)
        there = offered.segments.get(shard.agent, {})
        since = 1 if self._store.purged_log.marks.of(shard) > head.seq or not head.segment else head.segment
        wanted = {n: blob for n, blob in there.items() if since <= n <= goal.segment}
        mark_of_offer = _offer(goal, wanted)
        frozen = self._state.frozen.get(key_of(shard))
        size = sum(blob.size for blob in wanted.values())
        if room.events <= 0 or self._left <= 0:
            self._taken.more |= room.word == "tofu" or self._left <= 0
        elif frozen is None or frozen.offer != mark_of_offer:
            room = self._admit(shard, goal, wanted, room)
            self._left -= size
            room = room._replace(bytes=room.bytes - size) if room.bytes > size else room._replace(events=0)
        self._carry(shard, goal, offered)
        return room

    def _admit(self, shard: Shard, goal: SignedEnd, wanted: dict[int, Blob], room: Trust) -> Trust:
        found = self._branch.blobs(blob.oid for blob in wanted.values())
        blobs = {number: found[blob.oid] for number, blob in wanted.items() if blob.oid in found}
        try:
            events, moved = admit(self._store, shard, blobs, goal, room.events)
        except AdmissionError as error:
            self._freeze(shard, error, blobs, _offer(goal, wanted))
            return room
        self._moved |= moved
        self._state.frozen.pop(key_of(shard), None)
        self._taken.events += events
        self._taken.more |= events >= room.events
        if shard.store in self._state.stores:
            self._state.stores[shard.store].events += events
        return room._replace(events=room.events - events)

    def _freeze(self, shard: Shard, error: AdmissionError, blobs: dict[int, bytes], offer: str) -> None:
        head, _ = self._store.head(shard)
        key = key_of(shard)
        before = self._state.frozen.get(key)
        if before is not None and (before.code, before.seq, before.offer) == (error.code, head.seq, offer):
            return
        self._state.count(error.code)
        now = self._store.host.clock.wall_ms()
        self._state.frozen[key] = Frozen(error.code, error.why, head.seq, now, offer)
        if blobs:
            keep_aside(self._store, shard, blobs)

    def _carry(self, shard: Shard, goal: SignedEnd, offered: Offered) -> None:
        """Segments that we could not or may not take in yet stay in the branch as they are.

        Where two clones could disagree which of two unread files it should be, a rule decides that both know.
        """
        head, _ = self._store.head(shard)
        frozen = self._state.frozen.get(key_of(shard))
        diverged = frozen is not None and frozen.code == "diverged"
        if not diverged and (reached(head, goal) or shard.store == self._store.own):
            return
        ours = self._base.stores.get(shard.store, Offered()).segments.get(shard.agent, {})
        there = offered.segments.get(shard.agent, {})
        if self._store.purged_log.marks.of(shard):
            gone = [number for number in ours if number < min(there, default=0)]
            self._taken.carried |= {self._path(shard, number): "" for number in gone}
        for number, blob in there.items():
            news = number <= goal.segment and (diverged or number >= head.segment) and blob != ours.get(number)
            if news and (frozen is None or diverged or _wins(blob, ours.get(number))):
                self._taken.carried[self._path(shard, number)] = blob.oid

    def _path(self, shard: Shard, number: int) -> str:
        return f"v1{self._store.log.segment(shard, number).removeprefix(self._store.log.root)}"

    def _behind(self, told: SignedHeads) -> int:
        ends = (self._store.head(Shard(told.store, agent))[0].seq for agent in told.shards)
        return sum(max(goal.seq - end, 0) for goal, end in zip(told.shards.values(), ends, strict=True))


def _offer(goal: SignedEnd, wanted: dict[int, Blob]) -> str:
    """What tells an offer from the next one."""
    return fingerprint(repr((goal, sorted(wanted.items()))).encode())


def _wins(theirs: Blob, ours: Blob | None) -> bool:
    return ours is None or (theirs.size, ours.oid) > (ours.size, theirs.oid)
