"""The daemon as a process: who it is, starting it in the background, stopping it, asking how it is.

The lease decides: whoever holds the lock on `daemon.lock` is this repository's daemon, and the kernel frees it when
that process dies, however it dies. The PID file only says whom to ask. So no stale file blocks a start, and no signal
is sent unless the lease is held and the process of that number began when the PID file says.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, NamedTuple

from thrum_store.errors import StoreBusy, ThrumError
from thrum_store.machine.host import Host, Lock
from thrum_store.repository.paths import DAEMON_START_LOCK, Paths

from . import client, file_names
from .errors import AlreadyRunning, DaemonFailed, DaemonNotRunning

READY = b"!"  # what a daemon says to whoever started it, once it serves
ALREADY_RUNNING = 3  # what `daemon run` exits with where another one serves
_TOLD = ("pid", "repo_path", "uptime_ms", "version", "sync_state", "local_only", "ws_port", "socket_path")
_START = 20.0  # seconds for the daemon to answer
_STOP = 10.0  # seconds for it to end by itself, before it is ended
_PROBE = 1.0  # seconds to wait for a lease that somebody only looks at


class Identity(NamedTuple):
    """What the PID file says. `began` tells this process from a later one of the same number."""

    pid: int
    repo_path: str
    started_at: str
    socket_path: str
    began: str


@dataclass(frozen=True)
class DaemonStarted:
    """A daemon that answers."""

    pid: int
    repo_path: str
    socket_path: str
    ws_port: int | None
    local_only: bool


@dataclass(frozen=True)
class DaemonStopped:
    """A daemon that has ended; `forced` where it had to be killed."""

    pid: int
    forced: bool


@dataclass(frozen=True)
class DaemonStatus:
    """Whether a daemon runs, and what it says of itself. `status` is running, stopped or not answering."""

    running: bool
    status: str
    pid: int | None = None
    repo_path: str | None = None
    uptime_ms: int | None = None
    version: str | None = None
    sync_state: str | None = None
    local_only: bool | None = None
    ws_port: int | None = None
    socket_path: str | None = None
    health: dict[str, Any] | None = None


# --- the lease and the PID file -------------------------------------------------------------------------------------


def take_lease(paths: Paths, host: Host) -> Lock:
    """The right to be this repository's daemon, for life. Raises AlreadyRunning."""
    lock = host.lock(file_names.lease(paths))
    try:
        lock.acquire(_PROBE)
    except StoreBusy:
        running = identity(paths, host)
        raise AlreadyRunning(running.pid if running else None, file_names.repository(paths)) from None
    return lock


def is_held(paths: Paths, host: Host) -> bool:
    """Whether a daemon lives."""
    lock = host.lock(file_names.lease(paths))
    if not os.path.exists(file_names.lease(paths)):
        return False
    if lock.try_acquire():
        lock.release()
        return False
    return True


def sign(paths: Paths, host: Host, socket_path: str, started_at: str) -> Identity:
    """Writes the PID file of this process."""
    own = Identity(os.getpid(), file_names.repository(paths), started_at, socket_path, began(os.getpid(), host))
    host.storage.replace(file_names.pid_file(paths), json.dumps(own._asdict()).encode() + b"\n")
    return own


