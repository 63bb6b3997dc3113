"""The daemon's files in `.thrum/var`, and the path of its socket where that one would be too long."""

from __future__ import annotations

import os
import stat

from thrum_store.errors import Unsupported
from thrum_store.machine.digest import sha256
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

LONGEST_SOCKET = 107  # bytes that fit a Unix socket's address (reliability §5.6)


def lease(paths: Paths) -> str:
    """The lock that is held by the daemon as long as it lives."""
    return paths.in_var(DAEMON_LOCK)


def pid_file(paths: Paths) -> str:
    """Who the daemon is, as JSON."""
    return paths.in_var(DAEMON_PID)


def port_file(paths: Paths) -> str:
    """The port of the WebSocket, in decimal."""
    return paths.in_var(WEBSOCKET_PORT)


def token_file(paths: Paths) -> str:
    """What a WebSocket client has to show."""
    return paths.in_var(WEBSOCKET_TOKEN)


def log_file(paths: Paths) -> str:
    """The daemon's log."""
    return paths.in_var(DAEMON_LOG)


def repository(paths: Paths) -> str:
    """The repository's main directory, the same from each of its worktrees."""
    return os.path.dirname(paths.thrum)


def pointer_file(paths: Paths) -> str:
    """Where the socket's path stands if it is not the usual one."""
    return paths.in_var(DAEMON_SOCKET_POINTER)


def usual_socket(paths: Paths) -> str:
    """Where the socket is, if nothing speaks against it."""
    return paths.in_var(DAEMON_SOCKET)


def port_in_use(paths: Paths, host: Host) -> int | None:
    """The WebSocket's port, as the daemon noted it; it stays there when the daemon ends. None: it has no WebSocket."""
    try:
        told = host.storage.read(port_file(paths)).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    return int(told) if told.isdecimal() else None


def socket_in_use(paths: Paths, host: Host) -> str:
    """The path that a client connects to."""
    try:
        told = host.storage.read(pointer_file(paths)).decode("utf-8", "surrogateescape").strip()
    except FileNotFoundError:
        return usual_socket(paths)
    return told or usual_socket(paths)


def short_socket(paths: Paths, host: Host) -> str:
    """A path for the socket in the user's runtime directory, unique to this repository; raises Unsupported."""
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
    """Whether a socket can have this path."""
    return len(os.fsencode(path)) <= LONGEST_SOCKET


def _ours(directory: str) -> bool:
    try:
        told = os.stat(directory, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISDIR(told.st_mode) and told.st_uid == os.getuid() and not told.st_mode & 0o022
