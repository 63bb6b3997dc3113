"""A table of TOML text: a marked section at the end of the file, or a value of an inline table."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from thrum_store.errors import Invalid

from .jsontext import mapping
from .section import Piece, Section, line_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Texts and comments: only what begins with `#` is a comment, and the others hide what looks like one.
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\r\n])*"|\'[^\'\r\n]*\'|#[^\r\n]*', re.DOTALL
)


class TomlSection(Section):
    """A marked section of a TOML file. Marks in a text of many lines are that text; comments in it are the user's."""

    def lines(self, text: str) -> Iterator[tuple[int, int]]:
        """Return the start and the end of each comment that has a line of its own."""
        for token in _TOKEN.finditer(text):
            line = text[max(text.rfind("\n", 0, token.start()), text.rfind("\r", 0, token.start())) + 1 : token.start()]
            if token.group().startswith("#") and not line.strip(" \t"):
                yield token.start(), token.end()

    def kept(self, section: str) -> str:
        """Return the comments of an old section: thrum writes none, so the user wrote them, or commented lines out."""
        comments = [section[start:end] for start, end in self.lines(section)][1:-1]
        return "".join(f"{comment}{line_end(section)}" for comment in comments)


class Table(Piece):
    """A table in a table of a TOML file: `path` has two names, `body` is the table as text.

    It is a marked section at the end of the file, or a value in the outer table if that is written inline.
    """

    path: tuple[str, str]
    body: str

    def add(self, text: str, *, mine: bool) -> str:
        """Return the text with the table in it. Raises Invalid if the outer name holds no table, or ours holds more."""
        outer, name = self.path
        section = TomlSection(self.body, "#")
        before = section.remove(text)
        values = tomllib.loads(before)
        existing = mapping(values.get(outer))
        inline = _is_inline(before, outer)
        if name in existing and not (mine and inline):
            return before if before != text and not _loaded(text) else text  # the user's own
        if inline:
            return self._edited(before, remove=False) if existing.get(name) != self._value() else before
        if not isinstance(values.get(outer, {}), dict):
            raise self._no_table()
        after = section.add(text, mine=mine)
        if name not in mapping(_loaded(after).get(outer)):
            raise self._no_table()
        if tomllib.loads(after)[outer][name] != self._value():
            raise self._more()
        return after

    def remove(self, text: str, before: str | None = None) -> str:
        without = TomlSection(self.body, "#").remove(text, before)
        if without != text and self.rest(without) != self.rest(text):
            raise self._more()
        if without != text or not _is_inline(text, self.path[0]):
            return without
        return self._edited(text, remove=True)

    def rest(self, text: str) -> object:
        """Return the values of the text without this table."""
        outer, name = self.path
        values = _compared(text) or _compared(TomlSection(self.body, "#").remove(text), strict=True)
        others = {key: value for key, value in mapping(values.get(outer)).items() if key != name}
        if isinstance(values.get(outer), dict):
            del values[outer]
        return {**values, outer: others} if others else values

    def check(self, text: str) -> None:
        """Raise Conflict if thrum's section begins and does not end."""
        TomlSection(self.body, "#").check(text)

    def _no_table(self) -> Invalid:
        outer, name = self.path
        return Invalid(
            f"`{outer}` is not a table, so `{outer}.{name}` cannot be added",
            hint=f"write `{outer}` as a table, or add these lines yourself:\n{self.body}",
        )

    def _more(self) -> Invalid:
        name = ".".join(self.path)
        return Invalid(
            f"the lines behind thrum's section belong to its table `{name}`, as TOML reads them",
            hint="move them above `# thrum:begin` and run the command again",
        )

    def _edited(self, text: str, *, remove: bool) -> str:
        """Return the text with the inline outer table changed and every other byte kept."""
        import tomlkit

        outer, name = self.path
        document = tomlkit.parse(text)
        table: Any = document[outer]
        if remove:
            table.pop(name, None)
        else:
            value = tomlkit.inline_table()
            value.update(self._value())
            table[name] = value
        return document.as_string()

    def _value(self) -> dict[str, Any]:
        outer, name = self.path
        return mapping(tomllib.loads(self.body)[outer][name])


def _is_inline(text: str, outer: str) -> bool:
    """Return whether this name holds an inline table: one to which no other line of the file can add."""
    if not isinstance(_loaded(text).get(outer), dict):
        return False
    return not _loaded(f"{text}\n[{outer}.thrum-probe]\n")


def _compared(text: str, *, strict: bool = False) -> dict[str, Any]:
    """Return the values of a TOML text for a comparison: floats as they are written, since `nan` equals nothing."""
    try:
        return tomllib.loads(text, parse_float=lambda digits: ("float", digits))
    except tomllib.TOMLDecodeError:
        if strict:
            raise
        return {}


def _loaded(text: str) -> dict[str, Any]:
    """Return the values of a TOML text; an empty dictionary if it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