def identity(paths: Paths, host: Host) -> Identity | None:
    """What the PID file says; None where there is none, or nothing that makes sense."""
    try:
        told = json.loads(host.storage.read(file_names.pid_file(paths)))
        return Identity(
            int(told["pid"]),
            str(told["repo_path"]),
            str(told["started_at"]),
            str(told["socket_path"]),
            str(told.get("began", "")),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def began(pid: int, host: Host) -> str:
    """When a process began, in a form that no clock change touches; empty where there is no such process."""
    try:
        told = host.storage.read(f"/proc/{pid}/stat", limit=4096)
    except (FileNotFoundError, ThrumError):
        return _began_elsewhere(pid) if not os.path.exists("/proc/self/stat") else ""
    return told.rpartition(b")")[2].split()[19].decode()


def _began_elsewhere(pid: int) -> str:
    """Where there is no /proc, as on macOS."""
    asked = subprocess.run(
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, env={"LC_ALL": "C"}, check=False
    )
    return asked.stdout.strip()


def lives(one: Identity, host: Host) -> bool:
    """Whether the process that wrote the PID file is the one that has its number now."""
    return one.pid > 1 and bool(one.began) and began(one.pid, host) == one.began


# --- start, stop, status --------------------------------------------------------------------------------------------


def start(paths: Paths, host: Host, arguments: tuple[str, ...] = ()) -> DaemonStarted:
    """Starts the daemon in the background; returns once it answers. Raises AlreadyRunning, DaemonFailed."""
    with _turns(paths, host):  # of many starters, one starts
        if is_held(paths, host):
            running = identity(paths, host)
            raise AlreadyRunning(running.pid if running else None, file_names.repository(paths))
        _spawn(paths, host, arguments)
        told = client.ask(paths, "health")
    return DaemonStarted(told["pid"], told["repo_path"], told["socket_path"], told["ws_port"], told["local_only"])


def _turns(paths: Paths, host: Host) -> Lock:
    return host.lock(paths.in_var(DAEMON_START_LOCK))


def command(paths: Paths, arguments: tuple[str, ...]) -> list[str]:
    """The command line of the daemon's process.

    `-P`: what lies in the repository must never be imported in place of our own modules.
    """
    return [sys.executable, "-P", "-m", "thrum_mcp.daemon", "--repo", file_names.repository(paths), *arguments]


def _spawn(paths: Paths, host: Host, arguments: tuple[str, ...]) -> None:
    """Starts our own interpreter, detached, and waits until it says that it serves."""
    host.storage.directory(os.path.dirname(file_names.log_file(paths)))
    ready, tell = os.pipe()
    try:
        child = _detached(paths, (*arguments, "--ready-fd", str(tell)), tell)
    finally:
        os.close(tell)
    try:
        _await(child, ready, paths, host)
    finally:
        os.close(ready)


def _detached(paths: Paths, arguments: tuple[str, ...], kept: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(paths, arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=file_names.repository(paths),
        pass_fds=(kept,),
        start_new_session=True,
    )


def _await(child: subprocess.Popen[bytes], ready: int, paths: Paths, host: Host) -> None:
    """Waits for the child's word, or for its end."""
    poll = select.poll()
    poll.register(ready, select.POLLIN)
    told = os.read(ready, 65536) if poll.poll(_START * 1000) else None
    if told == READY:
        child.returncode = 0  # it lives on, and is nobody's to wait for
        return
    if told is None:
        child.kill()
    code = child.wait()
    if code == ALREADY_RUNNING:
        running = identity(paths, host)
        raise AlreadyRunning(running.pid if running else None, file_names.repository(paths))
    if told:
        why, hint = json.loads(told)
        raise DaemonFailed(f"the daemon did not start: {why}", hint)
    silent = f"it said nothing for {_START:.0f} s" if told is None else f"it ended with {code}"
    raise DaemonFailed(f"the daemon did not start: {silent}")


def stop(paths: Paths, host: Host) -> DaemonStopped:
    """Ends the daemon in good order, within ten seconds or else at once. Raises DaemonNotRunning, DaemonFailed."""
    with _turns(paths, host):
        if not is_held(paths, host):
            raise DaemonNotRunning(file_names.repository(paths))
        running = _holder(paths, host)
        os.kill(running.pid, signal.SIGTERM)
        if _ended(paths, host, _STOP):
            return DaemonStopped(running.pid, forced=False)
        if lives(running, host):
            os.kill(running.pid, signal.SIGKILL)
        if not _ended(paths, host, _STOP):
            raise DaemonFailed(f"process {running.pid} does not end")
        return DaemonStopped(running.pid, forced=True)


def _holder(paths: Paths, host: Host) -> Identity:
    """The process that holds the lease: as the PID file says, else as the kernel says whose socket it is."""
    told = identity(paths, host)
    if told is not None and lives(told, host):
        return told
    try:
        with client.Client(paths, timeout=_PROBE * 2) as connected:
            asked = Identity(connected.peer, file_names.repository(paths), "", "", began(connected.peer, host))
    except DaemonNotRunning:
        asked = None
    if asked is None or not lives(asked, host):
        raise DaemonFailed(
            "a daemon holds the lease, and neither its PID file nor its socket says which process it is",
            f"find it with `fuser {file_names.lease(paths)}`, and end it",
        )
    return asked


def _ended(paths: Paths, host: Host, seconds: float) -> bool:
    lock = host.lock(file_names.lease(paths))
    try:
        lock.acquire(seconds)
    except StoreBusy:
        return False
    lock.release()
    return True


def status(paths: Paths, host: Host) -> DaemonStatus:
    """How the daemon is. Never fails, and never waits long."""
    if not is_held(paths, host):
        return DaemonStatus(running=False, status="stopped")
    running = identity(paths, host)
    pid, repository = (running.pid, running.repo_path) if running else (None, None)
    try:
        told = client.ask(paths, "health", timeout=_PROBE * 2)
    except ThrumError:
        return DaemonStatus(running=True, status="not answering", pid=pid, repo_path=repository)
    told_here = {name: told[name] for name in _TOLD}
    return DaemonStatus(running=True, status="running", health=told, **told_here)


def log_lines(paths: Paths, host: Host, count: int) -> list[str]:
    """The last lines of the log, oldest first, as far as they lie in its last 256 KiB."""
    path = file_names.log_file(paths)
    size = host.storage.size(path)
    if size < 0:
        return []
    start_at = max(size - 256 * 1024, 0)
    text = host.storage.read(path, start_at).decode("utf-8", "replace")
    return text.split("\n")[1 if start_at else 0 :][-count - 1 : -1] if count > 0 else []
