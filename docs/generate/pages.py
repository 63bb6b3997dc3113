"""docs/mcp.md and docs/events.md: what the tools take and give, and what the events hold, from the code itself.

The tools come from what the SDK said of them, as `thrum_mcp/transport/early_answers.json` keeps it; a test
compares the two.
"""

from __future__ import annotations

from typing import Any, cast

from thrum_cli.terminal.text import wrap
from thrum_mcp.transport.early_answers import EarlyAnswers
from thrum_store.log.events import EVENT_TYPES
from thrum_store.view.projection import rules_of

from .reference import grid

Schema = dict[str, Any]

_SHAPES = {
    "pairs": "array of [type, value]",
    "texts": "array of string",
    "text": "string",
    "origin": "[sequence, milliseconds]",
}


def events() -> str:
    """Return the tables of docs/events.md: each type of event with its fields."""
    return "\n\n".join(map(_event, EVENT_TYPES)) + "\n"


def _event(event_type: str) -> str:
    rules = rules_of(event_type)
    rows = [
        (f"`{field.removesuffix('?')}`", _SHAPES.get(shape, shape), "" if field[-1] == "?" else "yes")
        for field, shape in rules.schema.items()
    ]
    meaning = f"{rules.__doc__} Ids begin with `{EVENT_TYPES[event_type]}`."
    return f"## {event_type}\n\n{meaning}\n\n{grid(('key', 'value', 'always there'), rows)}"


def tools() -> str:
    """docs/mcp.md: each tool with its parameters, its effect and its result."""
    return "\n\n".join(map(_tool, _listed("tools"))) + "\n"


def others() -> str:
    """docs/mcp.md: the resources and the prompts."""
    found = [(f"`{one['uri']}`", one["description"]) for one in _listed("resources")]
    found += [(f"`{one['uriTemplate']}`", one["description"]) for one in _listed("resources/templates")]
    prompts = [(f"`{one['name']}`", one["description"]) for one in _listed("prompts")]
    return f"{grid(('resource', 'what'), found)}\n\n{grid(('prompt', 'what'), prompts)}\n"


def instructions() -> str:
    """docs/mcp.md: what a client is told about the server as a whole."""
    return "".join(f"> {line}\n" for line in wrap(EarlyAnswers.load().instructions, 118))


def _listed(noun: str) -> list[Schema]:
    result = EarlyAnswers.load().lists[f"{noun}/list"]
    key = "resourceTemplates" if noun == "resources/templates" else noun
    return cast("list[Schema]", result[key])


def _tool(tool: Schema) -> str:
    effects = tool["annotations"]
    effect = "Annotated as reading only." if effects["readOnlyHint"] else "Annotated as changing what others see."
    effect = "Annotated as destroying." if effects.get("destructiveHint") else effect
    parts = [f"## {tool['name']}", f"{tool['description']} {effect}"]
    for title, schema in (("takes", tool["inputSchema"]), ("gives", tool["outputSchema"])):
        rows = _rows(schema, schema.get("$defs", {}))
        parts.append(grid((title, "value", "always", "what"), rows) if rows else "Takes nothing.")
    return "\n\n".join(parts)


def _rows(schema: Schema, named: Schema, path: str = "") -> list[tuple[str, ...]]:
    """One row for each property; those of an object inside follow it, under its name."""
    rows: list[tuple[str, ...]] = []
    for name, one in schema.get("properties", {}).items():
        several = one.get("type") == "array"
        inner = one.get("items", {}) if several else one
        inner = named[inner["$ref"].rpartition("/")[2]] if "$ref" in inner else inner
        always = "yes" if name in schema.get("required", ()) else ""
        here = f"{path}{name}{'[]' if several else ''}"
        rows += [(f"`{here}`", _type(inner), always, one.get("description", "")), *_rows(inner, named, f"{here}.")]
    return rows


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return " or ".join(f'"{value}"' for value in schema["enum"])
    default = f", {schema['default']} unless given" if "default" in schema else ""
    return f"{schema.get('type', 'anything')}{default}"
