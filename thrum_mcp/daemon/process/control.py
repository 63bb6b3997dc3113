"""Start and stop of the daemon's process.

A signal is sent only while the lease is held, and only to a process that started when the PID file says, or that the
kernel names as the owner of the daemon's socket. So no other process is ever ended.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from thrum_store import values
from thrum_store.machine.host import Host, Lock
from thrum_store.machine.process import peer_pid
from thrum_store.repository.paths import DAEMON_START_LOCK, Paths
from thrum_store.values import Record

from . import client, facts, file_names, lease
from .errors import DaemonFailed, DaemonNotRunning

READY = b"!"  # what a daemon writes to the process that started it, once it serves
ALREADY_RUNNING = 3  # the exit code of `daemon run` where another daemon serves
_START = 20.0  # seconds for the daemon to answer
_STOP = 10.0  # seconds for it to end by itself, before it is killed
_CONNECT = 2.0  # seconds to connect to a daemon whose PID file is lost


class DaemonStarted(Record):
    """A daemon that answers."""

    pid: int
    repo_path: str
    socket_path: str
    ws_port: int | None
    local_only: bool


class DaemonStopped(Record):
    """A daemon that has ended; `forced` if it had to be killed."""

    pid: int
    forced: bool


def start(paths: Paths, host: Host, arguments: tuple[str, ...] = ()) -> DaemonStarted:
    """Start the daemon in the background; return once it answers. Raises AlreadyRunning, DaemonFailed."""
    with _start_lock(paths, host):  # several starters take turns
        if lease.is_held(paths, host):
            raise lease.already_running(paths, host)
        _spawn(paths, host, arguments)
        health = client.ask(paths, "health")
    return DaemonStarted(
        health["pid"], health["repo_path"], health["socket_path"], health["ws_port"], health["local_only"]
    )  # fmt: skip


def _start_lock(paths: Paths, host: Host) -> Lock:
    return host.lock(paths.in_var(DAEMON_START_LOCK))


def command(paths: Paths, arguments: tuple[str, ...]) -> list[str]:
    """Return the command line of the daemon's process.

    `-P` keeps Python from importing files of the repository in place of our own modules.
    """
    return [sys.executable, "-P", "-m", "thrum_mcp.daemon", "--repo", file_names.repository(paths), *arguments]


def _spawn(paths: Paths, host: Host, arguments: tuple[str, ...]) -> None:
    """Start the daemon's process, detached, and wait until it reports that it serves."""
    host.storage.directory(os.path.dirname(file_names.log_file(paths)))
    ready, report = os.pipe()
    try:
        child = _detached(paths, (*arguments, "--ready-fd", str(report)), report)
    finally:
        os.close(report)
    try:
        _await(child, ready, paths, host)
    finally:
        os.close(ready)


def _detached(paths: Paths, arguments: tuple[str, ...], inherited: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(paths, arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=file_names.repository(paths),
        pass_fds=(inherited,),
        start_new_session=True,
    )


def _await(child: subprocess.Popen[bytes], ready: int, paths: Paths, host: Host) -> None:
    """Wait for the child's report, or for its end. Raises AlreadyRunning, DaemonFailed."""
    poll = select.poll()
    poll.register(ready, select.POLLIN)
    report = os.read(ready, 65536) if poll.poll(_START * 1000) else None
    if report == READY:
        child.returncode = 0  # it lives on, and nobody waits for it
        return
    if report is None:
        child.kill()
    code = child.wait()
    if code == ALREADY_RUNNING:
        raise lease.already_running(paths, host)
    if report:
        reason, hint = values.loads(report)
        raise DaemonFailed(f"the daemon did not start: {reason}", hint)
    silence = f"it reported nothing for {_START:.0f} s" if report is None else f"it ended with {code}"
    raise DaemonFailed(f"the daemon did not start: {silence}")


def stop(paths: Paths, host: Host) -> DaemonStopped:
    """End the daemon; kill it if it takes longer than ten seconds. Raises DaemonNotRunning, DaemonFailed."""
    with _start_lock(paths, host):
        if not lease.is_held(paths, host):
            raise DaemonNotRunning(file_names.repository(paths))
        pid, began = _holder(paths, host)
        os.kill(pid, signal.SIGTERM)
        if lease.is_free_within(paths, host, _STOP):
            return DaemonStopped(pid, forced=False)
        if facts.is_alive(pid, began):
            os.kill(pid, signal.SIGKILL)
        if not lease.is_free_within(paths, host, _STOP):
            raise DaemonFailed(f"process {pid} does not end")
        return DaemonStopped(pid, forced=True)


def _holder(paths: Paths, host: Host) -> tuple[int, str]:
    """Return the process that holds the lease and its start: from the PID file, else from the daemon's socket."""
    content = lease.read_pid_file(paths, host)
    if content is not None and facts.is_alive(content.pid, content.began):
        return content.pid, content.began
    try:
        with client.Client(paths, timeout=_CONNECT) as connected:
            pid = peer_pid(connected.socket)
    except DaemonNotRunning:
        pid = 0
    began = facts.started(pid) if pid > 1 else ""
    if not began:
        raise DaemonFailed(
            "a daemon holds the lease, but neither its PID file nor its socket says which process it is",
            f"find it with `fuser {file_names.lease(paths)}`, and end it",
        )
    return pid, began
