"""How the daemon is: what `health` answers and `daemon status` shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PartHealth:
    """A listener or a loop. `state` is starting, running, restarting or stopped; `failures` counts since its start."""

    name: str
    state: str
    failures: int
    last_error: str | None


@dataclass(frozen=True)
class Health:
    """The daemon. `status` is ok, or degraded while a part is not running."""

    status: str
    pid: int
    uptime_ms: int
    version: str
    repo_id: str
    repo_path: str
    started_at: str
    socket_path: str
    ws_port: int | None
    sync_state: str
    local_only: bool
    connections: int
    listening: int
    parts: tuple[PartHealth, ...]
