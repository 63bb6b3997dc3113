"""Puts a value into JSON text and takes it out again: no other byte changes, and comments stay where they are.

The text keeps its indentation, line ends, order and odd spacing. A comment on the line of a member stays on it.
"""

from __future__ import annotations

import re
from typing import Any

from .jsontext import Node, WrongKind, find, is_blank, parse, skip, written

_COMMENT_BEHIND = re.compile(r"[ \t]*(?://[^\r\n]*|/\*.*?\*/)", re.DOTALL)
_FIRST_INDENT = re.compile(r"[\r\n]([ \t]+)[^ \t\r\n]")
_SPACE = " \t\r\n"
_WIDE = 100


def put(text: str, path: tuple[str, ...], value: Any) -> str:
    """Return the text with `value` under these names; missing objects are made. Raises NotJson, WrongKind."""
    text = _rooted(text)
    node = parse(text)
    for place, name in enumerate(path):
        if not isinstance(node.value, dict):
            raise WrongKind(path[:place], node.value, "an object")
        inner = node.members.get(name)
        if inner is None:
            for outer in reversed(path[place + 1 :]):
                value = {outer: value}
            return _insert(text, node, value, name)
        node = inner
    if node.value == value:
        return text
    return text[: node.start] + _written(text, value, None, _line_indent(text, node.start)) + text[node.end :]


def append(text: str, path: tuple[str, ...], value: Any) -> str:
    """Return the text with `value` in the array under these names, at its end if it was not in it."""
    node = find(text, path)
    if node is None:
        return put(text, path, [value])
    if not isinstance(node.value, list):
        raise WrongKind(path, node.value, "an array")
    return text if value in node.value else _insert(text, node, value)


def drop(text: str, path: tuple[str, ...], before: str | None = None) -> str:
    """Return the text without the value under these names, and without the objects that held nothing else.

    `before` is the text from before the value was put in, if it is known: an object that it has stays.
    """
    *above, name = path
    node = find(text, tuple(above))
    inner = node.members.get(name) if node is not None else None
    return text if node is None or inner is None else _without(text, tuple(above), node, inner, before)


def discard(text: str, path: tuple[str | int, ...], value: Any, before: str | None = None) -> str:
    """Return the text without this item of an array, and without the array if it held nothing else."""
    node = find(text, path)
    if node is None or not isinstance(node.value, list) or value not in node.value:
        return text
    return _without(text, path, node, node.items[node.value.index(value)], before)


def _rooted(text: str) -> str:
    """Return a text that holds an object: a file without any value gets an empty one behind its comments."""
    if not is_blank(text):
        return text
    gap = _eol(text) if text.strip(_SPACE) and not text.endswith(("\n", "\r")) else ""
    return f"{text}{gap}{{}}{_eol(text)}"


def _without(text: str, path: tuple[str | int, ...], node: Node, inner: Node, before: str | None) -> str:
    removed = _removed(text, node, inner)
    names = tuple(name for name in path if isinstance(name, str))
    if len(node.items) > 1 or len(names) < len(path):
        return removed
    old = find(before, names) if before is not None else None
    if before is not None and old is not None and not old.items:
        empty = before[old.start : old.end]
        now = removed[node.start : node.end + len(removed) - len(text)]
        return f"{text[: node.start]}{empty}{text[node.end :]}" if _differ_in_space(now, empty) else removed
    if old is not None or _has_comments(text, node):
        return removed
    if names:
        return drop(text, names, before)
    if before is not None and _rooted(before) == f"{text[: node.start]}{{}}{text[node.end :]}":
        return before
    return removed


def _differ_in_space(first: str, second: str) -> bool:
    """Return whether two texts are the same but for white space."""
    return "".join(first.split()) == "".join(second.split())


def _has_comments(text: str, node: Node) -> bool:
    """Return whether an object or array of one item has comments around that item."""
    (item,) = node.items
    return "/" in text[node.start + 1 : item.outer] + text[item.end : node.end - 1]


def _insert(text: str, node: Node, value: Any, name: str | None = None) -> str:
    """Return the text with a new last member of an object or last item of an array."""
    begin = _end_of_items(node)
    at = _behind_comments(text, begin) if node.items else begin + len(text[begin : node.end - 1].rstrip(_SPACE))
    indent = _inner_indent(text, node)
    if indent is None and (_ends_in_comment(text, begin, at) or _is_wide(text, value, name)):
        indent = _line_indent(text, node.start) + _unit(text)
    new = _written(text, value, name, indent)
    gap = f"{_eol(text)}{indent}" if indent is not None else " "
    if not node.items:
        return _first(text, node, at, new, gap)
    last = node.items[-1]
    if last.comma >= 0:
        return f"{text[:at]}{gap}{new},{text[at:]}"
    return f"{text[: last.end]},{text[last.end : at]}{gap}{new}{text[at:]}"


