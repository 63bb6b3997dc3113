"""Repair of logs on demand: preview it, restore published events, abandon lost ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from thrum_store.errors import ThrumError
from thrum_store.log.segments import Shard
from thrum_store.repository import config
from thrum_store.repository.former_stores import former_stores
from thrum_store.repository.paths import SYNC_LOCK
from thrum_store.store import Store
from thrum_store.sync import state
from thrum_store.sync.remote.branch import Branch
from thrum_store.sync.remote.repository_id import Repository
from thrum_store.sync.state import Repair, State, key_of
from thrum_store.sync.trust import trust_in

from . import restore
from .proof import Proof


def suspects(store: Store) -> list[Shard]:
    """Return the logs that may be damaged, judged by names and lengths."""
    return restore.suspects(store, state.load(store.paths.var, store.host))


def within_reach(store: Store, shards: Iterable[Shard]) -> dict[Shard, int]:
    """Return the last event of each log that this clone's copy of the branch can restore; asks no remote."""
    proof, _ = _proof(store, _branch(store))
    return {shard: proof.of(shard).seq for shard in shards}


def untrusted(store: Store, shards: Iterable[Shard]) -> set[Shard]:
    """Return the logs of blocked or untrusted stores. None of their events is taken in, not even for a repair."""
    remembered = state.load(store.paths.var, store.host)
    configured = config.git_settings(_branch(store).git)
    configured = configured._replace(known=configured.known | former_stores(store.paths, store.host))
    return {shard for shard in shards if not trust_in(shard.store, store.own, configured, remembered).accepted}


def repair(store: Store, shards: list[Shard], *, ask: bool) -> dict[Shard, Repair]:
    """Restore the published part of these logs from the branch and its history; with `ask`, also from the remote.

    Returns the repair of each log that was damaged. Raises StoreBusy while another sync runs.
    """

    def run(remembered: State) -> None:
        branch = _branch(store)
        _restore(store, remembered, branch, shards)
        left = [shard for shard in shards if _lost(remembered, shard)]
        if left and ask and branch.remote:
            try:
                branch.fetch()
                _restore(store, remembered, branch, left)
            except ThrumError:  # the remote does not answer: the losses are reported all the same
                return

    remembered = _remembering(store, run)
    repairs = {shard: remembered.repairs.get(key_of(shard)) for shard in shards}
    return {shard: repair for shard, repair in repairs.items() if repair is not None}


def abandon(store: Store, shards: Iterable[Shard]) -> None:
    """End each of these logs at the end of its whole part. Raises Forbidden as `restore.abandon`, or StoreBusy."""

    def run(remembered: State) -> None:
        for shard in shards:
            restore.abandon(store, remembered, shard)

    _remembering(store, run)


def _remembering(store: Store, run: Callable[[State], None]) -> State:
    """Run something on the sync's memory, under sync.lock; save it in any case."""
    with store.host.lock(store.paths.in_var(SYNC_LOCK)):
        remembered = state.load(store.paths.var, store.host)
        try:
            run(remembered)
        finally:
            state.save(store.paths.var, store.host, remembered)
    return remembered


def _branch(store: Store) -> Branch:
    probe = Branch(store.paths, store.host, "")
    return Branch(store.paths, store.host, config.git_settings(probe.git).remote)


def _proof(store: Store, branch: Branch) -> tuple[Proof, str]:
    """Return a deep proof from the tips of a branch, and the names of these commits."""
    ours, theirs = branch.tips()
    repository = Repository(branch.git, store.paths.var, store.host)
    return Proof(store, branch, repository, (ours, theirs), deep=True), f"{ours.commit} {theirs.commit}"


def _restore(store: Store, remembered: State, branch: Branch, shards: list[Shard]) -> None:
    proof, tips = _proof(store, branch)
    restore.restore(store, remembered, proof, shards, tips)


def _lost(remembered: State, shard: Shard) -> bool:
    known = remembered.repairs.get(key_of(shard))
    return known is not None and bool(known.lost)
