"""Sync, as a user meets it: force one, and the truth about all of them. Neither needs a daemon."""

from __future__ import annotations

from dataclasses import dataclass

from thrum_store.repository import config
from thrum_store.repository.git_runner import GitRunner
from thrum_store.store import Store, use_case
from thrum_store.sync import cycle, state
from thrum_store.sync.remote import public_remote
from thrum_store.sync.state import Repair, State, shard_of
from thrum_store.times import rfc3339
from thrum_store.view.queries import shards

from .condition import word


@dataclass(frozen=True)
class FrozenShard:
    """An agent's log that is not read any further: after which event, why (a code and a sentence), and since when."""

    store: str
    agent_id: str
    after: int
    code: str
    reason: str
    since: str | None


@dataclass(frozen=True)
class OtherStore:
    """Another clone: its id, its machine's nick, how it is trusted, events taken in, and events it has that we lack."""

    store: str
    nick: str
    trust: str
    since: str
    events: int
    behind: int


@dataclass(frozen=True)
class DamagedLog:
    """A log that was found damaged: the events that came back from the branch, and those that cannot be read (null:
    none), with the reason."""

    store: str
    agent_id: str
    at: str
    back_from: int | None
    back_to: int | None
    lost_from: int | None
    lost_to: int | None
    reason: str


@dataclass(frozen=True)
class SyncStatus:
    """Where the sync stands. `ahead`: events that the remote lacks; `behind`: signed ones that we lack.

    `refused` counts, by code, what was not let in; `rejected` counts events that make no sense.
    """

    running: bool
    last_sync_at: str
    sync_state: str  # synced | idle | error | stopped
    local_only: bool
    last_error: str | None
    last_error_code: str | None
    last_error_hint: str | None
    remote: str
    remote_url: str
    ahead: int
    behind: int
    frozen: tuple[FrozenShard, ...]
    damaged: tuple[DamagedLog, ...]
    refused: dict[str, int]
    rejected: int
    stores: tuple[OtherStore, ...]


@dataclass(frozen=True)
class SyncForced:
    """A sync that was done: with which remote (empty: there is none), events taken in, whether anything was committed
    and pushed, and what was found damaged."""

    triggered: bool
    last_sync_at: str
    sync_state: str
    local_only: bool
    remote: str
    taken: int
    committed: bool
    pushed: bool
    ahead: int
    behind: int
    damaged: tuple[str, ...]


@use_case
def status(store: Store, *, running: bool = False, local: bool | None = None) -> SyncStatus:
    """Where the sync stands; asks no remote. `running`: a daemon's loop syncs; `local`: what a flag said.

    Raises Invalid where the configuration cannot be understood.
    """
    remembered = state.load(store.paths.var, store.host)
    told = config.git_settings(GitRunner(store.paths.root))
    return SyncStatus(
        running=running,
        last_sync_at=_last(remembered),
        sync_state=word(remembered, running=running),
        local_only=config.local_only(store.paths, store.host, local),
        last_error=remembered.last_error,
        last_error_code=remembered.last_error_code,
        last_error_hint=remembered.last_error_hint,
        remote=told.remote,
        remote_url=public_remote.without_credentials(told.url),
        ahead=cycle.unsent(store, remembered),
        behind=_behind(remembered),
        frozen=_frozen(store, remembered),
        damaged=tuple(_damaged(key, one) for key, one in sorted(remembered.repairs.items())),
        refused=dict(sorted(remembered.counters.items())),
        rejected=shards.rejected_count(store.view),
        stores=tuple(
            OtherStore(whose, one.nick, one.trust, rfc3339(one.since_ms), one.events, one.behind)
            for whose, one in sorted(remembered.stores.items())
        ),
    )


@use_case
def force(store: Store, *, running: bool = False, local: bool | None = None) -> SyncForced:
    """Syncs now, in this process. Raises what stopped it: Unreachable, Rejected, PublicRemote, Refused, StoreBusy …"""
    local_only = config.local_only(store.paths, store.host, local)
    done = cycle.synchronize(store, local_only=local_only)
    remembered = state.load(store.paths.var, store.host)
    return SyncForced(
        triggered=True,
        last_sync_at=_last(remembered),
        sync_state=word(remembered, running=running),
        local_only=local_only,
        remote=done.remote,
        taken=done.taken,
        committed=done.committed,
        pushed=done.pushed,
        ahead=cycle.unsent(store, remembered),
        behind=_behind(remembered),
        damaged=done.damaged,
    )


def _damaged(key: str, one: Repair) -> DamagedLog:
    whose, _, agent = key.partition("/")
    back, lost = one.back or (None, None), one.lost or (None, None)
    return DamagedLog(whose, agent, rfc3339(one.at_ms), back[0], back[1], lost[0], lost[1], one.why)


def _last(remembered: State) -> str:
    return rfc3339(remembered.last_sync_ms) if remembered.last_sync_ms is not None else ""


def _behind(remembered: State) -> int:
    return sum(one.behind for one in remembered.stores.values())


def _frozen(store: Store, remembered: State) -> tuple[FrozenShard, ...]:
    foreign = {shard_of(key): one for key, one in remembered.frozen.items()}
    found = [
        FrozenShard(whose, agent, one.seq, one.code, one.why, rfc3339(one.since_ms))
        for (whose, agent), one in sorted(foreign.items())
    ]
    return (
        *found,
        *(
            FrozenShard(one.store, one.agent, one.seq, "damaged", one.why, None)
            for one in shards.frozen(store.view)
            if (one.store, one.agent) not in foreign
        ),
    )
