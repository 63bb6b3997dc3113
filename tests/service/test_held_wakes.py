"""The limit of automatic replies by the clock, across machines, and at no cost to a send."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.places import Place
from thrum_store.log.events import decode
from thrum_store.service.messages import offers, sending
from thrum_store.service.messages.offers import SeenMarker
from thrum_store.service.messages.sending import Reply, SendMessage, Sent
from thrum_store.service.team import overview, removal
from thrum_store.store import Store


def limited(place: Place, replies: int = 4, minutes: int = 30) -> None:
    limits = {"auto_replies": replies, "auto_minutes": minutes}
    Path(place.paths.config).write_text(json.dumps({"limits": limits}))


@pytest.fixture
def pair(place: Place) -> Place:
    place.join("ann")
    place.join("bob")
    limited(place)
    return place


def woken(place: Place, *names: str, by_a_person: bool = False) -> None:
    with place.open() as store:
        for name in names:
            offers.begin_turn(store, name, woken=not by_a_person)


def answered(place: Place, name: str, message: str) -> Sent:
    with place.open() as store:
        return sending.reply(store, place.caller(name), Reply(message, "and you?"))


def talked(place: Place, count: int, minutes: float) -> Sent:
    """Ann and bob answer each other, with this pause before each reply; return the last one."""
    woken(place, "ann", "bob")
    message = place.send("ann", "shall we talk?", "@bob")
    sent: list[Sent] = []
    for number in range(count):
        place.watch.pass_by(minutes=minutes)
        sent.append(answered(place, "bob" if number % 2 == 0 else "ann", message))
        message = sent[-1].header.id
    return sent[-1]


def wakes(place: Place, name: str) -> bool:
    with place.open() as store:
        return bool(offers.offer(store, place.caller(name), SeenMarker(), wakes=True).messages)


@pytest.mark.parametrize(("minutes", "held"), [(0, True), (9, True), (10, True), (10.1, False), (60, False)])
def test_only_replies_within_the_time_count(pair: Place, minutes: float, held: bool) -> None:
    sent = talked(pair, 6, minutes)
    assert bool(sent.warnings) == held
    assert wakes(pair, "bob") == (not held)


def test_a_pause_alone_lets_no_wake_through(pair: Place) -> None:
    talked(pair, 4, 1)
    pair.watch.pass_by(days=2)
    assert not wakes(pair, "bob")
    woken(pair, "ann", by_a_person=True)
    assert wakes(pair, "bob")


def test_a_rebuilt_view_holds_back_the_same(pair: Place) -> None:
    talked(pair, 4, 1)
    with pair.open() as store:
        store.rebuild()
    assert not wakes(pair, "bob")
    woken(pair, "bob", by_a_person=True)
    assert wakes(pair, "bob")
    with pair.open() as store:
        store.rebuild()
    assert wakes(pair, "bob")


def test_other_mail_wakes_and_what_was_held_back_is_still_shown_later(pair: Place) -> None:
    sent = talked(pair, 4, 1)
    other = pair.send("ann", "a new thread", "@bob")
    with pair.open() as store:
        first = offers.offer(store, pair.caller("bob"), SeenMarker(), wakes=True)
        assert sent.header.id not in [message.header.id for message in first.messages]
        assert other in [message.header.id for message in first.messages]
        again = offers.offer(store, pair.caller("bob"), first.seen, wakes=True)
        assert again.messages == ()
        shown = offers.offer(store, pair.caller("bob"), first.seen)
    assert sent.header.id in [message.header.id for message in shown.messages]
    assert "automatic replies" in shown.held[0]


def test_the_pairs_in_a_thread_are_counted_apart(pair: Place) -> None:
    pair.join("eve")
    woken(pair, "ann", "bob", "eve")
    message = pair.send("ann", "shall we talk?", "@bob", "@eve")
    for name in ("bob", "eve", "bob", "eve"):
        sent = answered(pair, name, message)
    assert sent.warnings == ()
    assert wakes(pair, "ann")
    for _ in range(2):
        answered(pair, "ann", message)
    with pair.open() as store:
        status = overview.status(store, pair.caller("ann"))
        assert {held.address for held in status.held_wakes} == {"bob", "eve"}
        assert {held.address for held in overview.status(store, pair.caller("bob")).held_wakes} == {"ann", "eve"}


def test_a_message_that_begins_a_thread_is_never_automatic(pair: Place) -> None:
    woken(pair, "ann")
    pair.send("ann", "news", "@bob")
    (file,) = Path(pair.paths.logs).glob("*/ann/*.jsonl")
    events = [decode(line) for line in file.read_bytes().splitlines()[1:]]
    assert not [kind for event in events for kind, _ in event.data.get("refs", []) if kind == "automatic"]


def test_an_agent_that_registers_again_under_the_name_begins_anew(pair: Place) -> None:
    woken(pair, "ann")
    with pair.open() as store:
        removal.delete(store, "ann", by="bob", force=True)
    pair.join("ann")
    answered(pair, "ann", pair.send("bob", "question", "@ann"))
    with pair.open() as store:
        rows = store.view.execute("SELECT count(*) FROM tags WHERE type = 'automatic'").fetchone()
    assert rows == (0,)


def test_agents_without_hooks_are_never_held_back(pair: Place) -> None:
    message = pair.send("ann", "shall we talk?", "@bob")
    for number in range(10):
        sent = answered(pair, "bob" if number % 2 == 0 else "ann", message)
        message = sent.header.id
        assert sent.warnings == ()
    assert wakes(pair, "bob")


def statements(store: Store, place: Place, request: SendMessage) -> int:
    seen: list[str] = []
    store.view.set_trace_callback(seen.append)
    try:
        sending.send(store, place.caller("ann"), request)
    finally:
        store.view.set_trace_callback(None)
    return len(seen)


def test_only_an_automatic_reply_costs_a_statement_more(pair: Place) -> None:
    parent = pair.send("bob", "question", "@ann")
    parents = [pair.send("bob", f"question {number}", "@ann") for number in range(3)]
    with pair.open() as store:
        sending.send(store, pair.caller("ann"), SendMessage("warm", to=("@bob",), reply_to=parent))
        plain = statements(store, pair, SendMessage("x", to=("@bob",), reply_to=parents[0]))
        begins = statements(store, pair, SendMessage("x", to=("@bob",)))
        offers.begin_turn(store, "ann", woken=True)
        assert statements(store, pair, SendMessage("x", to=("@bob",))) == begins
        automatic = statements(store, pair, SendMessage("x", to=("@bob",), reply_to=parents[1]))
    assert automatic - plain <= 2  # the row of the ref, and the look at the thread
