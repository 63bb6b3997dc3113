"""Deleted agents: the view is the same whatever came first, and nothing of what was theirs before is left in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from .several_stores import Action, actions, history, shards, times
from .test_any_order import Step, arrived, steps

deletions = st.lists(st.builds(Action, shards, times, st.just("agent.delete"), st.just({"by": ""})), max_size=4)


@st.composite
def with_deletions(draw: st.DrawFn) -> list[Action]:
    """What several stores said, some deletions among it."""
    return draw(st.permutations([*draw(actions), *draw(deletions)]))


@given(with_deletions(), steps, st.sets(st.integers(1, 5), max_size=3))
def test_deletions_give_the_same_view_in_any_order(made_up: list[Action], order: list[Step], breaks: set[int]) -> None:
    told = history(made_up)
    at_once, _ = arrived(told, breaks, [])
    assert arrived(told, breaks, order)[0] == at_once
