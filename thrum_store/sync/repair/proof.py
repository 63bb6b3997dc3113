"""What commits of the branch prove of a log: signed by its own store, chained from its first event, whole."""

from __future__ import annotations

from typing import NamedTuple

from thrum_store.log.events import fast_parser
from thrum_store.log.segments import Shard
from thrum_store.store import Store
from thrum_store.sync.remote.branch import Branch, BranchTip
from thrum_store.sync.remote.repository_id import Repository
from thrum_store.sync.wire import signed_files
from thrum_store.sync.wire.refusal import AdmissionError
from thrum_store.sync.wire.signed_heads import SignedHeads, identified, verified
from thrum_store.sync.wire.tree import Listing, Offered
from thrum_store.sync.wire.verify import NOTHING, Piece, extension, succession

_OLDER = 256  # commits that changed a log and are looked into


class Proven(NamedTuple):
    """The segments of a log up to what was signed, and how far it was purged; no segments where nothing is proven."""

    pieces: list[Piece]
    cut: int = 0

    @property
    def seq(self) -> int:
        """The last event that is proven."""
        return self.pieces[-1].head.seq if self.pieces else 0


def proven(store: Store, branch: Branch, offered: Offered, told: SignedHeads, shard: Shard) -> Proven:
    """A log as a branch has it, checked up to what was signed. Raises Refusal where any of it is not that."""
    goal = told.shards[shard.agent]
    wanted = {n: blob for n, blob in offered.segments.get(shard.agent, {}).items() if n <= goal.segment}
    found = branch.blobs(blob.oid for blob in wanted.values())
    blobs = {number: found[blob.oid] for number, blob in wanted.items() if blob.oid in found}
    cut = max(store.purged_log.marks.of(shard), told.cuts.get(shard.agent, 0))
    parse = fast_parser()
    if cut:
        return Proven(succession(shard, NOTHING, blobs, goal, cut, parse), cut)
    return Proven(extension(shard, NOTHING, b"", blobs, goal, parse))


class Proof:
    """What some commits prove; the longest counts. `deep` looks into older ones as well, where the tips have less."""

    def __init__(
        self, store: Store, branch: Branch, repository: Repository, tips: tuple[BranchTip, ...], *, deep: bool = False
    ) -> None:
        self._store, self._branch, self._repository = store, branch, repository
        self._deep = deep
        self._listings: list[Listing] = [branch.listing(tip, store.log) for tip in dict.fromkeys(tips)]

    def of(self, shard: Shard) -> Proven:
        """The longest proven copy of a log."""
        best = max((self._one(shard, listing) for listing in self._listings), key=lambda one: one.seq, default=_NONE)
        return self._older(shard, best) if self._deep else best

    def _older(self, shard: Shard, best: Proven) -> Proven:
        """A longer proof from a commit behind the tips, if there is one."""
        goal = self._known(shard)
        behind = self._branch.history(f"v1/{shard.store}/{shard.agent}", _OLDER) if best.seq < goal else []
        for tip in behind:
            best = max(best, self._one(shard, self._branch.listing(tip, self._store.log)), key=lambda one: one.seq)
            if best.seq >= goal:
                break
        return best

    def _known(self, shard: Shard) -> int:
        """The last event of a log that its store signed or that the view has."""
        told = signed_files.heads(self._store, shard.store)
        signed = told.shards[shard.agent].seq if told and shard.agent in told.shards else 0
        return max(signed, self._store.head(shard)[0].seq)

    def _one(self, shard: Shard, listing: Listing) -> Proven:
        offered = listing.stores.get(shard.store, Offered())
        try:
            told = self._heads(shard.store, offered)
            if told is None or shard.agent not in told.shards:
                return _NONE
            return proven(self._store, self._branch, offered, told, shard)
        except AdmissionError:
            return _NONE

    def _heads(self, whose: str, offered: Offered) -> SignedHeads | None:
        """What a store signed there. Raises Refusal."""
        if signed_files.CARD not in offered.files or signed_files.HEADS not in offered.files:
            return None
        named = {path: offered.files[path].oid for path in (signed_files.CARD, signed_files.HEADS)}
        found = self._branch.blobs(named.values())
        small = {path: found.get(oid, b"") for path, oid in named.items()}
        told = verified(small[signed_files.HEADS], identified(small[signed_files.CARD], whose))
        return told if self._repository.accepts(told.repo) else None


_NONE = Proven([])
