"""The status of the daemon and the end of its log, for the command line."""

from __future__ import annotations

from typing import Any

from thrum_store.errors import ThrumError
from thrum_store.machine.host import Host
from thrum_store.repository.paths import Paths
from thrum_store.values import Record

from . import client, file_names, lease

_PATIENCE = 2.0  # seconds for an answer of the daemon
_LOG_END = 256 * 1024  # bytes at the end of the log that are read
_HEALTH = ("pid", "repo_path", "uptime_ms", "version", "sync_state", "local_only", "ws_port", "socket_path")


class DaemonStatus(Record):
    """The status of the daemon: running, stopped or not answering. `health` is its own report while it runs."""

    running: bool
    status: str
    pid: int | None = None
    repo_path: str | None = None
    uptime: str | None = None
    uptime_ms: int | None = None
    version: str | None = None
    sync_state: str | None = None
    local_only: bool | None = None
    ws_port: int | None = None
    socket_path: str | None = None
    health: dict[str, Any] | None = None


def daemon_status(paths: Paths, host: Host) -> DaemonStatus:
    """Return the status of the daemon, within two seconds. A daemon that does not answer is no error."""
    if not lease.is_held(paths, host):
        return DaemonStatus(running=False, status="stopped")
    try:
        health = client.ask(paths, "health", timeout=_PATIENCE)
    except ThrumError:
        running = lease.read_pid_file(paths, host)
        pid, repository = (running.pid, running.repo_path) if running else (None, None)
        return DaemonStatus(running=True, status="not answering", pid=pid, repo_path=repository)
    return DaemonStatus(running=True, status="running", health=health, **{name: health[name] for name in _HEALTH})


def log_lines(paths: Paths, host: Host, count: int) -> list[str]:
    """Return the last `count` lines of the log, oldest first, as far as its last 256 KiB hold them."""
    path = file_names.log_file(paths)
    size = host.storage.size(path)
    if size < 0 or count <= 0:
        return []
    start = max(size - _LOG_END, 0)
    lines = host.storage.read(path, start).decode("utf-8", "replace").split("\n")
    return lines[1 if start else 0 : -1][-count:]
