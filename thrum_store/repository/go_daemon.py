"""The daemon of the Go program: nothing of its files is moved or imported while it runs and may still write.

It holds `.thrum/var/thrum.lock` as long as it lives, and names itself in `thrum.pid`; a crash leaves its files behind.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from thrum_store.errors import Conflict
from thrum_store.machine import process
from thrum_store.machine.process import peer_pid
from thrum_store.values import loads

from .paths import DAEMON_PID, DAEMON_SOCKET, STORE_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from thrum_store.machine.host import Host

    from .paths import Paths

_LOCK = "thrum.lock"  # of the Go program
_PATIENCE = 1.0  # seconds for a connection
_CLOCKS = 2.0  # seconds by which the time of a file and that of a process may differ


class GoDaemonRunning(Conflict):
    """Raised if the Go program's daemon runs in this repository."""

    code = "go_daemon_running"


def check(paths: Paths, roots: Iterable[str], host: Host, then: str) -> None:
    """Refuse to go on while a daemon of the Go program runs in one of these worktrees; `then`: what to run after it."""
    for directory in _directories(paths, roots):
        pid = _recorded(directory, host)
        if pid is None or not _is_daemon(pid, os.path.join(directory, DAEMON_PID)):
            pid = _listener(directory) or _holder(directory, host)
        if pid is not None:
            raise GoDaemonRunning(
                f"the daemon of the Go program runs here, as process {pid}, and may write at any moment",
                hint=f"stop it: `kill {pid}`, then `{then}`",
            )


def _directories(paths: Paths, roots: Iterable[str]) -> Iterator[str]:
    """Yield the directories that may be its own: not a link to ours, and not a store of an older version of ours."""
    for thrum in dict.fromkeys((paths.thrum, *(os.path.join(root, ".thrum") for root in roots))):
        var = os.path.join(thrum, "var")
        if os.path.isdir(var) and not os.path.exists(os.path.join(var, STORE_FILE)):
            yield var


def _recorded(directory: str, host: Host) -> int | None:
    """Return the process in its PID file: JSON, or just a number."""
    try:
        content: Any = loads(host.storage.read(os.path.join(directory, DAEMON_PID)))
    except (FileNotFoundError, ValueError):
        return None
    if isinstance(content, dict):
        content = content.get("pid") or content.get("PID")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return content if isinstance(content, int) and content > 1 else None


def _is_daemon(pid: int, pid_file: str) -> bool:
    """Return whether a process lives that began before its PID file was written: a later one got its number."""
    began = process.began(pid)
    try:
        return began is not None and began <= os.stat(pid_file).st_mtime + _CLOCKS
    except FileNotFoundError:
        return True


def _listener(directory: str) -> int | None:
    """Return the process that listens on its socket."""
    path = os.path.join(directory, DAEMON_SOCKET)
    if not os.path.exists(path):
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_PATIENCE)
        try:
            connection.connect(min(path, os.path.relpath(path), key=len))
            return peer_pid(connection)
        except OSError:
            return None


def _holder(directory: str, host: Host) -> int | None:
    """Return the process that holds its lock."""
    path = os.path.join(directory, _LOCK)
    lock = host.lock(path)
    try:
        if not os.path.exists(path) or lock.try_acquire():
            return None
    finally:
        lock.release()
    return next((holder.pid for holder in process.inside(directory, "")), 0)
