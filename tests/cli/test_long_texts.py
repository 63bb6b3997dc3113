"""Texts of any length: the work of the layout grows as the text does, and lists lay out only the beginning."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from tests.cli.conftest import Team
from thrum_cli.terminal import layout, output
from thrum_cli.terminal.output import Screen
from thrum_store.values import safe_text

SMALL, LARGE = 10_000, 1_000_000
KINDS = {
    "letters": "word ", "one word": "w", "two bytes": "é", "words of two bytes": "één ", "CJK": "漢字", 
    "emoji": "👨\u200d👩\u200d👧",
    "combining": "e\u0301", "marks alone": "\u0301", "tabs": "\t", "blanks": " ",
    "ANSI": "\x1b[31mred", "lines": "a line\n",
    "coloured emoji": "👍🏽",
}  # fmt: skip


def steps(function: Callable[[], object]) -> int:
    """Count the lines of Python that a call runs in the package of the command line."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "thrum_cli" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def text(kind: str, size: int) -> str:
    """Return a text of about this many bytes, as it is shown."""
    unit = KINDS[kind]
    return safe_text(unit * (size // len(unit.encode())))


@pytest.mark.parametrize("kind", KINDS)
def test_the_layout_of_a_text_takes_steps_in_proportion_to_its_length(kind: str) -> None:
    def wrapped(size: int) -> int:
        return steps(lambda: output.wrap(text(kind, size), 76))

    assert wrapped(LARGE) <= 1.3 * wrapped(SMALL) * LARGE / SMALL + 1000


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_lays_out_only_the_beginning(kind: str) -> None:
    def shown(size: int) -> int:
        return steps(lambda: output.beginning(text(kind, size), 76, 8))

    assert shown(LARGE) <= 1.1 * shown(5 * SMALL) + 100


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_lays_out_only_the_beginning_of_a_cell(kind: str) -> None:
    row = ["alice", text(kind, LARGE)]
    shown = layout.table(("name", "intent"), [row], Screen(80, 0))
    assert len(shown) < 5_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_letter_of_a_wrapped_text_is_there_and_no_line_is_too_wide(kind: str) -> None:
    whole = text(kind, SMALL)
    lines = output.wrap(whole, 40)
    assert "".join("".join(lines).split()) == "".join(whole.split())
    assert all(output.cells(line) <= 40 for line in lines)


@pytest.mark.parametrize("letter", ["é", "a", "漢"])
def test_the_lists_of_reader_and_sender_show_a_long_message(team: Team, letter: str) -> None:
    team.planner.thrum("send", "-", "--to", "@builder", stdin=(letter * 200_000).encode())
    for shell, words in ((team.builder, "inbox"), (team.planner, "sent"), (team.builder, "prime")):
        answer = shell.thrum(words)
        assert answer.code == 0
        assert letter * 20 in answer.out
        assert len(answer.out) < 10_000
