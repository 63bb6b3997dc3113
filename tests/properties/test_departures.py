"""Deleted agents: the view is the same whatever came first, and nothing of what was theirs before is left in it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from .several_stores import OWN, WIDE, Action, actions, history, shards, times
from .test_any_order import BOB, Step, arrived, registered, steps

deletions = st.lists(st.builds(Action, shards, times, st.just("agent.delete"), st.just({"by": ""})), max_size=4)


@st.composite
def with_deletions(draw: st.DrawFn) -> list[Action]:
    """What several stores said, some deletions among it."""
    return draw(st.permutations([*draw(actions), *draw(deletions)]))


# Another machine's message to everyone, from before ann was deleted: a view that is made anew leaves it out as well.
ANN = (OWN, "ann")
SENT_BEFORE = [
    Action(ANN, 0, "agent.register", registered("red", 0).data),
    Action(BOB, 1, "message.create", {"content": "x", "format": "plain", "to": [WIDE[0]], "recipients": []}),
    Action(ANN, 2, "agent.delete", {"by": ""}),
    Action(ANN, 3, "agent.register", registered("red", 0).data),
]


@given(with_deletions(), steps, st.sets(st.integers(1, 5), max_size=3))
@example(SENT_BEFORE, [(ANN, 3, ""), (BOB, 1, "rebuild")], set())
def test_deletions_give_the_same_view_in_any_order(made_up: list[Action], order: list[Step], breaks: set[int]) -> None:
    told = history(made_up)
    at_once, _ = arrived(told, breaks, [])
    assert arrived(told, breaks, order)[0] == at_once
