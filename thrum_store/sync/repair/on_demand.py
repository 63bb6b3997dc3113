"""Mending logs on demand: what of them can come back, bringing it back, giving up what cannot (reliability §5.7)."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress

from thrum_store.errors import ThrumError
from thrum_store.identity import former_stores
from thrum_store.log.segments import Shard
from thrum_store.repository.paths import SYNC_LOCK
from thrum_store.store import Store
from thrum_store.sync import state
from thrum_store.sync.incoming import heard, trust_of
from thrum_store.sync.remote import settings
from thrum_store.sync.remote.branch import Branch
from thrum_store.sync.remote.repository_id import Repository
from thrum_store.sync.state import Repair, State, key_of

from . import healing
from .proof import Proof


def doubted(store: Store) -> list[Shard]:
    """The logs that are not what they were, as far as names and lengths show it."""
    return healing.doubted(store, state.load(store.paths.var, store.host))


def within_reach(store: Store, wanted: Iterable[Shard]) -> dict[Shard, int]:
    """The last event of each log that this clone's own copy of the branch can give back; asks no remote."""
    proof, _ = _proof(store, _branch(store))
    return {shard: proof.of(shard).seq for shard in wanted}


def unheard(store: Store, wanted: Iterable[Shard]) -> set[Shard]:
    """Those logs whose stores are blocked or not trusted here: nothing of them is taken in, to mend them neither."""
    remembered = state.load(store.paths.var, store.host)
    told = settings.read(_branch(store).git)
    told = told._replace(known=told.known | former_stores(store.paths, store.host))
    return {one for one in wanted if not heard(trust_of(one.store, store.own, told, remembered))}


def mend(store: Store, wanted: list[Shard], *, ask: bool) -> dict[Shard, Repair]:
    """Brings back what was published: from this clone's branch, its older commits too; where that is too little, with
    `ask`, from the remote.

    What became of each log; none for one that is whole. Raises StoreBusy while another sync runs.
    """
    with _remembering(store) as remembered:
        branch = _branch(store)
        healing.heal(store, remembered, *_given(_proof(store, branch), wanted))
        left = [shard for shard in wanted if _lost(remembered, shard)]
        if left and ask and branch.remote:
            with suppress(ThrumError):  # a remote that does not answer: what is lost is told all the same
                branch.fetch()
                healing.heal(store, remembered, *_given(_proof(store, branch), left))
        found = {shard: remembered.repairs.get(key_of(shard)) for shard in wanted}
    return {shard: repair for shard, repair in found.items() if repair is not None}


def give_up(store: Store, wanted: Iterable[Shard]) -> None:
    """Ends each of these logs where its whole part ends. Raises Refused, as `healing.give_up` does, or StoreBusy."""
    with _remembering(store) as remembered:
        for shard in wanted:
            healing.give_up(store, remembered, shard)


@contextmanager
def _remembering(store: Store) -> Generator[State]:
    with store.host.lock(store.paths.in_var(SYNC_LOCK)):
        remembered = state.load(store.paths.var, store.host)
        try:
            yield remembered
        finally:
            state.save(store.paths.var, store.host, remembered)


def _branch(store: Store) -> Branch:
    probe = Branch(store.paths, store.host, "")
    return Branch(store.paths, store.host, settings.read(probe.git).remote)


def _proof(store: Store, branch: Branch) -> tuple[Proof, str]:
    ours, theirs = branch.tips()
    repository = Repository(branch.git, store.paths.var, store.host)
    return Proof(store, branch, repository, (ours, theirs), deep=True), f"{ours.commit} {theirs.commit}"


def _given(proof: tuple[Proof, str], wanted: list[Shard]) -> tuple[Proof, list[Shard], str]:
    return proof[0], wanted, proof[1]


def _lost(remembered: State, shard: Shard) -> bool:
    repair = remembered.repairs.get(key_of(shard))
    return repair is not None and bool(repair.lost)
