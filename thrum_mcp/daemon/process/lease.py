"""The lease of the daemon, and its PID file.

The process that holds the lock on `daemon.lock` is the daemon of this repository; the kernel frees the lock when that
process ends, even by a crash. The PID file only tells clients which process it is, so a stale one blocks no start.
"""

from __future__ import annotations

import os

from thrum_store import values
from thrum_store.errors import StoreBusy
from thrum_store.machine.host import Host, Lock
from thrum_store.repository.paths import Paths
from thrum_store.values import NamedTuple

from . import file_names
from .errors import AlreadyRunning

_LOOK = 1.0  # seconds to wait for a lease that somebody else tests at the moment


class PidFile(NamedTuple):
    """The content of the PID file. `began` is the start time of the process, which tells it from a later one."""

    pid: int
    repo_path: str
    started_at: str
    socket_path: str
    began: str


def take(paths: Paths, host: Host) -> Lock:
    """Take the lease for the life of this process. Raises AlreadyRunning."""
    lock = host.lock(file_names.lease(paths))
    try:
        lock.acquire(_LOOK)
    except StoreBusy:
        raise already_running(paths, host) from None
    return lock


def is_held(paths: Paths, host: Host) -> bool:
    """Return whether a daemon of this repository lives."""
    lock = host.lock(file_names.lease(paths))
    if not os.path.exists(lock.path):
        return False
    if lock.try_acquire():
        lock.release()
        return False
    return True


def is_free_within(paths: Paths, host: Host, seconds: float) -> bool:
    """Return whether the daemon has ended; wait for that at most so long."""
    lock = host.lock(file_names.lease(paths))
    try:
        lock.acquire(seconds)
    except StoreBusy:
        return False
    lock.release()
    return True


def already_running(paths: Paths, host: Host) -> AlreadyRunning:
    """Return the error that names the daemon which holds the lease."""
    running = read_pid_file(paths, host)
    return AlreadyRunning(running.pid if running else None, file_names.repository(paths))


def write_pid_file(paths: Paths, host: Host, content: PidFile) -> None:
    """Replace the PID file."""
    host.storage.replace(file_names.pid_file(paths), values.escaped(content._asdict()).encode() + b"\n")


def read_pid_file(paths: Paths, host: Host) -> PidFile | None:
    """Return the content of the PID file; None if it is missing or not valid."""
    try:
        fields = values.loads(host.storage.read(file_names.pid_file(paths)))
        return PidFile(
            int(fields["pid"]),
            str(fields["repo_path"]),
            str(fields["started_at"]),
            str(fields["socket_path"]),
            str(fields.get("began", "")),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
