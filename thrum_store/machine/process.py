"""Processes of this user: which of them have files of a directory open, and which still live."""

from __future__ import annotations

import os
import socket
import struct
import sys

import psutil

from thrum_store.values import NamedTuple


class Process(NamedTuple):
    """A process: its number, when it began, in seconds since 1970, and its command line."""

    pid: int
    began: float
    command: str


def inside(directory: str, word: str) -> list[Process]:
    """Return the other processes with `word` in their command line that have a file below `directory` open."""
    above = os.path.join(os.path.realpath(directory), "")
    processes: list[Process] = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if process.pid == os.getpid() or word not in command:
                continue
            if any(file.path.startswith(above) for file in process.open_files()):
                processes.append(Process(process.pid, process.create_time(), command))
        except (psutil.Error, OSError):  # it has ended, or belongs to somebody else
            continue
    return processes


def lives(process: Process) -> bool:
    """Return whether this process still runs."""
    try:
        return bool(abs(psutil.Process(process.pid).create_time() - process.began) < 1)
    except psutil.Error:
        return False


def began(pid: int) -> float | None:
    """Return when a process began, in seconds since 1970; None if there is none, or only what is left of it."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None


def peer_pid(connection: socket.socket) -> int:
    """Return the process at the other end of a Unix socket: for a listener, the one that began to listen."""
    if sys.platform == "linux":
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[0])
    return connection.getsockopt(0, 2)  # SOL_LOCAL, LOCAL_PEERPID
