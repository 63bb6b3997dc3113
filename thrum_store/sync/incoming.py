"""Intake of a branch: looks at each store and shard that it offers, and admits or refuses the news."""

from __future__ import annotations

from dataclasses import dataclass, field

from thrum_store import carry_forward
from thrum_store.log import purge_marks
from thrum_store.log.events import fingerprint
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.repository.config import GitSettings
from thrum_store.repository.former_stores import former_stores
from thrum_store.repository.paths import shared_context
from thrum_store.store import Store

from .admit_events import Admitted, admit, holds, keep_aside, reached
from .admit_heads import admit_heads
from .remote.branch import Branch, BranchTip
from .remote.repository_id import Repository
from .state import FrozenShard, KnownStore, State, key_of
from .trust import Budget, Trust, trust_in
from .wire import signed_files
from .wire.signed_heads import AdmissionError, SignedEnd, SignedHeads
from .wire.tree import Blob, Listing, StoreFiles

STORES_LIMIT = 2000
FILES_LIMIT = 64 * 1024 * 1024  # bytes of signatures and small files of one tree that are looked at


@dataclass
class Taken:
    """The result of a look. `carried` are paths that go into our tree as they are, unread or not taken yet."""

    events: int = 0
    carried: dict[str, str] = field(default_factory=dict[str, str])
    versions: dict[str, str] = field(default_factory=dict[str, str])
    more: bool = False  # a quota was used up, and there is more to take at once


