"""A use case whose view breaks runs again after a repair, and appends nothing twice."""

from __future__ import annotations

import sqlite3

import pytest

from thrum_store.errors import StoreBusy, ViewCorrupted
from thrum_store.log.events import Event
from thrum_store.store import Retry


class Case:
    """A use case that appends twice, on a view that breaks a number of times after the first append."""

    def __init__(self, breaks: int) -> None:
        self.breaks = breaks
        self.repairs = 0
        self.log: list[str] = []
        self.retry = Retry(self._repair)

    def _repair(self) -> None:
        self.repairs += 1

    def append(self, text: str) -> list[Event]:
        """Append an event, unless an earlier run did."""
        earlier = self.retry.replayed()
        if earlier is not None:
            return earlier
        self.log.append(text)
        events = [Event("s", "a", len(self.log), "", 0, "x", text, {}, "")]
        self.retry.record(events)
        return events

    def run(self) -> list[Event]:
        """Append, read the view, append."""
        first = self.append("first")
        if self.breaks:
            self.breaks -= 1
            raise ViewCorrupted("a test broke it")
        return first + self.append("second")


@pytest.mark.parametrize("breaks", range(4))
def test_an_append_is_made_once_however_often_the_view_breaks(breaks: int) -> None:
    case = Case(breaks)
    events = case.retry.use_case(case.run)
    assert case.log == [event.id for event in events] == ["first", "second"]
    assert case.repairs == breaks
    assert (case.retry.appended, case.retry.replay_index) == ([], 0)


def test_a_view_that_breaks_faster_is_reported_and_the_next_use_case_begins_anew() -> None:
    case = Case(4)
    with pytest.raises(ViewCorrupted):
        case.retry.use_case(case.run)
    assert case.log == ["first"]
    assert [event.id for event in case.retry.use_case(case.run)] == ["first", "second"]
    assert case.log == ["first", "first", "second"]


def test_a_use_case_inside_of_another_forgets_nothing_of_it() -> None:
    case = Case(0)

    def outer() -> list[Event]:
        events = case.append("outer") + case.retry.use_case(case.run)
        if not case.repairs:
            raise ViewCorrupted("a test broke it")
        return events

    assert [event.id for event in case.retry.use_case(outer)] == ["outer", "first", "second"]
    assert case.log == ["outer", "first", "second"]


def test_a_repair_that_finds_the_view_broken_again_is_no_end() -> None:
    def repair() -> None:
        raise ViewCorrupted("again")

    case = Case(2)
    case.retry = Retry(repair)
    assert len(case.retry.use_case(case.run)) == 2


def test_other_errors_are_not_retried_and_those_of_sqlite_become_ours() -> None:
    runs: list[int] = []

    def busy() -> None:
        runs.append(1)
        error = sqlite3.OperationalError("locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    with pytest.raises(StoreBusy):
        Retry(lambda: None).use_case(busy)
    assert runs == [1]
