"""A real daemon in a real repository, and clients that send it bytes over sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Two
from thrum_mcp.daemon.process import control, file_names, lease
from thrum_store.identity import Caller
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import sessions
from thrum_store.store import open_store

DEADLINE = 30.0  # seconds after which a test has failed; nothing here waits that long when it works
Answer = dict[str, Any]


class Wire:
    """A connection to the Unix socket."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.settimeout(DEADLINE)
        self.file = self.socket.makefile("rb")
        self.number = 0
        self.early: list[Answer] = []

    def send(self, data: bytes) -> None:
        """Send any bytes."""
        self.socket.sendall(data)

    def line(self) -> Any:
        """Return the next line; None if the daemon ended the connection."""
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, method: str, **params: object) -> Answer:
        """Return a whole answer; keep the notifications that come before it."""
        self.number += 1
        asked = f"asked {self.number}"
        call = {"jsonrpc": "2.0", "id": asked, "method": method, "params": params}
        self.send(json.dumps(call).encode() + b"\n")
        while True:
            message = self.line()
            assert message is not None, "the daemon ended the connection"
            answer: Answer = {} if isinstance(message, list) else message
            if answer.get("id") == asked:
                return answer
            self.early.append(answer)

    def result(self, method: str, **params: object) -> Answer:
        """Return the result of a method that must not fail."""
        answer = self.ask(method, **params)
        assert "result" in answer, answer
        return dict(answer["result"])

    def refusal(self, method: str, **params: object) -> Answer:
        """Return the error of a method that must fail."""
        answer = self.ask(method, **params)
        assert "error" in answer, answer
        return dict(answer["error"])

    def notification(self) -> Answer:
        """Return the params of the next `notification.message`."""
        message = self.early.pop(0) if self.early else self.line()
        assert message is not None, "the daemon ended the connection"
        assert message["method"] == "notification.message"
        return dict(message["params"])

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Daemon:
    """A daemon of a repository, running in the background."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def start(self, *arguments: str) -> control.DaemonStarted:
        return control.start(self.paths, REAL, arguments)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        running = lease.read_pid_file(self.paths, REAL)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        held = REAL.lock(file_names.lease(self.paths))
        held.acquire(DEADLINE)
        held.release()

    def wire(self) -> Wire:
        return Wire(file_names.socket_in_use(self.paths, REAL))

    def port(self) -> int:
        return int(Path(file_names.port_file(self.paths)).read_text(encoding="ascii"))

    def token(self) -> str:
        return Path(file_names.token_file(self.paths)).read_text(encoding="ascii").strip()


@pytest.fixture
def quiet(repo: Paths, two_agents: Two, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A repository with alice, bob and their sessions, and no daemon yet; a started one is stopped."""
    monkeypatch.setenv("THRUM_WS_PORT", str(free_port()))
    with open_store(repo) as store:
        for caller in two_agents:
            sessions.start(store, caller)
    daemon = Daemon(repo)
    yield daemon
    if lease.is_held(repo, REAL):
        control.stop(repo, REAL)


@pytest.fixture
def daemon(quiet: Daemon) -> Daemon:
    """A daemon that serves."""
    quiet.start()
    return quiet


@pytest.fixture
def wire(daemon: Daemon) -> Iterator[Wire]:
    """A connection to it."""
    with daemon.wire() as opened:
        yield opened


def free_port() -> int:
    """Return a port that is free at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def send(paths: Paths, content: str, *to: str, author: str = "bob", scopes: tuple[str, ...] = ()) -> str:
    """Send a message from this process, without the daemon; return its id."""
    with open_store(paths) as store:
        caller = Caller(author, worktree="main")
        return sending.send(store, caller, SendMessage(content, to=to, scopes=scopes)).header.id


def spawn(paths: Paths, *arguments: str) -> subprocess.Popen[bytes]:
    """Start `daemon run` as a child of the test."""
    command = [sys.executable, "-P", "-m", "thrum_mcp.daemon", "--repo", paths.root, *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
