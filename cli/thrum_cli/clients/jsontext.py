"""Edits JSON as text: a value is added or removed, and no other byte changes. Reads comments and trailing commas.

A user's file keeps its indentation, line ends, comments, order and odd spacing. `put` and `append` return the new
text; removing the same value again with `drop` or `discard` gives the old text back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

_SKIP = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/|\ufeff)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_REMARK = re.compile(r"[ \t]*(,?)[ \t]*(?://[^\r\n]*|/\*[^\r\n]*?\*/)(?=[ \t]*\r?\n)")
_DEEPEST = 100
_WIDE = 100


class NotJson(ValueError):
    """Raised for text that is not JSON; its message names the line."""

    def __init__(self, text: str, at: int, wanted: str) -> None:
        super().__init__(f"line {text.count(chr(10), 0, at) + 1}: expected {wanted}")


@dataclass
class Node:
    """A value and its position, `text[start:end]`. `outer` is where its member begins."""

    start: int
    end: int
    value: Any
    members: dict[str, Node] = field(default_factory=dict[str, "Node"])  # of an object
    items: list[Node] = field(default_factory=list["Node"])  # of an array; of an object, its members in order
    outer: int = 0  # the start of its key, or of the value itself in an array


def parse(text: str) -> Node:
    """Return the text as a tree of values with their positions. Raises NotJson."""
    node, at = _value(text, _skip(text, 0), 0)
    if _skip(text, at) != len(text):
        raise NotJson(text, at, "the end of the file")
    return node


def _skip(text: str, at: int) -> int:
    space = _SKIP.match(text, at)
    return space.end() if space else at


def _value(text: str, at: int, depth: int) -> tuple[Node, int]:
    if depth > _DEEPEST:
        raise NotJson(text, at, "less nesting")
    if text[at : at + 1] in ("{", "["):
        return _container(text, at, depth)
    token = _STRING.match(text, at) or _SCALAR.match(text, at)
    if token is None:
        raise NotJson(text, at, "a value")
    return Node(at, token.end(), _decoded(text, token), outer=at), token.end()


def _decoded(text: str, token: re.Match[str]) -> Any:
    try:
        return json.loads(token.group())
    except ValueError:
        raise NotJson(text, token.start(), "a value") from None


def _container(text: str, start: int, depth: int) -> tuple[Node, int]:
    keyed = text[start] == "{"
    closing = "}" if keyed else "]"
    node = Node(start, start, {} if keyed else [], outer=start)
    at = _skip(text, start + 1)
    while text[at : at + 1] != closing:
        if node.items:
            if text[at : at + 1] != ",":
                raise NotJson(text, at, f"`,` or `{closing}`")
            at = _skip(text, at + 1)
            if text[at : at + 1] == closing:
                break
        at = _skip(text, _member(text, at, node, depth) if keyed else _item(text, at, node, depth))
    node.end = at + 1
    return node, node.end


def _item(text: str, at: int, node: Node, depth: int) -> int:
    inner, end = _value(text, at, depth + 1)
    node.items.append(inner)
    node.value.append(inner.value)
    return end


def _member(text: str, at: int, node: Node, depth: int) -> int:
    key = _STRING.match(text, at)
    if key is None:
        raise NotJson(text, at, "a name in quotes")
    colon = _skip(text, key.end())
    if text[colon : colon + 1] != ":":
        raise NotJson(text, colon, "`:`")
    inner, end = _value(text, _skip(text, colon + 1), depth + 1)
    name = _decoded(text, key)
    inner.outer = at
    node.members[name] = inner
    node.items.append(inner)
    node.value[name] = inner.value
    return end


def mapping(value: object) -> dict[str, Any]:
    """Return `value` as an object; an empty one if it is something else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """Return `value` as an array; an empty one if it is something else."""
    return list(cast("Iterable[Any]", value)) if isinstance(value, list) else []


def find(text: str, path: tuple[str | int, ...]) -> Node | None:
    """Return the value under these names and item numbers, or None."""
    node: Node | None = parse(text)
    for name in path:
        if node is not None:
            node = node.members.get(name) if isinstance(name, str) else node.items[name]
    return node


def value(text: str, path: tuple[str | int, ...]) -> Any:
    """Return the plain value under these names and item numbers, or None."""
    node = find(text, path)
    return node.value if node is not None else None


def put(text: str, path: tuple[str, ...], value: Any) -> str:
    """Return the text with `value` under these names; missing objects are made. Raises NotJson if one is no object."""
    node = parse(text)
    for place, name in enumerate(path):
        if not isinstance(node.value, dict):
            raise NotJson(text, node.start, "an object")
        inner = node.members.get(name)
        if inner is None:
            for outer in reversed(path[place + 1 :]):
                value = {outer: value}
            return _insert(text, node, value, name)
        node = inner
    if node.value == value:
        return text
    return text[: node.start] + _dumped(text, value, node) + text[node.end :]


