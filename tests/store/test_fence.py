"""The fence around another agent's words: what is inside cannot end it."""

from __future__ import annotations

from thrum_store.machine.host import Entropy
from thrum_store.service.message_parts import fenced, marker


class Drawn(Entropy):
    """Draws what it is told to."""

    def __init__(self, *drawn: str) -> None:
        self._drawn = list(drawn)

    def token(self, size: int = 8) -> str:
        """Return the next token."""
        del size
        return self._drawn.pop(0)


def test_a_marker_that_a_message_guessed_is_not_used() -> None:
    guess = "--- aaaaaaaaaaaa ends ---"
    assert marker([guess], Drawn("aaaaaaaaaaaa", "bbbbbbbbbbbb")) == "bbbbbbbbbbbb"


def test_a_fence_says_how_much_stands_inside() -> None:
    assert fenced("é", "abc") == "--- abc begins, 2 bytes ---\né\n--- abc ends ---"
