"""The pieces that thrum adds to a user's JSON files: each can be added, recognised and removed again."""

from __future__ import annotations

import re
from typing import Any

from . import insertion, jsontext
from .jsontext import mapping, sequence
from .section import Piece

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_HOOK = re.compile(r"\bhook['\", ]+([a-z-]+)")


class JsonPiece(Piece):
    """A value in a JSON file, under a path of names."""

    path: tuple[str, ...]
    value: Any

    def rest(self, text: str) -> object:
        """Return the values of the text without this one, as a second parser reads them. Raises ValueError."""
        if jsontext.is_blank(text):
            return {}
        plain = jsontext.plain_value(text)
        if plain != jsontext.parse(text).value:
            raise ValueError("its values are not clear")
        return _elsewhere(plain, self.path, self.others)

    def others(self, value: object) -> object:
        """Return what the value under the path holds besides this piece's; None if nothing."""
        del value
        return None


class Member(JsonPiece):
    """A value under a path in a JSON file; a value that the user wrote there stays."""

    def add(self, text: str, *, mine: bool) -> str:
        if jsontext.find(text, self.path) is not None and not mine:
            return text
        return insertion.put(text, self.path, self.value)

    def remove(self, text: str, before: str | None = None) -> str:
        while (shorter := insertion.drop(text, self.path, before)) != text:  # a merge may have doubled it
            text = shorter
        return text


class Needed(JsonPiece):
    """A value that a JSON file must have, maybe the user's own. `alone`: what the user added since needs it, too."""

    alone: bool = False

    def add(self, text: str, *, mine: bool) -> str:
        del mine
        return text if jsontext.find(text, self.path) is not None else insertion.put(text, self.path, self.value)

    def remove(self, text: str, before: str | None = None) -> str:
        node = jsontext.find(text, self.path)
        if node is None or node.value != self.value or (self.alone and self._is_needed(text, before)):
            return text
        return insertion.drop(text, self.path, before)

    def _is_needed(self, text: str, before: str | None) -> bool:
        """Return whether the file holds anything besides that it did not hold before."""
        others = {name: value for name, value in mapping(jsontext.value(text, ())).items() if name != self.path[0]}
        return bool(others) and (before is None or others != jsontext.value(before, ()))


class Item(JsonPiece):
    """An item of a list in a JSON file. An older one of thrum's is recognised by the command that it runs."""

    def add(self, text: str, *, mine: bool) -> str:
        existing = self._ours(text)
        if existing and not mine:
            return text
        for old in existing:
            if old != self.value:
                text = self._without(text, old, text)
        return insertion.append(text, self.path, self.value)

    def remove(self, text: str, before: str | None = None) -> str:
        for old in self._ours(text):
            text = self._without(text, old, before)
        return text

    def others(self, value: object) -> object:
        items = [self._theirs(item) for item in sequence(value)]
        return [item for item in items if item is not None] or None if isinstance(value, list) else value

    def _theirs(self, item: object) -> object:
        """Return an item without thrum's hooks in it; None if it is thrum's as a whole."""
        events = _hook_events(self.value)
        if item != self.value and not events & _hook_events(item):
            return item
        hooks = [hook for hook in sequence(mapping(item).get("hooks")) if not events & _hook_events(hook)]
        return {**mapping(item), "hooks": hooks} if hooks else None

    def _without(self, text: str, old: Any, before: str | None) -> str:
        """Return the text without an item; from a group to which the user added hooks, only thrum's are removed."""
        events = _hook_events(self.value)
        hooks = sequence(mapping(old).get("hooks"))
        ours = [hook for hook in hooks if events & _hook_events(hook)]
        if len(ours) == len(hooks):
            return insertion.discard(text, self.path, old, before)
        place: tuple[str | int, ...] = (*self.path, sequence(jsontext.value(text, self.path)).index(old), "hooks")
        for hook in ours:
            text = insertion.discard(text, place, hook, before)
        return text

    def _ours(self, text: str) -> list[Any]:
        items = sequence(jsontext.value(text, self.path))
        events = _hook_events(self.value)
        return [item for item in items if item == self.value or events & _hook_events(item)]


def _elsewhere(value: object, path: tuple[str, ...], others: Callable[[object], object]) -> object:
    """Return a value with `others` of the value under a path in its place; objects that are empty then are left out."""
    if not path:
        return others(value)
    members = mapping(value)
    if path[0] not in members:
        return value
    inner = _elsewhere(members[path[0]], path[1:], others)
    kept = {name: member for name, member in members.items() if name != path[0]}
    return kept if inner in (None, {}) else {**kept, path[0]: inner}


def _hook_events(item: object) -> set[str]:
    """Return the events of thrum's hooks that this item runs."""
    text = repr(item)
    return set(_HOOK.findall(text)) if isinstance(item, dict) and "thrum" in text else set()


class Whole(Piece):
    """A file that is thrum's own as a whole."""

    body: str

    def add(self, text: str, *, mine: bool) -> str:
        return self.body if mine or not text else text

    def remove(self, text: str, before: str | None = None) -> str:
        """Return an empty text, or the text itself if the user changed it."""
        del before
        return "" if text == self.body else text

    def rest(self, text: str) -> object:
        """Return nothing: the file holds nothing besides."""
        del text
        return None
