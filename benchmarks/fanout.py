"""A message to 200 subscribers of the daemon, until the last one has it; floor: the same bytes to 200 bare sockets."""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager

from thrum_mcp.daemon.process import control, file_names, lease
from thrum_store.identity import Caller
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import sessions
from thrum_store.store import open_store

from .measuring import Row, percentile, repository, shown

_SUBSCRIBERS = 200
_SINGLE = 200
_STORM = 5_000
_LINE = b"x" * 600 + b"\n"  # about as long as a notification


class Crowd:
    """Two hundred connections, and how many lines each has got."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._selector = selectors.DefaultSelector()
        self._lines = dict.fromkeys(sockets, 0)
        for listener in sockets:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ)

    def until(self, lines: int) -> int:
        """Wait until each has got so many lines in all; return the moment, in nanoseconds."""
        missing = {listener for listener, have in self._lines.items() if have < lines}
        while missing:
            for key, _ in self._selector.select(30):
                listener = key.fileobj
                assert isinstance(listener, socket.socket)
                self._lines[listener] += listener.recv(1 << 20).count(b"\n")
                if self._lines[listener] >= lines:
                    missing.discard(listener)
        return time.monotonic_ns()

    def counts(self) -> set[int]:
        """The different numbers of lines that they have got."""
        return set(self._lines.values())

    def close(self) -> None:
        """Close them all."""
        self._selector.close()
        for listener in self._lines:
            listener.close()


def measure() -> Iterator[Row]:
    """The rows of this page."""
    floor = _floor()
    with repository() as (paths, (sender, reader)), _daemon(paths):
        before = _memory(paths)
        crowd = _subscribed(paths, reader)
        memory = (_memory(paths) - before) / _SUBSCRIBERS
        single = _singles(paths, sender, crowd)
        ratio = percentile(single, 50) / percentile(floor, 50)
        yield Row(f"send returned → {_SUBSCRIBERS} subscribers have it", shown(single), shown(floor), ratio)
        rate = _storm(paths, sender, crowd)
        crowd.close()
    yield Row(f"{_STORM} messages to {_SUBSCRIBERS} subscribers, each once", f"{rate:,.0f} notifications/s")
    yield Row("daemon memory per subscriber", f"{memory / 1024:.1f} KiB")


def _floor() -> list[float]:
    """The same number of bytes from one bare process through two hundred socket pairs."""
    pairs = [socket.socketpair() for _ in range(_SUBSCRIBERS)]
    child = os.fork()
    if child == 0:
        _echo([theirs for theirs, _ in pairs])
    for theirs, _ in pairs[1:]:
        theirs.close()
    crowd = Crowd([ours for _, ours in pairs])
    trigger, taken = pairs[0][1], list[float]()
    for number in range(_SINGLE):
        start = time.monotonic_ns()
        trigger.send(b"!")
        taken.append((crowd.until(number + 1) - start) / 1e6)
    crowd.close()
    pairs[0][0].close()
    os.waitpid(child, 0)
    return sorted(taken)


def _echo(sockets: list[socket.socket]) -> None:
    for _ in range(_SINGLE):
        sockets[0].recv(1)
        for listener in sockets:
            listener.sendall(_LINE)
    os._exit(0)


@contextmanager
def _daemon(paths: Paths) -> Generator[None]:
    control.start(paths, REAL, ("--local",))
    try:
        yield
    finally:
        control.stop(paths, REAL)


def _subscribed(paths: Paths, reader: Caller) -> Crowd:
    with open_store(paths) as store:
        sessions.start(store, reader)
    sockets: list[socket.socket] = []
    for number in range(_SUBSCRIBERS):
        listener = socket.socket(socket.AF_UNIX)
        listener.connect(file_names.usual_socket(paths))
        method, params = ("subscriptions.listen", {}) if number else ("subscribe", {"all": True})
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "caller_agent_id": reader.name}}
        listener.sendall(json.dumps(call).encode() + b"\n")
        answer = json.loads(listener.recv(65536))
        assert "result" in answer, answer
        sockets.append(listener)
    return Crowd(sockets)


def _memory(paths: Paths) -> int:
    """Bytes of the daemon that are in memory."""
    running = lease.read_pid_file(paths, REAL)
    assert running is not None
    pages = REAL.storage.read(f"/proc/{running.pid}/statm", limit=4096)
    return int(pages.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _singles(paths: Paths, sender: Caller, crowd: Crowd) -> list[float]:
    taken: list[float] = []
    with ExitStack() as stack:
        store = stack.enter_context(open_store(paths))
        for number in range(_SINGLE):
            sending.send(store, sender, SendMessage(f"message {number}", to=("@a1",)))
            start = time.monotonic_ns()
            taken.append(max(crowd.until(number + 1) - start, 0) / 1e6)
    return sorted(taken)


def _storm(paths: Paths, sender: Caller, crowd: Crowd) -> float:
    script = (
        "import sys; from benchmarks.fanout import storm; from thrum_store.repository.paths import initialized; "
        "storm(initialized(sys.argv[1]), sys.argv[2])"
    )
    start = time.monotonic_ns()
    child = subprocess.Popen([sys.executable, "-c", script, paths.root, sender.name])
    end = crowd.until(_SINGLE + _STORM)
    assert child.wait() == 0
    assert crowd.counts() == {_SINGLE + _STORM}, "somebody was told twice"
    return _STORM * _SUBSCRIBERS / ((end - start) / 1e9)


def storm(paths: Paths, sender: str) -> None:
    """Send all of them, as fast as it can; runs in a process of its own."""
    with open_store(paths) as store:
        caller = Caller(sender, worktree=paths.worktree)
        for number in range(_STORM):
            sending.send(store, caller, SendMessage(f"storm {number}", to=("@a1",)))
