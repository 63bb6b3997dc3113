"""`docs/rpc.md` from the table of methods: what each takes, what it gives."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from thrum_mcp.daemon.rpc.dispatch import CALLER, METHODS
from thrum_mcp.daemon.rpc.request_context import Method

_NAMES = {str: "text", int: "number", bool: "yes/no", float: "number", type(None): "null"}


def table() -> str:
    """One section for each noun, one row for each method."""
    nouns: dict[str, list[str]] = {}
    for name in METHODS:
        nouns.setdefault(name.partition(".")[0] if "." in name else "", []).append(name)
    parts: list[str] = []
    for noun, names in sorted(nouns.items()):
        parts.append(f"### {noun or 'The daemon and subscriptions'}\n")
        parts += [_section(name, METHODS[name]) for name in names]
    return "\n".join(parts)


def _section(name: str, method: Method) -> str:
    about = " ".join(method.about.split())
    takes = ", ".join(_parameters(method.params)) or "nothing"
    return f"**`{name}`** {about}\n\n- takes: {takes}\n- gives: {_object(method.result)}\n"


def _parameters(params: type) -> Iterator[str]:
    hints = get_type_hints(params)
    for one in fields(params):
        if one.name != CALLER:
            yield f"`{one.name}`{'*' if _required(one) else ''} {_type(hints[one.name])}"


def _required(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _object(result: type) -> str:
    hints = get_type_hints(result)
    return ", ".join(f"`{one.name}`{_inside(hints[one.name])}" for one in fields(result))


def _inside(hint: Any) -> str:
    """The keys of what lies inside, in braces; in brackets where there may be several."""
    if is_dataclass(hint) and isinstance(hint, type):
        return " {" + _object(hint) + "}"
    several = get_origin(hint) is tuple
    for part in get_args(hint):
        if is_dataclass(part) and isinstance(part, type):
            return f" [{_object(part)}]" if several else " {" + _object(part) + "}"
    return ""


def _type(hint: Any) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(part) for part in get_args(hint) if part is not type(None)))
    if get_origin(hint) is tuple:
        return f"list of {_type(get_args(hint)[0])}"
    if is_dataclass(hint):
        return "object {" + ", ".join(one.name for one in fields(hint)) + "}"
    return _NAMES.get(hint, "object")
