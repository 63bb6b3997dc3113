"""The pieces that thrum adds to a user's files: each can be added, recognised and removed again."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from thrum_store.errors import Invalid

from . import jsontext
from .jsontext import mapping, sequence
from .section import Piece, Section

_HOOK = re.compile(r"\bhook['\", ]+([a-z-]+)")


class Member(Piece):
    """A value under a path in a JSON file; a value that the user wrote there stays."""

    path: tuple[str, ...]
    value: Any

    def add(self, text: str, *, mine: bool) -> str:
        text = text or "{}\n"
        if jsontext.find(text, self.path) is not None and not mine:
            return text
        return jsontext.put(text, self.path, self.value)

    def remove(self, text: str) -> str:
        return jsontext.drop(text, self.path) if text.strip() else text


class Needed(Piece):
    """A value that a JSON file must have, maybe the user's own. `alone`: removed only if nothing else is left."""

    path: tuple[str, ...]
    value: Any
    alone: bool = False

    def add(self, text: str, *, mine: bool) -> str:
        del mine
        text = text or "{}\n"
        return text if jsontext.find(text, self.path) is not None else jsontext.put(text, self.path, self.value)

    def remove(self, text: str) -> str:
        node = jsontext.find(text, self.path) if text.strip() else None
        if node is None or node.value != self.value or (self.alone and len(jsontext.parse(text).items) > 1):
            return text
        return jsontext.drop(text, self.path)


class Item(Piece):
    """An item of a list in a JSON file. An older one of thrum's is recognised by the command that it runs."""

    path: tuple[str, ...]
    value: Any

    def add(self, text: str, *, mine: bool) -> str:
        text = text or "{}\n"
        existing = self._ours(text)
        if existing and not mine:
            return text
        for old in existing:
            if old != self.value:
                text = self._without(text, old)
        return jsontext.append(text, self.path, self.value)

    def remove(self, text: str) -> str:
        for old in self._ours(text) if text.strip() else []:
            text = self._without(text, old)
        return text

    def _without(self, text: str, old: Any) -> str:
        """Return the text without an item; from a group to which the user added hooks, only thrum's are removed."""
        events = _hook_events(self.value)
        hooks = sequence(mapping(old).get("hooks"))
        ours = [hook for hook in hooks if events & _hook_events(hook)]
        if len(ours) == len(hooks):
            return jsontext.discard(text, self.path, old)
        place: tuple[str | int, ...] = (*self.path, sequence(jsontext.value(text, self.path)).index(old), "hooks")
        for hook in ours:
            text = jsontext.discard(text, place, hook)
        return text

    def _ours(self, text: str) -> list[Any]:
        items = sequence(jsontext.value(text, self.path))
        events = _hook_events(self.value)
        return [item for item in items if item == self.value or events & _hook_events(item)]


def _hook_events(item: object) -> set[str]:
    """Return the events of thrum's hooks that this item runs."""
    text = repr(item)
    return set(_HOOK.findall(text)) if isinstance(item, dict) and "thrum" in text else set()


class Table(Piece):
    """A table in a table of a TOML file: `path` has two names, `body` is the table as text.

    It is a marked section at the end of the file, or a value in the outer table if that is written inline.
    """

    path: tuple[str, str]
    body: str

    def add(self, text: str, *, mine: bool) -> str:
        """Return the text with the table in it. Raises Invalid if the outer name holds no table."""
        outer, name = self.path
        section = Section(self.body, "#")
        before = section.remove(text)
        existing = mapping(tomllib.loads(before).get(outer))
        if name in existing and not (mine and _inline(before, outer)):
            return text  # the user's own
        if _inline(before, outer):
            return self._edited(before, remove=False) if existing.get(name) != self._value() else text
        after = section.add(text, mine=mine)
        if name not in mapping(_loaded(after).get(outer)):
            raise Invalid(
                f"`{outer}` is not a table, so `{outer}.{name}` cannot be added",
                hint=f"write `{outer}` as a table, or add these lines yourself:\n{self.body}",
            )
        return after

    def remove(self, text: str) -> str:
        without = Section(self.body, "#").remove(text)
        if without != text or not _inline(text, self.path[0]):
            return without
        return self._edited(text, remove=True)

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


def _inline(text: str, outer: str) -> bool:
    """Return whether this name holds an inline table: one to which no other line of the file can add."""
    if not isinstance(tomllib.loads(text).get(outer), dict):
        return False
    return not _loaded(f"{text}\n[{outer}.thrum-probe]\n")


def _loaded(text: str) -> dict[str, Any]:
    """Return the values of a TOML text; an empty dictionary if it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


class Whole(Piece):
    """A file that is thrum's own as a whole."""

    body: str

    def add(self, text: str, *, mine: bool) -> str:
        return self.body if mine or not text else text

    def remove(self, text: str) -> str:
        """Return an empty text, or the text itself if the user changed it."""
        return "" if text == self.body else text
