"""Processes that speak through one store at once, and what must be true of it afterwards."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.environs import unmeasured
from tests.oracle import Spoken, shown, spoken, world
from thrum_store.identity import Caller
from thrum_store.repository.paths import Paths
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Register
from thrum_store.store import Store, open_store

SPEAKER = str(Path(__file__).with_name("speaker.py"))


def register(repo: Paths, names: list[str], roles: tuple[str, ...] = ("writer",)) -> list[Caller]:
    """Register agents, roles dealt out in turn."""
    with open_store(repo) as store:
        for count, name in enumerate(names):
            agents.register(store, Register(name, roles[count % len(roles)], "auth"))
    return [Caller(name, worktree="main") for name in names]


class Speaker:
    """A speaker that runs; `heard` is what it has acknowledged."""

    def __init__(self, repo: Paths, name: str, *job: str, before: tuple[str, ...] = (), **environ: str) -> None:
        command = [*before, sys.executable, SPEAKER, repo.root, name, *job]
        environment = unmeasured(**environ) if before else {**os.environ, **environ}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)

    def wait(self, seconds: float = 60) -> int:
        """Its status once it ended; negative for a signal."""
        self._out, self._complaints = self.process.communicate(timeout=seconds)
        return self.process.returncode

    def kill(self) -> None:
        """End it, now and for good."""
        self.process.send_signal(signal.SIGKILL)
        self.wait()

    def heard_first(self) -> None:
        """Return once it has acknowledged something, or has ended."""
        assert self.process.stdout is not None
        select.select([self.process.stdout], [], [], 30)

    @property
    def heard(self) -> list[dict[str, Any]]:
        """Return the acknowledged messages; only after `wait` or `kill`."""
        return [json.loads(line) for line in self._out.splitlines()]

    @property
    def complaints(self) -> str:
        """Return its stderr: empty unless something broke."""
        return self._complaints.decode()


def sound(repo: Paths) -> Spoken:
    """Assert that logs and view agree, that nothing is half there, that everybody can go on; return the messages."""
    with open_store(repo) as store:
        assert store.take_warnings() == []
        agree(store)
        assert store.view.execute("PRAGMA quick_check").fetchone() == ("ok",)
    return spoken(repo.logs)


def agree(store: Store) -> None:
    """Assert that the view shows what follows from the logs, each message with all its deliveries and tags."""
    logs = spoken(store.paths.logs)
    assert shown(store.view) == world(logs)
    for events in logs.values():
        for event in events:
            if event["y"] == "message.create":
                assert _tags(store, event["i"]) == sorted((kind, value) for kind, value in event["d"].get("scopes", []))


def _tags(store: Store, message: str) -> list[tuple[str, ...]]:
    sql = (
        "SELECT t.type, t.value FROM tags t JOIN messages m ON m.number = t.message"
        " WHERE t.field = 'scopes' AND m.id = ? ORDER BY t.type, t.value"
    )
    return store.view.execute(sql, (message,)).fetchall()


def messages_of(logs: Spoken, name: str) -> list[str]:
    """Return the ids of an agent's messages, in the order of its log."""
    return [
        event["i"]
        for (_, agent), events in logs.items()
        if agent == name
        for event in events
        if event["y"] == "message.create"
    ]


def nothing_lost(logs: Spoken, name: str, acknowledged: list[str]) -> None:
    """Assert that each acknowledged message of an agent is in its log once, in the order it was acknowledged."""
    sent = messages_of(logs, name)
    assert max(Counter(sent).values(), default=1) == 1
    assert [message for message in sent if message in set(acknowledged)] == acknowledged
