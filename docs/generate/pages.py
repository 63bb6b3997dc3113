"""The tables of docs/mcp.md and docs/events.md, generated from the code.

The tools come from `thrum_mcp/transport/early_answers.json`, which holds the SDK's lists; a test compares the two.
"""

from __future__ import annotations

from typing import Any, cast

from thrum_cli.terminal.output import wrap
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
    """Return the part of docs/mcp.md about the tools: parameters, effect and result of each."""
    return "\n\n".join(map(_tool, _listed("tools"))) + "\n"


def others() -> str:
    """Return the part of docs/mcp.md about the resources and the prompts."""
    resources = [(f"`{resource['uri']}`", resource["description"]) for resource in _listed("resources")]
    resources += [(f"`{each['uriTemplate']}`", each["description"]) for each in _listed("resources/templates")]
    prompts = [(f"`{prompt['name']}`", prompt["description"]) for prompt in _listed("prompts")]
    return f"{grid(('resource', 'content'), resources)}\n\n{grid(('prompt', 'purpose'), prompts)}\n"


def instructions() -> str:
    """Return the part of docs/mcp.md with the server's instructions."""
    return "".join(f"> {line}\n" for line in wrap(EarlyAnswers.load().instructions, 118))


def _listed(noun: str) -> list[Schema]:
    result = EarlyAnswers.load().lists[f"{noun}/list"]
    key = "resourceTemplates" if noun == "resources/templates" else noun
    return cast("list[Schema]", result[key])


def _tool(tool: Schema) -> str:
    effects = tool["annotations"]
    effect = "It is annotated as read-only." if effects["readOnlyHint"] else "It is annotated as writing."
    effect = "It is annotated as destructive." if effects.get("destructiveHint") else effect
    parts = [f"## {tool['name']}", f"{tool['description']} {effect}"]
    for title, schema in (("takes", tool["inputSchema"]), ("gives", tool["outputSchema"])):
        rows = _rows(schema, schema.get("$defs", {}))
        parts.append(grid((title, "value", "always", "meaning"), rows) if rows else "It takes no parameters.")
    return "\n\n".join(parts)


def _rows(schema: Schema, named: Schema, path: str = "") -> list[tuple[str, ...]]:
    """Return a row for each property; the properties of an inner object follow it, under its name."""
    rows: list[tuple[str, ...]] = []
    for name, value in schema.get("properties", {}).items():
        is_array = value.get("type") == "array"
        inner = value.get("items", {}) if is_array else value
        inner = named[inner["$ref"].rpartition("/")[2]] if "$ref" in inner else inner
        always = "yes" if name in schema.get("required", ()) else ""
        key = f"{path}{name}{'[]' if is_array else ''}"
        rows += [(f"`{key}`", _type(inner), always, value.get("description", "")), *_rows(inner, named, f"{key}.")]
    return rows


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return " or ".join(f'"{value}"' for value in schema["enum"])
    default = f", {schema['default']} unless given" if "default" in schema else ""
    return f"{schema.get('type', 'anything')}{default}"
