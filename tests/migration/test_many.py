"""A hundred thousand messages are migrated in linear time, with progress, and once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.cli.shell import SCRIPT, Shell

from .go_store import GoStore


def filled(folder: Path, count: int) -> GoStore:
    """A store of ten agents and so many messages, every third one read."""
    store = GoStore.at(folder, "feature")
    names = [f"agent-{number}" for number in range(10)]
    for number, name in enumerate(names):
        store.agent(name, ("main", "feature")[number % 2], at=number)
    chance = random.Random(7)
    for number in range(count):
        author, reader = chance.sample(names, 2)
        message = store.message(author, f"message {number}", 100 + number, [reader], recipients=[reader])
        if number % 3 == 0:
            store.read(author, message, reader, 101 + number)
    return store.write()


def counted(shell: Shell, count: int) -> None:
    """Check that all messages are here, in order of time for a reader, and that nothing is brought twice."""
    answer = shell.run("migrate", "--json")
    assert answer.code == 0, answer.err
    rows = shell.having(THRUM_NAME="agent-0").json("query", "SELECT count(*) AS n FROM messages")["rows"]
    assert rows == [{"n": count}]
    again = shell.json("migrate")
    assert [again[key] for key in ("messages", "known", "receipts")] == [0, count, 0]
    inbox = shell.having(THRUM_NAME="agent-0").json("inbox", "--page-size", "100")["messages"]
    sent = [message["created_at"] for message in inbox]
    assert len({message["agent_id"] for message in inbox}) > 5
    assert sent == sorted(sent, reverse=True)


def test_messages_of_several_windows_keep_their_order(tmp_path: Path) -> None:
    counted(filled(tmp_path, 2500).shell(), 2500)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_messages(scratch: Path) -> None:
    store = filled(scratch, 100_000)
    started = store.shell().start("migrate", "--verbose")
    _, progress = started.communicate()
    assert started.returncode == 0, (SCRIPT, progress)
    assert b"50,0" in progress  # a line about the events so far
    rows = store.shell().having(THRUM_NAME="agent-0").json("query", "SELECT count(*) AS n FROM messages")["rows"]
    assert rows == [{"n": 100_000}]
