"""kill -9 of writers at any moment: nothing acknowledged is missing, nothing is half there, and everybody goes on."""

from __future__ import annotations

import random
import select

import pytest

from thrum_store.repository.paths import Paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import open_store

from .crowd import Speaker, nothing_lost, register, sound

NAMES = ["alice", "bob", "carol", "dave"]


def test_a_hundred_killed_writers_lose_nothing_they_acknowledged(repo: Paths) -> None:
    kill_writers(repo, 100)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_thousand_killed_writers_lose_nothing_they_acknowledged(repo: Paths) -> None:
    kill_writers(repo, 1000)


def kill_writers(repo: Paths, kills: int) -> None:
    """Keep four writers busy, kill each within 30 ms of its first message, and check what is left."""
    *_, erin = register(repo, [*NAMES, "erin"])
    acknowledged: dict[str, list[str]] = {name: [] for name in NAMES}
    draw = random.Random(kills)
    running = {name: start(repo, name) for name in NAMES}
    for count in range(kills):
        name = NAMES[count % len(NAMES)]
        speaker = running[name]
        speaker.heard_first()
        select.select([], [], [], draw.uniform(0, 0.03))
        speaker.kill()
        assert speaker.complaints == ""
        acknowledged[name] += [answer["id"] for answer in speaker.heard]
        running[name] = start(repo, name)
        with open_store(repo) as store:  # the next command works at once, whoever died while holding what
            assert sending.send(store, erin, SendMessage("on", to=("bob",))).warnings == ()
    for name, speaker in running.items():
        speaker.kill()
        acknowledged[name] += [answer["id"] for answer in speaker.heard]
    logs = sound(repo)
    for name in NAMES:
        assert acknowledged[name]
        nothing_lost(logs, name, acknowledged[name])


def start(repo: Paths, name: str) -> Speaker:
    """Start a writer that never ends."""
    return Speaker(repo, name, "chatter", "0", *NAMES, "writer", "everyone")