def _first(text: str, node: Node, at: int, new: str, gap: str) -> str:
    """Return the text with the first member of an object; what stands in the object, such as comments, stays."""
    rest = text[at : node.end - 1]
    if gap == " ":
        gap = gap if at > node.start + 1 else rest
        return f"{text[:at]}{gap}{new}{text[at:]}"
    closing = "" if "\n" in rest or "\r" in rest else f"{_eol(text)}{_line_indent(text, node.start)}"
    return f"{text[:at]}{gap}{new}{closing}{text[node.end - 1 if closing else at :]}"


def _end_of_items(node: Node) -> int:
    """Return the position behind the last item and its comma, or behind the opening bracket."""
    if not node.items:
        return node.start + 1
    last = node.items[-1]
    return last.comma + 1 if last.comma >= 0 else last.end


def _behind_comments(text: str, at: int) -> int:
    """Return the position behind the comments that begin on this line."""
    while comment := _COMMENT_BEHIND.match(text, at):
        at = comment.end()
    return at


def _ends_in_comment(text: str, begin: int, at: int) -> bool:
    """Return whether the white space and comments before `at` end with a comment that needs the end of its line."""
    space = text[begin:at].rstrip(_SPACE)
    return skip(f"{space} x", 0) > len(space) + 1


def _removed(text: str, node: Node, inner: Node) -> str:
    """Return the text without a member, the space before it and one comma; every comment stays."""
    place = node.items.index(inner)
    before, after = text[: inner.outer], text[inner.end :]
    if inner.comma >= 0:
        after = text[inner.end : inner.comma] + text[inner.comma + 1 :]
    elif place:
        comma = node.items[place - 1].comma
        before = before[:comma] + before[comma + 1 :]
    if _COMMENT_BEHIND.match(after):
        return before + after
    bare = before.rstrip(_SPACE)
    begin = node.items[place - 1].comma + 1 if place else node.start + 1
    if _ends_in_comment(text, begin, inner.outer) and not after.lstrip(" \t").startswith(("\n", "\r")):
        return before + after
    return bare + (after.lstrip(" \t") if bare == before and not place else after)


def _is_wide(text: str, value: Any, name: str | None) -> bool:
    """Return whether a value on one line would be much longer than the lines of this file."""
    return _is_long(text) and len(_written(text, value, name, None)) > _WIDE


def _is_long(text: str) -> bool:
    body = text.strip(_SPACE)
    return "\n" in body or "\r" in body


def _written(text: str, value: Any, name: str | None, indent: str | None) -> str:
    if indent is None or not _is_long(text) and text.strip(_SPACE) not in ("{}", "{ }"):
        body = written(value)
    else:
        body = written(value, _unit(text)).replace("\n", f"{_eol(text)}{indent}")
    return body if name is None else f"{written(name)}: {body}"


def _inner_indent(text: str, node: Node) -> str | None:
    """Return the indentation of the members, or None if they share a line."""
    for item in (*node.items[:1], *node.items[-1:]):
        indent = _line_indent(text, item.outer)
        if text[item.outer - len(indent) - 1 : item.outer] in (f"\n{indent}", f"\r{indent}"):
            return indent
    if node.items or not _is_long(text) and text.strip(_SPACE) not in ("{}", "{ }"):
        return None
    return _line_indent(text, node.start) + _unit(text)


def _line_indent(text: str, at: int) -> str:
    """Return the space at the beginning of the line that contains `at`."""
    line = text[max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str:
    """Return the indentation of one level: that of the first member, if it has a line of its own."""
    node = find(text, ())
    if node is not None and node.items:
        outer, inner = _line_indent(text, node.start), _line_indent(text, node.items[0].outer)
        if inner.startswith(outer) and inner != outer:
            return inner[len(outer) :]
    indented = _FIRST_INDENT.search(text)
    return indented.group(1) if indented and "/" not in text else "  "


def _eol(text: str) -> str:
    if "\n" not in text:
        return "\r" if "\r" in text else "\n"
    return "\r\n" if "\r\n" in text else "\n"
