"""Kills and restarts in a loop, under load: clients reconnect, and no message is lost or comes twice."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.daemon.conftest import DEADLINE, Daemon, Wire
from thrum_mcp.daemon.process import control
from thrum_mcp.daemon.process.status import daemon_status
from thrum_store.machine.host import REAL

UP_WITHIN = 3.0  # seconds from the start to the first answer; the start itself fails where it takes longer
ROUNDS = [20, pytest.param(200, marks=[pytest.mark.nightly, pytest.mark.timeout(1800)])]

LOAD = """
import sys
from thrum_store.repository import paths
from thrum_store.identity import Caller
from thrum_store.service.messages import sending as messages
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import open_store

number = 0
for line in sys.stdin:
    with open_store(paths.find(sys.argv[1])) as store:
        for _ in range(3):
            messages.send(store, Caller("bob", worktree="main"), SendMessage(f"m {number}", to=("@alice",)))
            number += 1
    print(number, flush=True)
"""


class Load:
    """Another process that sends three messages for each line of its input."""

    def __init__(self, daemon: Daemon) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", LOAD, daemon.paths.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def go(self) -> None:
        """Make it send, without waiting for it."""
        self.stdin.write("\n")
        self.stdin.flush()

    def sent(self) -> int:
        """Return the number of messages it has sent in all, once it is done."""
        return int(self.stdout.readline())

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdin.close()
        self.process.wait(DEADLINE)
        self.stdout.close()


def reconnected(daemon: Daemon, cursor: str) -> Wire:
    """Return a client that continues where it was."""
    wire = daemon.wire()
    wire.result("subscriptions.listen", after=cursor, caller_agent_id="alice")
    return wire


@pytest.mark.parametrize("rounds", ROUNDS)
def test_killed_and_started_in_a_loop_under_load(quiet: Daemon, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet.start()
    monkeypatch.setattr(control, "_START", UP_WITHIN)
    with quiet.wire() as wire:
        cursor = str(wire.result("subscribe", all=True, caller_agent_id="alice")["cursor"])
    previews: list[str] = []
    total = 0
    with Load(quiet) as load:
        for number in range(rounds):
            wire = reconnected(quiet, cursor)
            load.go()
            for _ in range(number % 3):
                notification = wire.notification()
                previews.append(notification["preview"])
                cursor = notification["cursor"]
            quiet.kill()
            total = load.sent()
            wire.close()
            quiet.start()
    with reconnected(quiet, cursor) as wire:
        while len(previews) < total:
            previews.append(wire.notification()["preview"])
        listed = wire.result("message.list", caller_agent_id="alice", page_size=1)
    assert previews == [f"m {number}" for number in range(rounds * 3)]
    assert listed["total"] == rounds * 3
    assert daemon_status(quiet.paths, REAL).status == "running"
