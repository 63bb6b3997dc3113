"""`docs/rpc.md` from the table of methods: the parameters and the result of each."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from thrum_mcp.daemon.rpc.methods import METHODS, Method
from thrum_mcp.daemon.rpc.parameters import CALLER, REQUIRED, TagObject
from thrum_store.values import fields_of

from .reference import keys

_NAMES = {
    str: "text", int: "number", bool: "yes/no", float: "number", type(None): "null",
    TagObject: "object {type, value}",
}  # fmt: skip


def table() -> str:
    """Return one section for each noun, with one entry for each method."""
    nouns: dict[str, list[str]] = {}
    for name in METHODS:
        nouns.setdefault(name.partition(".")[0] if "." in name else "", []).append(name)
    parts: list[str] = []
    for noun, names in sorted(nouns.items()):
        parts.append(f"### {noun or 'The daemon and subscriptions'}\n")
        parts += [_section(name, METHODS[name]) for name in names]
    return "\n".join(parts)


def _section(name: str, method: Method) -> str:
    takes = ", ".join(_parameters(method)) or "nothing"
    return f"**`{name}`** {method.about}\n\n- takes: {takes}\n- gives: {_object(method.result)}\n"


def _parameters(method: Method) -> Iterator[str]:
    for parameter in method.parameters.listed:
        if parameter.name != CALLER:
            yield f"`{parameter.name}`{'*' if parameter.default is REQUIRED else ''} {_type(parameter.type)}"


def _object(result: type) -> str:
    """Return the keys of a result, those of inner objects in braces."""
    parts: dict[str, list[str]] = {}
    for key, hint in keys(result).items():
        outer, _, inner = key.partition(".")
        parts.setdefault(outer, []).append(f"`{inner}`" if inner else _inside(hint))
    return ", ".join(
        f"`{key}` {{{', '.join(inside)}}}" if inside[0].startswith("`") else f"`{key}`{inside[0]}"
        for key, inside in parts.items()
    )


def _inside(hint: Any) -> str:
    """Return the keys of the objects inside: in braces, or in brackets where there may be several."""
    if fields_of(hint) is not None:
        return " {" + _object(hint) + "}"
    several = get_origin(hint) is tuple
    for part in get_args(hint):
        if fields_of(part) is not None:
            return f" [{_object(part)}]" if several else " {" + _object(part) + "}"
    return ""


def _type(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        return _type(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(part) for part in get_args(hint) if part is not type(None)))
    if get_origin(hint) is tuple:
        return f"list of {_type(get_args(hint)[0])}"
    return _NAMES.get(hint, "object")
