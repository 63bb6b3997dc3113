"""Registration of a function as a tool: a strict and short schema, and annotations that declare its effects.

Some clients refuse every tool without `readOnlyHint` when there is no user to ask. So tools whose only effect is on the
agent's own mailbox have it. No tool reaches beyond this machine: all are closed-world.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations
from pydantic import ConfigDict

Schema = dict[str, Any]

_AT_HAND = {"anthropic/alwaysLoad": True}  # without it some clients hide a tool until the model searches for it


def reads(function: Callable[..., Any], title: str, *, at_hand: bool = False) -> Tool:
    """Register a tool that changes nothing that others see."""
    return _tool(function, title, ToolAnnotations(read_only_hint=True, open_world_hint=False), at_hand)


def writes(
    function: Callable[..., Any], title: str, *, destroys: bool = False, repeatable: bool = False, at_hand: bool = False
) -> Tool:
    """Register a tool with effects that others see; `repeatable` if calling it again changes nothing more."""
    annotations = ToolAnnotations(
        read_only_hint=False, destructive_hint=destroys, idempotent_hint=repeatable, open_world_hint=False
    )
    return _tool(function, title, annotations, at_hand)


def _tool(function: Callable[..., Any], title: str, annotations: ToolAnnotations, at_hand: bool) -> Tool:
    tool = Tool.from_function(
        function,
        title=title,
        description=" ".join(inspect.cleandoc(function.__doc__ or "").split()),
        annotations=annotations,
        meta=_AT_HAND if at_hand else None,
    )
    metadata = tool.fn_metadata
    # Refuse misspelt arguments: a reply that silently loses its `reply_to` is worse than an error.
    strict = type(metadata.arg_model.__name__, (metadata.arg_model,), {"model_config": ConfigDict(extra="forbid")})
    metadata.arg_model = cast("type[Any]", strict)
    tool.parameters = _short(metadata.arg_model.model_json_schema(by_alias=True))
    metadata.output_schema = _short(metadata.output_schema or {})
    return tool


def _short(schema: Schema) -> Schema:
    """Return the schema without titles and `or null`, which cost tokens and say nothing that a model needs."""
    short = {key: value for key, value in schema.items() if key not in ("title", "anyOf")}
    for option in schema.get("anyOf", ()):
        if option.get("type") != "null":
            short = {**_short(option), **short}
    for key in ("properties", "$defs"):
        if key in short:
            short[key] = {name: _short(value) for name, value in short[key].items()}
    if "items" in short:
        short["items"] = _short(short["items"])
    if short.get("default", ...) is None:
        del short["default"]
    return short
