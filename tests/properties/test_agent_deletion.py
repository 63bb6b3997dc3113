"""Deleted agents: the view is the same whatever came first, and nothing of what was theirs before is left in it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tests.oracle import world

from .several_stores import OWN, WIDE, Action, actions, history, shards, times
from .test_any_order import BOB, Step, arrived, registered, steps

deletions = st.lists(st.builds(Action, shards, times, st.just("agent.delete"), st.just({"by": ""})), max_size=4)


@st.composite
def with_deletions(draw: st.DrawFn) -> list[Action]:
    """Draw the events of several stores, some deletions among them."""
    return draw(st.permutations([*draw(actions), *draw(deletions)]))


# Another machine's message to everyone, from before ann was deleted: a view that is made anew leaves it out as well.
ANN = (OWN, "ann")
SENT_BEFORE = [
    Action(ANN, 0, "agent.register", registered("red", 0).data),
    Action(BOB, 1, "message.create", {"content": "x", "format": "plain", "to": [WIDE[0]], "recipients": []}),
    Action(ANN, 2, "agent.delete", {"by": ""}),
    Action(ANN, 3, "agent.register", registered("red", 0).data),
]


# Mail from the very millisecond of the deletion is gone too; mail from the next one comes.
SENT_THEN = [
    Action(ANN, 0, "agent.register", registered("red", 0).data),
    *(
        Action(BOB, ms, "message.create", {"content": "x", "format": "plain", "to": [], "recipients": [f"ann@{OWN}"]})
        for ms in (2, 3)
    ),
    Action(ANN, 2, "agent.delete", {"by": ""}),
]


@given(with_deletions(), steps, st.sets(st.integers(1, 5), max_size=3))
@example(SENT_BEFORE, [(ANN, 3, ""), (BOB, 1, "rebuild")], set())
@example(SENT_THEN, [(ANN, 2, ""), (BOB, 2, "catch up")], set())
def test_deletions_give_the_same_view_in_any_order(made_up: list[Action], order: list[Step], breaks: set[int]) -> None:
    logs = history(made_up)
    expected = world(logs.events)
    at_once, all_seen = arrived(logs, breaks, [])
    assert all_seen == expected
    assert arrived(logs, breaks, order) == (at_once, expected)
