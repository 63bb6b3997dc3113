"""The limit of automatic replies between agents of two machines."""

from __future__ import annotations

import json

from tests.sync.clones import Clone
from tests.sync.conftest import Pair
from thrum_store.identity import Caller
from thrum_store.service.messages import offers, sending
from thrum_store.service.messages.offers import SeenMarker
from thrum_store.service.messages.sending import Reply


def turn(clone: Clone, name: str, *, woken: bool) -> None:
    with clone.open() as store:
        offers.begin_turn(store, name, woken=woken)


def replied(clone: Clone, name: str, message: str) -> str:
    with clone.open() as store:
        return sending.reply(store, Caller(name), Reply(message, "and you?")).header.id


def wakes(clone: Clone, name: str) -> bool:
    with clone.open() as store:
        return bool(offers.offer(store, Caller(name), SeenMarker(), wakes=True).messages)


def exchanged(pair: Pair) -> None:
    for clone in (pair.ours, pair.theirs, pair.ours):
        clone.sync()


def test_both_machines_count_the_same_and_a_person_at_one_of_them_lets_wakes_through(pair: Pair) -> None:
    for clone in (pair.ours, pair.theirs):
        config = clone.root / ".thrum/config.json"
        config.write_text(json.dumps({"local_only": False, "limits": {"auto_replies": 3}}))
    turn(pair.ours, "alice", woken=True)
    turn(pair.theirs, "bob", woken=True)
    message = pair.ours.send("alice", "shall we talk?", "@bob")
    for number in range(3):
        exchanged(pair)
        message = replied(*((pair.theirs, "bob") if number % 2 == 0 else (pair.ours, "alice")), message)
    exchanged(pair)
    assert not wakes(pair.ours, "alice")
    turn(pair.theirs, "bob", woken=False)  # a person writes to bob, who then answers
    replied(pair.theirs, "bob", message)
    exchanged(pair)
    assert wakes(pair.ours, "alice")
