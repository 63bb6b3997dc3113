"""Sync on request, and the status of the sync; neither needs a daemon."""

from __future__ import annotations

from thrum_store.log.segments import Shard
from thrum_store.repository import config, settings_copy
from thrum_store.repository.git_runner import GitRunner
from thrum_store.store import Store, use_case
from thrum_store.sync import cycle, state
from thrum_store.sync.remote import public_remote
from thrum_store.sync.state import Repair, State, key_of, shard_of
from thrum_store.values import Record, rfc3339
from thrum_store.view.queries import shards

from .condition import word

STARTED, JOINED, DONE = "started", "joined", "done"
PATIENCE = 30.0  # seconds to wait for a running sync to end


class FrozenShard(Record):
    """A log that is not read any further: after which event, why (a code and a sentence), and since when."""

    store: str
    agent: str
    after: int
    code: str
    reason: str
    since: str | None

    JSON = "store agent_id=agent after code reason since"


class OtherStore(Record):
    """Another clone: id, nick of its machine, trust, number of events taken in, and of events that we lack."""

    store: str
    nick: str
    trust: str
    since: str
    events: int
    behind: int


class DamagedLog(Record):
    """A damaged log: the events that came back from the branch, and those that cannot be read; None: no such events."""

    store: str
    agent: str
    at: str
    back_from: int | None
    back_to: int | None
    lost_from: int | None
    lost_to: int | None
    reason: str

    JSON = "store agent_id=agent at back_from back_to lost_from lost_to reason"


class SyncStatus(Record):
    """The status of the sync. `ahead`: events that the remote lacks; `behind`: signed events that we lack.

    `refused` counts refused foreign data by code; `rejected` counts invalid events.
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


class SyncForced(Record):
    """The result of a sync with a remote (empty: none). `damaged`: a sentence for each damaged log.

    While the daemon is at it, `state` is started or joined, and what only its end shows is null.
    """

    triggered: bool
    state: str  # started | joined | done
    last_sync_at: str
    sync_state: str
    local_only: bool
    remote: str
    taken: int | None
    committed: bool | None
    pushed: bool | None
    ahead: int
    behind: int
    damaged: tuple[str, ...]


@use_case
def status(store: Store, *, running: bool = False, local: bool | None = None) -> SyncStatus:
    """Return the status of the sync; asks no remote. `running`: a daemon syncs; `local`: the flag, if given.

    Raises Invalid if the configuration is invalid.
    """
    remembered = state.load(store.paths.var, store.host)
    configured = config.git_settings(GitRunner(store.paths.root))
    return SyncStatus(
        running=running,
        last_sync_at=_last(remembered),
        sync_state=word(remembered, running=running),
        local_only=config.local_only(store.paths, store.host, local),
        last_error=remembered.last_error,
        last_error_code=remembered.last_error_code,
        last_error_hint=remembered.last_error_hint,
        remote=configured.remote,
        remote_url=", ".join(map(public_remote.without_credentials, configured.urls)),
        ahead=cycle.unsent(store, remembered),
        behind=_behind(remembered),
        frozen=_frozen(store, remembered),
        damaged=tuple(_damaged(key, repair) for key, repair in sorted(remembered.repairs.items())),
        refused=dict(sorted(remembered.counters.items())),
        rejected=shards.rejected_count(store.view),
        stores=tuple(
            OtherStore(owner, known.nick, known.trust, rfc3339(known.since_ms), known.events, known.behind)
            for owner, known in sorted(remembered.stores.items())
        ),
    )


@use_case
def force(store: Store, *, running: bool = False, local: bool | None = None, patience: float = PATIENCE) -> SyncForced:
    """Sync now, in this process, once a running sync has ended, for which it waits `patience` seconds.

    Raises Unreachable, PushRejected, PublicRemote, Forbidden, StoreBusy and others.
    """
    local_only = config.local_only(store.paths, store.host, local)
    synced = cycle.synchronize(store, local_only=local_only, patience=patience)
    settings_copy.keep(store.paths, store.host)
    remembered = state.load(store.paths.var, store.host)
    return SyncForced(
        triggered=True,
        state=DONE,
        last_sync_at=_last(remembered),
        sync_state=word(remembered, running=running),
        local_only=local_only,
        remote=synced.remote,
        taken=synced.taken,
        committed=synced.committed,
        pushed=synced.pushed,
        ahead=cycle.unsent(store, remembered),
        behind=_behind(remembered),
        damaged=synced.damaged,
    )


@use_case
def begun(store: Store, *, starts: bool, local: bool) -> SyncForced:
    """Return the answer for a sync that the daemon starts now, or that runs: then another one follows it."""
    remembered = state.load(store.paths.var, store.host)
    return SyncForced(
        triggered=True,
        state=STARTED if starts else JOINED,
        last_sync_at=_last(remembered),
        sync_state=word(remembered, running=True),
        local_only=local,
        remote=config.git_settings(GitRunner(store.paths.root)).remote,
        taken=None,
        committed=None,
        pushed=None,
        ahead=cycle.unsent(store, remembered),
        behind=_behind(remembered),
        damaged=(),
    )


def _damaged(key: str, repair: Repair) -> DamagedLog:
    owner, agent = shard_of(key)
    back, lost = repair.back or (None, None), repair.lost or (None, None)
    return DamagedLog(owner, agent, rfc3339(repair.at_ms), back[0], back[1], lost[0], lost[1], repair.why)


def _last(remembered: State) -> str:
    return rfc3339(remembered.last_sync_ms) if remembered.last_sync_ms is not None else ""


def _behind(remembered: State) -> int:
    return sum(known.behind for known in remembered.stores.values())


def _frozen(store: Store, remembered: State) -> tuple[FrozenShard, ...]:
    refused = [
        FrozenShard(*shard_of(key), frozen.seq, frozen.code, frozen.why, rfc3339(frozen.since_ms))
        for key, frozen in sorted(remembered.frozen.items())
    ]
    damaged = [
        FrozenShard(row.store, row.agent, row.seq, "damaged", row.why, None)
        for row in shards.frozen(store.view)
        if key_of(Shard(row.store, row.agent)) not in remembered.frozen
    ]
    return (*refused, *damaged)
