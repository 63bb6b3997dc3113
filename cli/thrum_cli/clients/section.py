"""A marked section of a text file, and the base of all pieces that thrum adds to a user's files."""

from __future__ import annotations

from thrum_store.values import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BEGIN, END = "thrum:begin", "thrum:end"


class Piece(Record):
    """A part of a file. Both methods take the whole text and return the whole text."""

    def add(self, text: str, *, mine: bool) -> str:
        """Return the text with the piece in it. `mine`: a value in its place is thrum's own and is replaced.

        Raises ValueError for a file that cannot be parsed.
        """
        raise NotImplementedError

    def remove(self, text: str) -> str:
        """Return the text without the piece; the user's own bytes stay. Raises ValueError as `add` does."""
        raise NotImplementedError


class Section(Piece):
    """Lines between two marks, at the end of a text: Markdown, TOML, or a file of patterns."""

    body: str
    opening: str  # the start of a comment in that language
    closing: str = ""

    def add(self, text: str, *, mine: bool) -> str:
        del mine  # the lines between the marks are always thrum's
        eol = "\r\n" if "\r\n" in text else "\n"
        block = f"{self._mark(BEGIN)}\n{self.body.rstrip()}\n{self._mark(END)}".replace("\n", eol)
        place = self._place(text)
        if place is not None:
            return text[: place[0]] + block + text[place[1] :]
        gap = "" if not text else eol if text.endswith("\n") else eol * 2
        return f"{text}{gap}{block}{eol}"

    def remove(self, text: str) -> str:
        place = self._place(text)
        if place is None:
            return text
        before, after = text[: place[0]], text[place[1] :]
        return _without(before, before.removesuffix) + _without(after, after.removeprefix)

    def _mark(self, name: str) -> str:
        return f"{self.opening} {name}{self.closing}"

    def _place(self, text: str) -> tuple[int, int] | None:
        """Return the start and the end of the first section, marks included; None if there is none."""
        begin, end = self._mark(BEGIN), self._mark(END)
        first = text.find(begin)
        if first < 0:
            return None
        close = text.find(end, first + len(begin))
        if close < 0:
            return None
        start = text.rfind(begin, 0, close)  # a begin mark in the user's own text starts no section
        return start, close + len(end)


def _without(text: str, strip: Callable[[str], str]) -> str:
    """Return the text without the line end that `strip` takes off one side."""
    shorter = strip("\r\n")
    return strip("\n") if shorter == text else shorter