class Incoming:
    """One look at a branch."""

    def __init__(
        self, store: Store, state: State, branch: Branch, settings: GitSettings, repository: Repository
    ) -> None:
        self._store, self._state, self._branch = store, state, branch
        known = settings.known | former_stores(store.paths, store.host)
        self._settings, self._repository = settings._replace(known=known), repository
        self._base, self._taken = Listing(), Taken()
        self._budget = Budget()
        self._moved = False
        self._new_heads = False  # whether the heads of the current store were unknown before

    def take(self, tip: BranchTip, base: BranchTip) -> Taken:
        """Take in the events and files of a commit; `base` is the tree that our own tree starts from."""
        listing = self._branch.listing(tip, self._store.log)
        self._base = self._branch.listing(base, self._store.log)
        known = self._base.versions.items()
        self._taken = Taken(versions=dict(pair for pair in listing.versions.items() if pair not in known))
        for code, number in listing.refused.items():
            self._state.count(code, number)
        contents = self._contents(listing)
        for owner in sorted(listing.stores)[:STORES_LIMIT]:
            try:
                self._take_store(owner, listing.stores[owner], contents)
            except AdmissionError as error:
                if owner != self._store.own or error.code != "replayed":  # a remote may well be behind us
                    self._state.count(error.code)
        if self._moved or carry_forward.pending(self._store):  # pending: a sync or a purge was interrupted
            carry_forward.remove_purged(self._store)
        return self._taken

    def _contents(self, listing: Listing) -> dict[str, bytes]:
        """Read the small files of all stores at once."""
        oids: list[str] = []
        left = FILES_LIMIT
        for files in listing.stores.values():
            for blob in files.files.values():
                left -= blob.size
                if left >= 0:
                    oids.append(blob.oid)
        return self._branch.blobs(oids)

    def _take_store(self, owner: str, offered: StoreFiles, contents: dict[str, bytes]) -> None:
        files = {path: contents[blob.oid] for path, blob in offered.files.items() if blob.oid in contents}
        if signed_files.CERTIFICATE not in files or signed_files.HEADS not in files:
            raise AdmissionError("unsigned", "a store without its certificate or its signature")
        before = signed_files.read(self._store, owner, signed_files.HEADS)
        heads = admit_heads(self._store, self._state, self._repository, owner, files)
        self._new_heads = before != files[signed_files.HEADS]
        trust = trust_in(owner, self._store.own, self._settings, self._state)
        if owner != self._store.own:
            self._raise_purge_marks(heads)
        if trust.events or trust.level == "self":
            self._save_files(heads, files)
        known = self._known(owner, trust)
        self._budget.begin(trust)
        for agent, end in heads.shards.items():
            self._take_shard(Shard(owner, agent), end, offered)
        if known is not None:
            known.behind = self._behind(heads)

    def _known(self, owner: str, trust: Trust) -> KnownStore | None:
        if owner == self._store.own:
            return None
        nick = signed_files.certificate(self._store, owner).nick
        now = self._store.host.clock.wall_ms()
        known = self._state.stores.setdefault(owner, KnownStore(nick, trust.level, now))
        known.trust = trust.level
        return known

    # signed files

    def _raise_purge_marks(self, heads: SignedHeads) -> None:
        if heads.purge_marks:
            purged = {Shard(heads.store, agent): seq for agent, seq in heads.purge_marks.items()}
            self._moved |= bool(purge_marks.raise_to(self._store.paths.var, self._store.host, purged))

    def _save_files(self, heads: SignedHeads, files: dict[str, bytes]) -> None:
        for path, digest in heads.files.items():
            data = files.get(path, b"")
            if fingerprint(data) == digest and signed_files.read(self._store, heads.store, path) != data:
                signed_files.save(self._store, heads.store, path, data)
            elif data and fingerprint(data) != digest:
                self._state.count("file")
        if self._new_heads and heads.store != self._store.own:
            self._remove_withdrawn(heads)

    def _remove_withdrawn(self, heads: SignedHeads) -> None:
        """Remove our copies of contexts that another store no longer shares."""
        for path in map(shared_context, heads.shards):
            if path not in heads.files:
                signed_files.remove(self._store, heads.store, path)

    # shards

    def _take_shard(self, shard: Shard, end: SignedEnd, offered: StoreFiles) -> None:
        """Take in one shard as far as the budget allows."""
        head, key = self._store.head(shard)[0], key_of(shard)
        segments = offered.segments.get(shard.agent, {})
        fork = self._fork(shard, head, end)
        if fork:
            self._freeze(shard, AdmissionError("diverged", fork), {}, "")
            self._carry(shard, end, segments)
        elif not reached(head, end):
            self._extend(shard, head, end, segments)
            self._carry(shard, end, segments)
        elif key in self._state.frozen and self._state.frozen[key].seq <= head.seq:
            del self._state.frozen[key]

    def _fork(self, shard: Shard, head: ShardPosition, end: SignedEnd) -> str:
        """Explain why our copy and the signed end cannot be the same shard; return an empty text if they can."""
        if (head.seq, head.segment) == (end.seq, end.segment) and head.hash != end.hash:
            return f"event {head.seq} was signed with another content"
        frozen = self._state.frozen.get(key_of(shard))
        suspicious = self._new_heads or (frozen is not None and frozen.code == "diverged")
        if shard.store == self._store.own and suspicious and reached(head, end) and not holds(self._store, shard, end):
            return "another copy of this clone writes under the same key"
        return ""

    def _extend(self, shard: Shard, head: ShardPosition, end: SignedEnd, segments: dict[int, Blob]) -> None:
        """Admit the segments after `head`, unless the budget is used up or the same offer was refused before."""
        first = 1 if self._store.purged_log.marks.of(shard) > head.seq or not head.segment else head.segment
        wanted = {number: blob for number, blob in segments.items() if first <= number <= end.segment}
        offer = fingerprint(repr((end, sorted(wanted.items()))).encode())
        frozen = self._state.frozen.get(key_of(shard))
        if self._budget.used_up:
            self._taken.more |= self._budget.postponed
        elif frozen is None or frozen.offer != offer:
            contents = self._branch.blobs(blob.oid for blob in wanted.values())
            blobs = {number: contents[blob.oid] for number, blob in wanted.items() if blob.oid in contents}
            try:
                events = self._admitted(shard, admit(self._store, shard, blobs, end, self._budget.trust.events))
            except AdmissionError as error:
                events = 0
                self._freeze(shard, error, blobs, offer)
            self._budget.spend(events, sum(blob.size for blob in wanted.values()))

    def _admitted(self, shard: Shard, admitted: Admitted) -> int:
        self._moved |= admitted.moved
        self._state.frozen.pop(key_of(shard), None)
        self._taken.events += admitted.events
        self._taken.more |= admitted.events >= self._budget.trust.events
        if shard.store in self._state.stores:
            self._state.stores[shard.store].events += admitted.events
        return admitted.events

    def _freeze(self, shard: Shard, error: AdmissionError, blobs: dict[int, bytes], offer: str) -> None:
        head, key = self._store.head(shard)[0], key_of(shard)
        before = self._state.frozen.get(key)
        if before is not None and (before.code, before.seq, before.offer) == (error.code, head.seq, offer):
            return
        self._state.count(error.code)
        now = self._store.host.clock.wall_ms()
        self._state.frozen[key] = FrozenShard(error.code, error.why, head.seq, now, offer)
        if blobs:
            keep_aside(self._store, shard, blobs)

    def _carry(self, shard: Shard, end: SignedEnd, segments: dict[int, Blob]) -> None:
        """Keep segments in the branch that we have not taken in yet.

        If two clones see different unread files, a rule that both know decides which one stays.
        """
        head = self._store.head(shard)[0]
        frozen = self._state.frozen.get(key_of(shard))
        diverged = frozen is not None and frozen.code == "diverged"
        if not diverged and (reached(head, end) or shard.store == self._store.own):
            return
        ours = self._base.stores.get(shard.store, StoreFiles()).segments.get(shard.agent, {})
        if self._store.purged_log.marks.of(shard):
            removed = [number for number in ours if number < min(segments, default=0)]
            self._taken.carried |= {self._path(shard, number): "" for number in removed}
        for number, blob in segments.items():
            new = number <= end.segment and (diverged or number >= head.segment) and blob != ours.get(number)
            if new and (frozen is None or diverged or _wins(blob, ours.get(number))):
                self._taken.carried[self._path(shard, number)] = blob.oid

    def _path(self, shard: Shard, number: int) -> str:
        return f"v1{self._store.log.segment(shard, number).removeprefix(self._store.log.root)}"

    def _behind(self, heads: SignedHeads) -> int:
        ends = (self._store.head(Shard(heads.store, agent))[0].seq for agent in heads.shards)
        return sum(max(end.seq - seq, 0) for end, seq in zip(heads.shards.values(), ends, strict=True))


def _wins(theirs: Blob, ours: Blob | None) -> bool:
    return ours is None or (theirs.size, ours.oid) > (ours.size, theirs.oid)
