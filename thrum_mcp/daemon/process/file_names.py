"""The daemon's files in `.git/thrum-sync/var`, and a path for its socket if the usual one is too long."""

from __future__ import annotations

import os
import stat

from thrum_store.errors import Unsupported
from thrum_store.log.events import sha256
from thrum_store.machine.host import Host
from thrum_store.repository.paths import (
    DAEMON_LOCK,
    DAEMON_LOG,
    DAEMON_PID,
    DAEMON_SOCKET,
    DAEMON_SOCKET_POINTER,
    WEBSOCKET_PORT,
    WEBSOCKET_TOKEN,
    Paths,
)

LONGEST_SOCKET = 107  # bytes in the address of a Unix socket, without the final zero


def lease(paths: Paths) -> str:
    """Return the path of the lock that the daemon holds while it lives."""
    return paths.in_var(DAEMON_LOCK)


def pid_file(paths: Paths) -> str:
    """Return the path of the file that names the daemon's process, as JSON."""
    return paths.in_var(DAEMON_PID)


def port_file(paths: Paths) -> str:
    """Return the path of the file with the WebSocket's port, in decimal."""
    return paths.in_var(WEBSOCKET_PORT)


def token_file(paths: Paths) -> str:
    """Return the path of the file with the secret of the WebSocket."""
    return paths.in_var(WEBSOCKET_TOKEN)


def log_file(paths: Paths) -> str:
    """Return the path of the daemon's log."""
    return paths.in_var(DAEMON_LOG)


def repository(paths: Paths) -> str:
    """Return the repository's main directory, the same from each of its worktrees."""
    return os.path.dirname(paths.thrum)


def pointer_file(paths: Paths) -> str:
    """Return the path of the file that holds the socket's path if it is not the usual one."""
    return paths.in_var(DAEMON_SOCKET_POINTER)


def usual_socket(paths: Paths) -> str:
    """Return the usual path of the socket."""
    return paths.in_var(DAEMON_SOCKET)


def port_in_use(paths: Paths, host: Host) -> int | None:
    """Return the WebSocket's port that the daemon noted; None if it has no WebSocket."""
    try:
        port = host.storage.read(port_file(paths)).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    return int(port) if port.isdecimal() else None


def socket_in_use(paths: Paths, host: Host) -> str:
    """Return the path of the socket that clients connect to."""
    try:
        path = host.storage.read(pointer_file(paths)).decode("utf-8", "surrogateescape").strip()
    except FileNotFoundError:
        return usual_socket(paths)
    return path or usual_socket(paths)


def short_socket(paths: Paths, host: Host) -> str:
    """Return a path for the socket in the user's runtime directory, unique to this repository. Raises Unsupported."""
    name = sha256(paths.var.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if os.path.isabs(cache) and not os.path.exists(cache) and _ours(os.path.dirname(cache)):
        host.storage.directory(cache)  # a fresh account has none yet
    for base in (runtime, cache):
        directory = os.path.join(base, "thrum")
        path = os.path.join(directory, f"{name}.sock")
        if not os.path.isabs(base) or not fits(path) or not _ours(base):
            continue
        host.storage.directory(directory)
        if _ours(directory) and not os.stat(directory).st_mode & 0o077:
            return path
    raise Unsupported(
        f"the path of the socket is longer than {LONGEST_SOCKET} bytes, or its file system has no sockets",
        hint="set XDG_RUNTIME_DIR to a directory of your own with mode 0700",
    )


def fits(path: str) -> bool:
    """Return whether this path is short enough for a socket."""
    return len(os.fsencode(path)) <= LONGEST_SOCKET


def _ours(directory: str) -> bool:
    """Return whether a directory is ours and only we can write to it."""
    try:
        status = os.stat(directory, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