def append(text: str, path: tuple[str, ...], value: Any) -> str:
    """Return the text with `value` in the array under these names, added at its end if it was not in it."""
    node = find(text, path)
    if node is None:
        return put(text, path, [value])
    if not isinstance(node.value, list):
        raise NotJson(text, node.start, "an array")
    return text if value in node.value else _insert(text, node, value)


def drop(text: str, path: tuple[str, ...]) -> str:
    """Return the text without the value under these names, and without inner objects that this leaves empty."""
    *above, name = path
    node = find(text, tuple(above))
    inner = node.members.get(name) if node is not None else None
    if node is None or inner is None:
        return text
    if len(node.items) == 1 and above:
        return drop(text, tuple(above))
    return _removed(text, node, inner)


def discard(text: str, path: tuple[str | int, ...], value: Any) -> str:
    """Return the text without this item of an array, and without the array if this leaves it empty."""
    node = find(text, path)
    if node is None or not isinstance(node.value, list) or value not in node.value:
        return text
    names = tuple(name for name in path if isinstance(name, str))
    if len(node.items) == 1 and len(names) == len(path):
        return drop(text, names)
    return _removed(text, node, node.items[node.value.index(value)])


def written(value: Any) -> str:
    """Return a value as JSON on one line; strings and lists of strings are TOML as well."""
    return json.dumps(value, ensure_ascii=False)


def _insert(text: str, node: Node, value: Any, name: str | None = None) -> str:
    """Return the text with a new last member of an object or last item of an array."""
    inner = _inner_indent(text, node)
    if inner is None and "\n" in text.strip() and len(_written(text, value, name, None)) > _WIDE:
        inner = _indent(text, node.start) + _unit(text)  # on lines of its own, for a readable diff
    written = _written(text, value, name, inner)
    gap = " " if inner is None else f"{_eol(text)}{inner}"
    if node.items:
        return _insert_after(text, node.items[-1].end, gap, written)
    if inner is None:
        return f"{text[: node.start + 1]}{written}{text[node.end - 1 :]}"
    closing = f"{_eol(text)}{_indent(text, node.start)}"
    return f"{text[: node.start + 1]}{gap}{written}{closing}{text[node.end - 1 :]}"


def _insert_after(text: str, at: int, gap: str, written: str) -> str:
    """Insert after the member that ends at `at`; a comment on that member's line stays with it."""
    comment = _REMARK.match(text, at)
    if comment is None:
        return f"{text[:at]},{gap}{written}{text[at:]}"
    comma = "" if comment.group(1) else ","  # a trailing comma stays one
    ending = "," if comment.group(1) else ""
    return f"{text[:at]}{comma}{comment.group()}{gap}{written}{ending}{text[comment.end() :]}"


def _removed(text: str, node: Node, inner: Node) -> str:
    """Return the text without a member and the comma and space before it; for the first member, those after it."""
    place = node.items.index(inner)
    if not place:
        if len(node.items) == 1:
            return text[: node.start + 1] + text[node.end - 1 :]
        return text[: inner.outer] + text[node.items[1].outer :]
    before = node.items[place - 1].end
    between = text[before : inner.outer]
    if "/" not in between:
        return text[:before] + text[inner.end :]
    # Comments between the two members stay; only the line of the removed member goes.
    kept = between.rstrip(" \t").removesuffix("\n").removesuffix("\r")
    follows = _skip(text, inner.end)
    if text[follows : follows + 1] == ",":
        return text[:before] + kept + text[follows + 1 :]
    return text[:before] + kept.replace(",", "", 1) + text[inner.end :]


def _written(text: str, value: Any, name: str | None, indent: str | None) -> str:
    if indent is None:
        body = json.dumps(value, ensure_ascii=False)
    else:
        body = json.dumps(value, ensure_ascii=False, indent=_unit(text)).replace("\n", f"{_eol(text)}{indent}")
    return body if name is None else f"{json.dumps(name, ensure_ascii=False)}: {body}"


def _dumped(text: str, value: Any, node: Node) -> str:
    return _written(text, value, None, _indent(text, node.start) if "\n" in text else None)


def _inner_indent(text: str, node: Node) -> str | None:
    """Return the indentation of the members, or None if the object is on one line."""
    if node.items:
        before = text[node.start : node.items[0].outer]
        return _indent(text, node.items[0].outer) if "\n" in before else None
    if "\n" not in text.strip() and text.strip() not in ("{}", "{ }"):
        return None
    return _indent(text, node.start) + _unit(text)


def _indent(text: str, at: int) -> str:
    """Return the space at the beginning of the line that contains `at`."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())].lstrip("\ufeff")


def _unit(text: str) -> str:
    indented = re.search(r"\n([ \t]+)\S", text)
    return indented.group(1) if indented else "  "


def _eol(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
