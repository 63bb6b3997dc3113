"""A marked section of a text file, and the base of all pieces that thrum adds to a user's files."""

from __future__ import annotations

from thrum_store.errors import Conflict
from thrum_store.values import NamedTuple, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN, END = "thrum:begin", "thrum:end"
_LINE_ENDS = ("\r\n", "\n", "\r")
_INDENT = 3  # spaces before a mark or a fence; Markdown takes more for code


class Piece(Record):
    """A part of a file. The methods take the whole text."""

    def add(self, text: str, *, mine: bool) -> str:
        """Return the text with the piece in it. `mine`: a value in its place is thrum's own and is replaced.

        Raises ValueError for a file that cannot be parsed.
        """
        raise NotImplementedError

    def remove(self, text: str, before: str | None = None) -> str:
        """Return the text without the piece; the user's own bytes stay. Raises ValueError as `add` does.

        `before` is the text as it was without the piece, if it is known.
        """
        raise NotImplementedError

    def rest(self, text: str) -> object:
        """Return all that the text holds besides the piece, for a comparison. Raises ValueError as `add` does."""
        raise NotImplementedError

    def check(self, text: str) -> None:
        """Raise Conflict for a text of which it is not clear how much is the piece."""


class _Mark(NamedTuple):
    """A line that begins or ends a section: its position without its line end."""

    start: int
    end: int
    begins: bool


class Section(Piece):
    """Lines between two marks, at the end of a text: Markdown, TOML, or a file of patterns.

    A mark has a line of its own. In a fence of Markdown it is the user's example, unless the fence never ends.
    """

    body: str
    opening: str  # the start of a comment in that language
    closing: str = ""

    def add(self, text: str, *, mine: bool) -> str:
        """Return the text with one section: where its first one stood, or at the end."""
        del mine  # the lines between the marks are always thrum's
        eol = line_end(text)
        block = f"{self._mark(BEGIN)}\n{self.body.rstrip()}\n{self._mark(END)}".replace("\n", eol)
        places = self._places(text)
        for start, end in reversed(places[1:]):
            text = self._cut(text, start, end)
        if places:
            start, end = places[0]
            return f"{text[:start]}{self.kept(text[start:end])}{block}{text[end:]}"
        gap = "" if not text else eol if text.endswith(("\n", "\r")) else eol * 2
        return f"{text}{gap}{block}{eol}"

    def remove(self, text: str, before: str | None = None) -> str:
        eol = line_end(text)
        for start, end in reversed(self._places(text)):
            text = self._cut(text, start, end)
        return before if before is not None and text == f"{before}{eol}" else text

    def rest(self, text: str) -> object:
        rest = self.remove(text)
        return [rest[start:end] for start, end in _lines(rest) if rest[start:end].strip()]

    def is_in(self, text: str) -> bool:
        """Return whether the text has a section."""
        return bool(self._places(text))

    def kept(self, section: str) -> str:
        """Return the lines of an old section, marks included, that are the user's."""
        del section
        return ""

    def lines(self, text: str) -> Iterator[tuple[int, int]]:
        """Return the start and the end of each line that may be a mark."""
        return _lines(text)

    def check(self, text: str) -> None:
        """Raise Conflict if a section begins and does not end."""
        for mark, follower in self._pairs(text):
            if follower is None:
                raise _unclosed(_line_number(text, mark.start), self._mark(END))

    def _cut(self, text: str, start: int, end: int) -> str:
        """Return the text without a section, and without a line end on either side of it if two lines stay apart."""
        kept = self.kept(text[start:end])
        before, after = text[:start] + kept, text[end:]
        if not kept:
            before = _without_last(before)
        return before + (_without_first(after) if not before or before.endswith(("\n", "\r")) else after)

    def _mark(self, name: str) -> str:
        return f"{self.opening} {name}{self.closing}"

    def _places(self, text: str) -> list[tuple[int, int]]:
        """Return the start and the end of each section, marks included."""
        return [(mark.start, follower.end) for mark, follower in self._pairs(text) if follower is not None]

    def _pairs(self, text: str) -> list[tuple[_Mark, _Mark | None]]:
        """Return each mark that begins a section with the next mark, if that one ends it."""
        marks = list(self._marks(text)) if BEGIN in text else []
        followers: list[_Mark | None] = [*marks[1:], None][: len(marks)]
        return [
            (mark, follower if follower is not None and not follower.begins else None)
            for mark, follower in zip(marks, followers, strict=True)
            if mark.begins
        ]

    def _marks(self, text: str) -> Iterator[_Mark]:
        begin, end_mark = self._mark(BEGIN), self._mark(END)
        fences = list(_fences(text)) if self.opening == "<!--" else []
        for start, end in self.lines(text):
            line = text[start:end]
            bare = line.strip(" \t")
            if bare not in (begin, end_mark) or _indent(line) > _INDENT:
                continue
            if not any(opens < start and end <= closes for opens, closes in fences):
                yield _Mark(start, end, bare == begin)


def _indent(line: str) -> int:
    """Return the columns before the text of a line; a tab leads to the next multiple of four, as in Markdown."""
    shown = line.expandtabs(4)
    return len(shown) - len(shown.lstrip())


def _unclosed(line: int, end: str) -> Conflict:
    return Conflict(
        f"line {line} begins a section of thrum, and no line `{end}` ends it",
        hint=f"add that line behind thrum's text, or delete line {line}, and run the command again",
    )


def line_end(text: str) -> str:
    """Return the line end that a text uses: the first of CRLF, newline and carriage return that is in it."""
    return next((end for end in _LINE_ENDS if end in text), "\n")


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each line, without its line end."""
    start = 0
    for line in text.replace("\r", "\n").split("\n"):  # of the same length: CRLF gives an empty line in between
        yield start, start + len(line)
        start += len(line) + 1


def _line_number(text: str, at: int) -> int:
    return text[:at].replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


def _fences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each closed fence."""
    opened, fence = -1, ""
    for start, end in _lines(text):
        run, info = _fence(text[start:end])
        if not fence and run:
            opened, fence = start, run
        elif fence and run.startswith(fence) and not info.strip():
            yield opened, end
            fence = ""


def _fence(line: str) -> tuple[str, str]:
    """Return the backticks or tildes that open or close a fence, and the rest of the line; empty if it does neither."""
    bare = line.lstrip(" ")
    info = bare.lstrip(bare[:1])
    run = bare[: len(bare) - len(info)]
    is_fence = (
        len(line) - len(bare) <= _INDENT and run.startswith(("```", "~~~")) and not (run[0] == "`" and "`" in info)
    )
    return (run, info) if is_fence else ("", "")


def _without_last(text: str) -> str:
    """Return the text without its last line end."""
    return text.removesuffix(next((end for end in _LINE_ENDS if text.endswith(end)), ""))


def _without_first(text: str) -> str:
    """Return the text without a line end at its beginning."""
    return text.removeprefix(next((end for end in _LINE_ENDS if text.startswith(end)), ""))
