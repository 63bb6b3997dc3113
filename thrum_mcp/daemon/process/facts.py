"""Facts about processes from the system: when one started, its children, and who is at the other end of a socket."""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys

import psutil

_SAME_START = 0.05  # seconds by which two readings of a start may differ


def started(pid: int) -> str:
    """Return when a process started, in seconds since the system's start; empty where there is no such process.

    psutil adds the wall clock's time of the boot; without it, setting the clock changes nothing.
    """
    try:
        return f"{psutil.Process(pid).create_time() - psutil.boot_time():.2f}"
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def is_alive(pid: int, start: str) -> bool:
    """Return whether the process with this number is the one that started then, not a later one."""
    try:
        return pid > 1 and abs(float(started(pid)) - float(start)) < _SAME_START
    except ValueError:  # no such process, or a PID file of an older version
        return False


def end_children() -> None:
    """Ask the children of this process to end: a git that hangs on its remote."""
    for child in psutil.Process().children():
        try:
            os.killpg(child.pid, signal.SIGTERM)
        except (ProcessLookupError, PermissionError):
            continue  # it has ended, or leads no group of its own


def is_same_user(connection: socket.socket) -> bool:
    """Return whether the peer of a Unix socket is a process of our user. True where the kernel cannot tell."""
    if sys.platform == "linux":
        return _linux_peer(connection)[1] == os.getuid()
    if sys.platform == "darwin":
        credentials = connection.getsockopt(0, 1, 76)  # SOL_LOCAL, LOCAL_PEERCRED: struct xucred, version and uid first
        return bool(struct.unpack_from("2I", credentials)[1] == os.getuid())
    return True  # the mode of the socket alone protects it


def _linux_peer(connection: socket.socket) -> tuple[int, int]:
    """Return the process and the user at the other end, as the kernel noted them when it connected."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, user, _ = struct.unpack("3i", credentials)
    return pid, user
