"""The same set of events gives the same view: in any order between shards, any batches, with repeats and rebuilds."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from tests.canonical import dump
from tests.oracle import World, shown, world
from thrum_store.store import open_store

from .several_stores import OTHERS, OWN, SHARDS, WIDE, Action, Arrivals, History, actions, history, shards

Dump = dict[str, list[str]]
BOB = (OTHERS[0], "bob")
MEMORY = "/dev/shm"  # hundreds of small stores: on a disk this test would mostly wait

steps = st.lists(
    st.tuples(shards, st.integers(1, 4), st.sampled_from(["", "", "catch up", "again", "rebuild", "reopen"])),
    max_size=25,
)


def registered(role: str, ms: int) -> Action:
    """Return the registration of another store's bob with this role at that time."""
    logs = {"kind": "agent", "role": role, "module": "m", "display": "", "worktree": "main", "host": "h"}
    return Action(BOB, ms, "agent.register", logs)


# Reached, read, not reached any more because a clock went back, and reached again: it was read when it was read first.
READ_AND_WITHDRAWN = [
    Action((OWN, "ann"), 3, "message.create", {"content": "x", "format": "plain", "to": [WIDE[1]], "recipients": []}),
    registered("red", 1),
    Action(BOB, 4, "message.read", {}),
    registered("blue", 2),
    registered("red", 3),
    Action(BOB, 5, "group.create", {"group": "team"}),
]
# A group that was deleted while another machine added to it holds nobody, inside of another group either.
ADDED_TO_WHAT_WAS_DELETED = [
    Action((OWN, "ann"), 0, "group.create", {"group": "team"}),
    Action((OWN, "ann"), 0, "group.create", {"group": "crew"}),
    Action((OWN, "ann"), 0, "group.member.add", {"group": "team", "member_type": "group", "member_value": "crew"}),
    registered("red", 0),
    Action(BOB, 1, "group.member.add", {"group": "crew", "member_type": "role", "member_value": "red"}),
    Action((OWN, "ann"), 2, "group.delete", {"group": "crew"}),
    Action(
        (OWN, "ann"), 3, "message.create",
        {"content": "x", "format": "plain", "to": [["group", "team"]], "recipients": []},
    ),
]  # fmt: skip
# Read twice, the second time by a clock that went back; and read by somebody who never got it, then deleted.
TO_BOB = {"content": "x", "format": "plain", "to": [], "recipients": [f"bob@{OTHERS[0]}"]}
READ_TWICE = [
    Action((OWN, "ann"), 1, "message.create", TO_BOB),
    Action((OWN, "ann"), 1, "message.create", TO_BOB | {"recipients": []}),
    Action((OWN, "ann"), 2, "message.delete", {}, 1),
    Action(BOB, 4, "message.read", {}, 0),
    Action(BOB, 3, "message.read", {}, 0),
    Action(BOB, 3, "message.read", {}, 1),
]
STEP_BY_STEP = [((OWN, "ann"), 1, "catch up"), *[(BOB, 1, "catch up")] * 5]
BOB_FIRST = [(BOB, 9, "catch up"), *[((OWN, "ann"), 1, "catch up")] * 3]
IN_TWO_BATCHES = [((OWN, "ann"), 1, "catch up"), (BOB, 5, "catch up")]


@given(actions, steps, steps, st.sets(st.integers(1, 5), max_size=3))
@example(READ_AND_WITHDRAWN, STEP_BY_STEP, IN_TWO_BATCHES, set())
@example(READ_TWICE, STEP_BY_STEP, BOB_FIRST, set())
@example(ADDED_TO_WHAT_WAS_DELETED, STEP_BY_STEP, [], {1})
def test_the_same_events_give_the_same_view_in_any_order(
    made_up: list[Action], first: list[Step], second: list[Step], breaks: set[int]
) -> None:
    logs = history(made_up)
    expected = world(logs.events)
    at_once, all_seen = arrived(logs, breaks, [])
    assert all_seen == expected
    for order in (first, second):
        view, seen = arrived(logs, breaks, order)
        assert seen == expected
        assert view == at_once


Step = tuple[tuple[str, str], int, str]


def arrived(logs: History, breaks: set[int], order: list[Step]) -> tuple[Dump, World]:
    """Return the view of a store that got these events in this order; the rest of them come at the end."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None) as root:
        arrivals = Arrivals(Path(root), logs, breaks)
        store = open_store(arrivals.paths)
        for who, count, then in order:
            arrivals.bring(who, count)
            if then == "reopen":
                store.close()
                store = open_store(arrivals.paths)
            elif then == "rebuild":
                store.rebuild()
            elif then:
                store.catch_up()
            if then == "again":
                store.catch_up()
        for who in SHARDS:
            arrivals.bring(who, arrivals.left(who))
        store.catch_up()
        result = dump(store.view), shown(store.view)
        store.close()
    return result
