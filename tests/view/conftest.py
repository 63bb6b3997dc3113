"""A store without a repository around it, and events of several agents and stores in its logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from thrum_store.log.events import Draft, Event
from thrum_store.log.segments import EventLog, Shard, ShardPosition
from thrum_store.machine.host import Storage
from thrum_store.repository.paths import STORE_FILE, Paths
from thrum_store.store import Store, open_store

OWN = "o" * 26
OTHER = "p" * 26


class Writer:
    """Appends to the logs of any agent of any store, at any time, and shows it to nobody."""

    def __init__(self, paths: Paths) -> None:
        self._log = EventLog(paths.logs, Storage())
        self._heads: dict[Shard, ShardPosition] = {}

    def append(self, agent: str, ms: int, event_type: str, data: dict[str, Any], store: str = OWN) -> Event:
        """Append an event."""
        shard = Shard(store, agent)
        reading = self._log.append(shard, self._heads.get(shard, ShardPosition()), [Draft(event_type, data)], ms)
        self._heads[shard] = reading.head
        return reading.events[0]

    def register(self, agent: str, ms: int = 1, store: str = OWN) -> Event:
        """Register an agent."""
        data = {"kind": "agent", "role": "r", "module": "m", "display": "", "worktree": "main", "host": "h"}
        return self.append(agent, ms, "agent.register", data, store)

    def send(self, agent: str, ms: int, to: str, text: str = "x", store: str = OWN) -> Event:
        """Send a message."""
        data = {"to": [["agent", to]], "recipients": [to], "content": text, "format": "plain"}
        return self.append(agent, ms, "message.create", data, store)


@pytest.fixture
def paths(scratch: Path) -> Paths:
    """The places of an empty store."""
    thrum = scratch / ".thrum"
    for directory in ("locks", "bells"):
        (thrum / "var" / directory).mkdir(parents=True)
    (thrum / "var" / STORE_FILE).write_text(json.dumps({"store": OWN}))
    return Paths(str(scratch), str(scratch / ".git"), str(scratch / ".git"), str(thrum), str(thrum), str(thrum / "var"))


@pytest.fixture
def writer(paths: Paths) -> Writer:
    """A writer to the logs, behind the store's back."""
    return Writer(paths)


@pytest.fixture
def opened(paths: Paths) -> Iterator[Store]:
    """The store of `paths`."""
    with open_store(paths) as store:
        yield store


def mailbox(store: Store, agent: str, own: str = OWN) -> list[str]:
    """Return the texts in a mailbox, oldest delivery first."""
    sql = (
        "SELECT m.content FROM deliveries d JOIN messages m ON m.number = d.message JOIN shards s ON s.id = d.recipient"
        " WHERE s.store = ? AND s.agent = ? ORDER BY d.number"
    )
    return [text for (text,) in store.view.execute(sql, (own, agent))]
