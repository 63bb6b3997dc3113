"""Health of the store, its daemon and its sync, short enough for a briefing."""

from __future__ import annotations

from thrum_store.errors import Invalid
from thrum_store.identity import DISTRIBUTION, short_id
from thrum_store.repository import config
from thrum_store.store import Store
from thrum_store.sync import state
from thrum_store.sync.state import State
from thrum_store.values import Record, moment, rfc3339
from thrum_store.view.queries import shards


class Health(Record):
    """The health of the logs: ok, or degraded if one cannot be read to its end; `frozen` names those.

    `uptime_ms` is the daemon's, null if none is running.
    """

    status: str
    repo_id: str
    frozen: tuple[str, ...]
    version: str
    sync_state: str
    uptime_ms: int | None


class SyncState(Record):
    """The daemon and the sync. `local_only` is None if the configuration is invalid; `error` is the reason."""

    daemon_status: str  # running | stopped
    sync_state: str  # synced | idle | error | stopped
    local_only: bool | None
    last_sync_at: str | None
    error: str | None


def health(store: Store, started_at: str | None = None) -> Health:
    """Return the health of the logs; `started_at`: since when a daemon is running, if there is one."""
    from importlib import metadata  # no briefing of a hook needs it

    frozen = tuple(f"{row.agent}: {row.why}" for row in shards.frozen(store.view))
    now = store.host.clock.wall_ms()
    return Health(
        "degraded" if frozen else "ok",
        short_id(store.own),
        frozen,
        version=metadata.version(DISTRIBUTION),
        sync_state=word(state.load(store.paths.var, store.host), running=started_at is not None),
        uptime_ms=max(now - moment(started_at, now), 0) if started_at else None,
    )


def sync_state(store: Store, *, running: bool) -> SyncState:
    """Return the state of the sync from two small files, without git or the daemon. `running`: a daemon is running."""
    remembered = state.load(store.paths.var, store.host)
    local_only: bool | None = None
    error = remembered.last_error
    try:
        local_only = config.local_only(store.paths, store.host)
    except Invalid as refused:  # a briefing is given all the same
        error = refused.message
    return SyncState(
        daemon_status="running" if running else "stopped",
        sync_state=word(remembered, running=running),
        local_only=local_only,
        last_sync_at=rfc3339(remembered.last_sync_ms) if remembered.last_sync_ms is not None else None,
        error=error,
    )


def word(remembered: State, *, running: bool) -> str:
    """Return synced, idle, error or stopped."""
    if remembered.last_error is not None:
        return "error"
    if remembered.last_sync_ms is not None:
        return "synced"
    return "idle" if running else "stopped"
