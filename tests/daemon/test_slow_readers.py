"""Slow readers cost little, delay nobody, are disconnected, and lose nothing."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import anyio
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.conftest import Two
from tests.daemon.conftest import DEADLINE, Daemon, Wire, free_port, send
from tests.daemon.test_websocket import ask, auth
from thrum_mcp.daemon.limits import LIMITS, Limits
from thrum_mcp.daemon.running import DaemonOptions, Running
from thrum_store.identity import Caller
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import sessions
from thrum_store.store import open_store
from thrum_store.values import replaced

LITTLE = replaced(LIMITS, backlog=64 * 1024, patience=0.3)
MANY = 600


@contextmanager
def serving(paths: Paths, limits: Limits, monkeypatch: pytest.MonkeyPatch) -> Generator[Daemon]:
    """Run a daemon with its own limits in this process."""
    monkeypatch.setenv("THRUM_WS_PORT", str(free_port()))
    up, end = threading.Event(), anyio.Event()
    running = Running(paths, REAL, DaemonOptions(limits=limits))

    async def serve() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(running.run, up.set)
            await end.wait()
            group.cancel_scope.cancel()

    with anyio.from_thread.start_blocking_portal() as portal:
        done = portal.start_task_soon(serve)
        try:
            assert up.wait(DEADLINE)
            yield Daemon(paths)
        finally:
            portal.call(end.set)
            done.result(DEADLINE)


@pytest.fixture
def strict(repo: Paths, two_agents: Two, monkeypatch: pytest.MonkeyPatch) -> Generator[Daemon]:
    """A daemon with a small backlog and little patience."""
    with open_store(repo) as store:
        for caller in two_agents:
            sessions.start(store, caller)
    with serving(repo, LITTLE, monkeypatch) as daemon:
        yield daemon


def flood(paths: Paths, count: int, start: int = 0) -> None:
    """Send messages that fill every buffer."""
    with open_store(paths) as store:
        for number in range(start, start + count):
            request = SendMessage(f"{number} " + "😀" * 98, to=("@alice",), scopes=tuple(f"s{k}:x" for k in range(20)))
            sending.send(store, Caller("bob", worktree="main"), request)


def numbers(wire: Wire, last: int) -> list[int]:
    """The numbers of the messages that a client gets, up to the last, or until the connection ends."""
    numbers_read: list[int] = []
    while not numbers_read or numbers_read[-1] != last:
        try:
            line = wire.line()
        except ConnectionError:
            break
        if line is None:
            break
        if "params" in line:
            numbers_read.append(int(line["params"]["preview"].split()[0]))
            wire.early = [line]
    return numbers_read


def test_who_does_not_read_is_cut_off_and_comes_back_with_nothing_lost(strict: Daemon) -> None:
    slow = strict.wire()
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    cursor = slow.result("subscribe", all=True, caller_agent_id="alice")["cursor"]
    with strict.wire() as quick:
        quick.result("subscriptions.listen", caller_agent_id="alice")
        sender = threading.Thread(target=flood, args=(strict.paths, MANY))
        sender.start()
        assert numbers(quick, MANY - 1) == list(range(MANY))
        sender.join()
        while quick.result("health")["listening"] > 1:
            send(strict.paths, f"{MANY} more", "@alice")
            quick.early.clear()
    read = numbers(slow, -1)
    slow.close()
    assert read == list(range(len(read)))
    assert len(read) < MANY
    cursor = slow.early[0]["params"]["cursor"] if read else cursor
    with strict.wire() as back:
        back.result("subscriptions.listen", after=cursor, caller_agent_id="alice")
        assert numbers(back, MANY - 1) == list(range(len(read), MANY))


def test_who_reads_late_and_not_too_late_gets_everything(
    repo: Paths, two_agents: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages that fit into no buffer wait in the log, not in the daemon."""
    with open_store(repo) as store:
        sessions.start(store, two_agents.alice)
    with serving(repo, replaced(LITTLE, patience=60), monkeypatch) as daemon, daemon.wire() as late:
        late.result("subscribe", all=True, caller_agent_id="alice")
        flood(repo, MANY)
        assert numbers(late, MANY - 1) == list(range(MANY))


def test_a_websocket_that_is_cut_off_hears_1013(strict: Daemon) -> None:
    port = strict.port()
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", port))
    address = f"ws://localhost:{port}/"
    with connect(address, sock=narrow, compression=None, max_queue=1, ping_interval=None) as slow:
        slow.send(auth(strict.token()).decode())
        slow.recv(DEADLINE)
        ask(slow, "subscribe", all=True, caller_agent_id="alice")
        with strict.wire() as watching:
            number = 0
            while watching.result("health")["listening"]:
                flood(strict.paths, 50, number)
                number += 50
        read: list[int] = []
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                line = json.loads(slow.recv(DEADLINE))
                read.append(int(line["params"]["preview"].split()[0]))
        assert read == list(range(len(read)))
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1013


HURRIED = replaced(LIMITS, unfinished=0.2, idle=0.2, handshake=0.2, token=0.2)


@pytest.fixture
def hurried(repo: Paths, two_agents: Two, monkeypatch: pytest.MonkeyPatch) -> Generator[Daemon]:
    """A daemon with short time-outs."""
    with open_store(repo) as store:
        sessions.start(store, two_agents.alice)
    with serving(repo, HURRIED, monkeypatch) as daemon:
        yield daemon


def test_a_connection_that_says_nothing_is_ended(hurried: Daemon) -> None:
    with hurried.wire() as silent:
        assert silent.line() is None


def test_one_that_listens_may_be_silent(hurried: Daemon) -> None:
    with hurried.wire() as listening, hurried.wire() as silent:
        listening.result("subscribe", all=True, caller_agent_id="alice")
        assert silent.line() is None
        with hurried.wire() as another:
            assert another.line() is None
        send(hurried.paths, "still there?", "@alice")
        assert listening.notification()["preview"] == "still there?"


def test_a_request_that_never_ends_is_not_waited_for(hurried: Daemon) -> None:
    with hurried.wire() as dribbling:
        dribbling.result("subscribe", all=True, caller_agent_id="alice")
        with pytest.raises(ConnectionError):
            while True:
                dribbling.send(b" ")


@pytest.mark.parametrize("begin", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_handshake_that_never_ends_is_not_waited_for(hurried: Daemon, begin: bytes) -> None:
    with socket.create_connection(("127.0.0.1", hurried.port()), DEADLINE) as dribbling:
        dribbling.sendall(begin)
        with pytest.raises(ConnectionError):
            if not dribbling.recv(1):
                raise ConnectionResetError
