"""How the store, its daemon and its sync are, in the few words that a briefing has room for."""

from __future__ import annotations

from dataclasses import dataclass

from thrum_store.errors import Invalid
from thrum_store.repository import config
from thrum_store.store import Store
from thrum_store.sync import state
from thrum_store.sync.state import State
from thrum_store.times import rfc3339
from thrum_store.view.queries import shards


@dataclass(frozen=True)
class Health:
    """ok, or degraded where a log cannot be read to its end; `frozen` says which and why."""

    status: str
    repo_id: str
    frozen: tuple[str, ...]


@dataclass(frozen=True)
class SyncState:
    """The daemon and the sync in short; `local_only` is null where the configuration does not say, `error` why."""

    daemon_status: str  # running | stopped
    sync_state: str  # synced | idle | error | stopped
    local_only: bool | None
    last_sync_at: str | None
    error: str | None


def health(store: Store) -> Health:
    """How well the logs can be read."""
    frozen = tuple(f"{one.agent}: {one.why}" for one in shards.frozen(store.view))
    return Health("degraded" if frozen else "ok", store.own[:8], frozen)


def sync_state(store: Store, *, running: bool) -> SyncState:
    """How the sync is, from two small files; asks neither git nor the daemon. `running`: a daemon lives."""
    remembered = state.load(store.paths.var, store.host)
    local_only: bool | None = None
    error = remembered.last_error
    try:
        local_only = config.local_only(store.paths, store.host)
    except Invalid as refused:  # a briefing is told all the same
        error = refused.message
    return SyncState(
        daemon_status="running" if running else "stopped",
        sync_state=word(remembered, running=running),
        local_only=local_only,
        last_sync_at=rfc3339(remembered.last_sync_ms) if remembered.last_sync_ms is not None else None,
        error=error,
    )


def word(remembered: State, *, running: bool) -> str:
    """synced, idle, error or stopped."""
    if remembered.last_error is not None:
        return "error"
    if remembered.last_sync_ms is not None:
        return "synced"
    return "idle" if running else "stopped"
