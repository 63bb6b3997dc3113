"""A log on a disk, and events to append to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from thrum_store.log.events import Draft, Event
from thrum_store.log.purged_log import PurgedLog
from thrum_store.log.segments import EventLog, Shard, ShardPosition
from thrum_store.machine.host import REAL, Host

SHARD = Shard("s" * 26, "alice")


def message(text: str) -> Draft:
    """Return a message to bob."""
    return Draft(
        "message.create", {"to": [["agent", "bob"]], "recipients": ["bob"], "content": text, "format": "plain"}
    )


def appended(log: EventLog, head: ShardPosition, *texts: str, ms: int = 1000) -> ShardPosition:
    """Append messages at `head`, one after the other; return the new end."""
    for text in texts:
        head = log.append(SHARD, head, [message(text)], ms).head
    return head


def events(log: EventLog) -> list[Event]:
    """Return all events of the shard, read from its beginning."""
    read: list[Event] = []
    head = ShardPosition()
    while True:
        reading = log.read(SHARD, head)
        assert not reading.torn and not reading.damage
        if reading.head == head:
            return read
        read, head = read + reading.events, reading.head


def texts(log: EventLog) -> list[str]:
    """Return the texts of all messages of the shard."""
    return [event.data["content"] for event in events(log)]


@pytest.fixture
def host() -> Host:
    """The real machine."""
    return REAL


@pytest.fixture
def var(scratch: Path) -> str:
    """An empty directory .thrum/var."""
    (scratch / "var").mkdir()
    return str(scratch / "var")


@pytest.fixture
def log(scratch: Path, var: str, host: Host) -> PurgedLog:
    """An empty log."""
    return PurgedLog(str(scratch / "v1"), var, host)
