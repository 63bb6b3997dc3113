"""What thrum puts into a file of the user's: each piece can be added, recognised and taken away again."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any, Protocol

from thrum_store.errors import Invalid

from . import jsontext
from .jsontext import mapping, sequence

BEGIN, END = "thrum:begin", "thrum:end"
_HOOK = re.compile(r"\bhook['\", ]+([a-z-]+)")


class Piece(Protocol):
    """A part of a file. Both methods take the whole text and return the whole text."""

    def add(self, text: str, *, mine: bool) -> str:
        """The piece is there afterwards. `mine`: whatever stands in its place is ours and gives way.

        Raises ValueError for a file that cannot be read.
        """
        ...

    def remove(self, text: str) -> str:
        """The piece is gone afterwards; what was the user's stays byte for byte. Raises ValueError as well."""
        ...


@dataclass(frozen=True)
class Member:
    """A value under a path in a JSON file; one that the user put there himself stays."""

    path: tuple[str, ...]
    value: Any

    def add(self, text: str, *, mine: bool) -> str:
        """See Piece."""
        text = text or "{}\n"
        if jsontext.find(text, self.path) is not None and not mine:
            return text
        return jsontext.put(text, self.path, self.value)

    def remove(self, text: str) -> str:
        """See Piece."""
        return jsontext.drop(text, self.path) if text.strip() else text


@dataclass(frozen=True)
class Needed:
    """A value that a JSON file must have, maybe the user's own. `alone`: goes only where it is all that is left."""

    path: tuple[str, ...]
    value: Any
    alone: bool = False

    def add(self, text: str, *, mine: bool) -> str:
        """See Piece."""
        del mine
        text = text or "{}\n"
        return text if jsontext.find(text, self.path) is not None else jsontext.put(text, self.path, self.value)

    def remove(self, text: str) -> str:
        """See Piece."""
        node = jsontext.find(text, self.path) if text.strip() else None
        if node is None or node.value != self.value or (self.alone and len(jsontext.parse(text).items) > 1):
            return text
        return jsontext.drop(text, self.path)


@dataclass(frozen=True)
class Item:
    """An item of a list in a JSON file. An older one of ours is known by the command it runs."""

    path: tuple[str, ...]
    value: Any

    def add(self, text: str, *, mine: bool) -> str:
        """See Piece."""
        text = text or "{}\n"
        there = self._ours(text)
        if there and not mine:
            return text
        for old in there:
            if old != self.value:
                text = self._taken_out(text, old)
        return jsontext.append(text, self.path, self.value)

    def remove(self, text: str) -> str:
        """See Piece."""
        for old in self._ours(text) if text.strip() else []:
            text = self._taken_out(text, old)
        return text

    def _taken_out(self, text: str, old: Any) -> str:
        """Without that item; from a group to which the user added hooks of his own, only ours go."""
        events = _hooks(self.value)
        listed = sequence(mapping(old).get("hooks"))
        ours = [hook for hook in listed if events & _hooks(hook)]
        if len(ours) == len(listed):
            return jsontext.discard(text, self.path, old)
        place: tuple[str | int, ...] = (*self.path, sequence(jsontext.value(text, self.path)).index(old), "hooks")
        for hook in ours:
            text = jsontext.discard(text, place, hook)
        return text

    def _ours(self, text: str) -> list[Any]:
        items = sequence(jsontext.value(text, self.path))
        events = _hooks(self.value)
        return [item for item in items if item == self.value or events & _hooks(item)]


def _hooks(item: object) -> set[str]:
    """The events of the hooks of ours that this item runs."""
    told = repr(item)
    return set(_HOOK.findall(told)) if isinstance(item, dict) and "thrum" in told else set()


@dataclass(frozen=True)
class Section:
    """Lines between two marks, at the end of a text: Markdown, TOML, or a file of patterns."""

    body: str
    opening: str  # a comment's beginning in that language
    closing: str = ""

    def add(self, text: str, *, mine: bool) -> str:
        """See Piece."""
        del mine  # what stands between the marks is always ours
        eol = "\r\n" if "\r\n" in text else "\n"
        block = f"{self._mark(BEGIN)}\n{self.body.rstrip()}\n{self._mark(END)}".replace("\n", eol)
        found = self._pattern().search(text)
        if found is not None:
            return text[: found.start(1)] + block + text[found.end(1) :]
        gap = "" if not text else eol if text.endswith("\n") else eol * 2
        return f"{text}{gap}{block}{eol}"

    def remove(self, text: str) -> str:
        """See Piece."""
        return self._pattern().sub("", text, count=1)

    def _mark(self, what: str) -> str:
        return f"{self.opening} {what}{self.closing}"

    def _pattern(self) -> re.Pattern[str]:
        begin, end = re.escape(self._mark(BEGIN)), re.escape(self._mark(END))
        inside = f"(?:(?!{begin}).)*?"  # a mark that the user's own text begins with ends nothing
        return re.compile(rf"(?:\r?\n)?({begin}{inside}{end})(?:\r?\n)?", re.DOTALL)


@dataclass(frozen=True)
class Table:
    """Tables of a TOML file, in a marked section; the file must be TOML before and afterwards."""

    path: tuple[str, ...]
    body: str

    def add(self, text: str, *, mine: bool) -> str:
        """See Piece. Raises Invalid where the tables cannot be appended."""
        before = self._section().remove(text)
        if self._there(tomllib.loads(before)):
            return text  # the user wrote one himself
        after = self._section().add(text, mine=mine)
        try:
            tomllib.loads(after)
        except tomllib.TOMLDecodeError:
            name = ".".join(self.path)
            raise Invalid(
                f"`{name}` cannot be appended, because `{self.path[0]}` is written as one value",
                hint=f"write it as a table, or add this by hand:\n{self.body}",
            ) from None
        return after

    def remove(self, text: str) -> str:
        """See Piece."""
        return self._section().remove(text)

    def _section(self) -> Section:
        return Section(self.body, "#")

    def _there(self, told: dict[str, Any]) -> bool:
        inner: Any = told
        for name in self.path:
            inner = mapping(inner).get(name)
        return inner is not None


@dataclass(frozen=True)
class Whole:
    """A file of its own."""

    body: str

    def add(self, text: str, *, mine: bool) -> str:
        """See Piece."""
        return self.body if mine or not text else text

    def remove(self, text: str) -> str:
        """See Piece. One that the user changed stays."""
        return "" if text == self.body else text
