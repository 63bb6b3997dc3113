"""Proofs of a log from commits of the branch: signed by its own store, chained from its first event, whole."""

from __future__ import annotations

from thrum_store.log.events import fast_parser
from thrum_store.log.segments import Shard
from thrum_store.store import Store
from thrum_store.sync.remote.branch import Branch, BranchTip
from thrum_store.sync.remote.repository_id import Repository
from thrum_store.sync.wire import signed_files
from thrum_store.sync.wire.signed_heads import AdmissionError, SignedHeads, verify_certificate, verify_heads
from thrum_store.sync.wire.tree import Listing, StoreFiles
from thrum_store.sync.wire.verify import START, Piece, verify_extension, verify_purged
from thrum_store.values import NamedTuple

_HISTORY_LIMIT = 256  # commits that changed a log and are looked into


class Proven(NamedTuple):
    """The segments of a log up to its signed end, and how far it was purged; no segments if nothing is proven."""

    pieces: list[Piece]
    purged: int = 0

    @property
    def seq(self) -> int:
        """The last event that is proven."""
        return self.pieces[-1].head.seq if self.pieces else 0


def prove(store: Store, branch: Branch, offered: StoreFiles, heads: SignedHeads, shard: Shard) -> Proven:
    """Verify a log in a branch up to its signed end. Raises AdmissionError."""
    end = heads.shards[shard.agent]
    wanted = {n: blob for n, blob in offered.segments.get(shard.agent, {}).items() if n <= end.segment}
    contents = branch.blobs(blob.oid for blob in wanted.values())
    blobs = {number: contents[blob.oid] for number, blob in wanted.items() if blob.oid in contents}
    purged = max(store.purged_log.marks.of(shard), heads.purge_marks.get(shard.agent, 0))
    if purged:
        return Proven(verify_purged(shard, START, blobs, end, purged, fast_parser()), purged)
    return Proven(verify_extension(shard, START, b"", blobs, end, fast_parser()))


class Proof:
    """The longest proven copies of logs in some commits; `deep` also searches older commits if those have less."""

    def __init__(
        self, store: Store, branch: Branch, repository: Repository, tips: tuple[BranchTip, ...], *, deep: bool = False
    ) -> None:
        self._store, self._branch, self._repository = store, branch, repository
        self._deep = deep
        self._listings: list[Listing] = [branch.listing(tip, store.log) for tip in dict.fromkeys(tips)]

    def of(self, shard: Shard) -> Proven:
        """Return the longest proven copy of a log."""
        best = max((self._in(shard, listing) for listing in self._listings), key=_seq, default=_NONE)
        return self._in_history(shard, best) if self._deep else best

    def _in_history(self, shard: Shard, best: Proven) -> Proven:
        """Return the longest proven copy in the older commits of the branch, or `best`."""
        known = self._known(shard)
        tips = self._branch.history(f"v1/{shard.store}/{shard.agent}", _HISTORY_LIMIT) if best.seq < known else []
        for tip in tips:
            best = max(best, self._in(shard, self._branch.listing(tip, self._store.log)), key=_seq)
            if best.seq >= known:
                break
        return best

    def _known(self, shard: Shard) -> int:
        """Return the last event of a log that its store signed or that the view has."""
        heads = signed_files.heads(self._store, shard.store)
        signed = heads.shards[shard.agent].seq if heads and shard.agent in heads.shards else 0
        return max(signed, self._store.head(shard)[0].seq)

    def _in(self, shard: Shard, listing: Listing) -> Proven:
        offered = listing.stores.get(shard.store, StoreFiles())
        try:
            heads = self._heads(shard.store, offered)
            if heads is None or shard.agent not in heads.shards:
                return _NONE
            return prove(self._store, self._branch, offered, heads, shard)
        except AdmissionError:
            return _NONE

    def _heads(self, owner: str, offered: StoreFiles) -> SignedHeads | None:
        """Return the heads that a store signed for this repository. Raises AdmissionError."""
        if signed_files.CERTIFICATE not in offered.files or signed_files.HEADS not in offered.files:
            return None
        oids = [offered.files[path].oid for path in (signed_files.CERTIFICATE, signed_files.HEADS)]
        contents = self._branch.blobs(oids)
        certificate, heads = (contents.get(oid, b"") for oid in oids)
        signed = verify_heads(heads, verify_certificate(certificate, owner))
        return signed if self._repository.accepts(signed.repo) else None


def _seq(proven: Proven) -> int:
    return proven.seq


_NONE = Proven([])
