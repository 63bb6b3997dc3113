"""Reads JSON with comments and trailing commas as text: each value has its place, and no byte is unaccounted for.

The clients take the last of two members with the same name, and so does this reader. Texts that clients read in
different ways are no JSON: a `//` comment that ends at a carriage return alone, a byte order mark in the middle.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

_COMMENT = r"//[^\r\n]*(?=\r?\n|\Z)|/\*.*?\*/"
_SKIP = re.compile(rf"(?:[ \t\r\n]+|{_COMMENT})*", re.DOTALL)
_NOISE = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\r\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=[ \t\r\n]*[}\]])', re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"true|false|null|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LINE_END = re.compile(r"\r\n|\r|\n")
_DEEPEST = 100
_LONGEST = 300  # digits of a number that is read exactly
_KINDS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a text",
    bool: "true or false",
    type(None): "null",
}


class NotJson(ValueError):
    """Raised for text that is not JSON; its message names the line."""

    def __init__(self, text: str, at: int, wanted: str) -> None:
        line = len(_LINE_END.findall(text, 0, at)) + 1
        unended = text[at : at + 2] in (
            "//",
            "/*",
        )  # or ended by a carriage return alone, which clients read differently
        super().__init__(f"line {line}: expected {'a comment that ends' if unended else wanted}")


class WrongKind(ValueError):
    """Raised for JSON that has another kind of value where an object or an array must be."""

    def __init__(self, place: tuple[str | int, ...], value: object, wanted: str) -> None:
        name = f"`{'.'.join(map(str, place))}`" if place else "the whole file"
        super().__init__(f"{name} is {_KINDS.get(type(value), 'a number')} and must be {wanted}")


@dataclass
class Node:
    """A value and its position, `text[start:end]`. `outer` is where its member begins, `comma` the comma after it."""

    start: int
    end: int
    value: Any
    members: dict[str, Node] = field(default_factory=dict[str, "Node"])  # of an object, the last of each name
    items: list[Node] = field(default_factory=list["Node"])  # of an array; of an object, its members in order
    outer: int = 0  # the start of its key, or of the value itself in an array
    comma: int = -1  # the position of the comma that follows it, or -1


@functools.lru_cache(maxsize=4)
def parse(text: str) -> Node:
    """Return the text as a tree of values with their positions. Nobody changes the tree. Raises NotJson."""
    node, at = _value(text, skip(text, 0), 0)
    if skip(text, at) != len(text):
        raise NotJson(text, skip(text, at), "the end of the file")
    return node


def plain_value(text: str) -> Any:
    """Return the value of a text, as Python's own parser reads it without comments. Raises ValueError."""
    bare = _TRAILING.sub(lambda match: match.group(1) or " ", _NOISE.sub(lambda match: match.group(1) or " ", text))
    return _DECODER.decode(bare)


def is_blank(text: str) -> bool:
    """Return whether a text holds white space and comments only."""
    return skip(text, 0) == len(text)


def skip(text: str, at: int) -> int:
    """Return the position behind the white space and the comments at `at`."""
    space = _SKIP.match(text, at)
    return space.end() if space else at


def _value(text: str, at: int, depth: int) -> tuple[Node, int]:
    if depth > _DEEPEST:
        raise NotJson(text, at, f"less nesting: {_DEEPEST} levels are read")
    if text[at : at + 1] in ("{", "["):
        return _container(text, at, depth)
    token = _STRING.match(text, at) or _SCALAR.match(text, at)
    if token is None:
        raise NotJson(text, at, "a value")
    return Node(at, token.end(), _decoded(text, token), outer=at), token.end()


def _decoded(text: str, token: re.Match[str]) -> Any:
    try:
        return _DECODER.decode(token.group())
    except ValueError:
        raise NotJson(text, token.start(), "a value") from None


def _number(digits: str) -> int | float:
    """Return a number; one of very many digits as clients do, not exactly."""
    return int(digits) if len(digits) < _LONGEST and digits.removeprefix("-").isdigit() else float(digits)


def _refuse(name: str) -> Any:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_refuse)


def _container(text: str, start: int, depth: int) -> tuple[Node, int]:
    keyed = text[start] == "{"
    closing = "}" if keyed else "]"
    node = Node(start, start, {} if keyed else [], outer=start)
    at = skip(text, start + 1)
    while text[at : at + 1] != closing:
        if node.items:
            if text[at : at + 1] != ",":
                raise NotJson(text, at, f"`,` or `{closing}`")
            node.items[-1].comma = at
            at = skip(text, at + 1)
            if text[at : at + 1] == closing:
                break
        at = skip(text, _member(text, at, node, depth) if keyed else _item(text, at, node, depth))
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
    colon = skip(text, key.end())
    if text[colon : colon + 1] != ":":
        raise NotJson(text, colon, "`:`")
    inner, end = _value(text, skip(text, colon + 1), depth + 1)
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
    """Return the value under these names and item numbers, or None; also in a text that holds no value."""
    node: Node | None = None if is_blank(text) else parse(text)
    for name in path:
        if node is not None:
            node = node.members.get(name) if isinstance(name, str) else node.items[name]
    return node


def value(text: str, path: tuple[str | int, ...]) -> Any:
    """Return the plain value under these names and item numbers, or None."""
    node = find(text, path)
    return node.value if node is not None else None


def written(value: Any, indent: str | None = None) -> str:
    """Return a value as JSON, on one line unless there is an indent; strings and lists of strings are TOML as well."""
    return json.dumps(value, ensure_ascii=False, indent=indent)
