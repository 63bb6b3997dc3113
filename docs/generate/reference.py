"""The generated pages of `docs`: every command with its options, and every result of --json with its keys."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

import click

from thrum_cli.command import GLOBAL_FLAGS, Command, Group, Option, loaded, summary
from thrum_cli.root import made, thrum
from thrum_cli.terminal.output import Outcome, human
from thrum_store.errors import ThrumError
from thrum_store.values import json_keys

_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", Any: "anything"}


def every(group: Group = thrum, path: tuple[str, ...] = ("thrum",)) -> Iterator[tuple[str, Command | Group]]:
    """Yield each command with the words that call it, groups before their commands."""
    for name, entry in group.entries.items():
        command = loaded(entry)
        yield " ".join((*path, name)), command
        if isinstance(command, Group):
            yield from every(command, (*path, name))


def commands() -> str:
    """Return docs/cli.md: all commands."""
    flags = grid(("flag", "meaning"), [_option(flag) for flag in GLOBAL_FLAGS])
    return "\n\n".join([flags, *(_command(words, command) for words, command in every())]) + "\n"


def _command(words: str, command: Command | Group) -> str:
    parts = [f"## {words}", inspect.cleandoc(command.help), f"`{words} {_usage(words, command)}`".replace(" `", "`")]
    options = [_option(option) for option in command.options if isinstance(option, Option)]
    if options:
        parts.append(grid(("option", "meaning"), options))
    if isinstance(command, Group):
        rows = [(f"`{name}`", summary(entry)) for name, entry in command.entries.items()]
        parts.append(grid(("command", "meaning"), rows))
    parts.append("\n".join(["```sh", *command.examples, "```"]))
    return "\n\n".join(parts)


def _usage(words: str, command: Command | Group) -> str:
    read = made(command)
    return " ".join(read.collect_usage_pieces(click.Context(read, info_name=words)))


def _option(option: Option) -> tuple[str, str]:
    value = f" {option.metavar}" if option.metavar else ""
    names = ", ".join(f"`{name}{value}`" for name in option.flags.replace("/", " ").split())
    return names, f"{option.help}{' Repeatable.' if option.multiple else ''}"


def grid(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def results() -> str:
    """Return docs/json.md: the result of each command, and the keys of each result."""
    shapes: dict[str, type] = {}
    rows = [
        (f"`{words}`", " or ".join(_named(result, shapes) for result in answers(command))) for words, command in every()
    ]
    return "\n\n".join([grid(("command", "answer"), [row for row in rows if row[1]]), *_shapes(shapes)]) + "\n"


def codes() -> str:
    """Return docs/json.md: the codes of errors, and when each occurs."""
    list(every())  # loads every module that has errors of its own
    meanings = {error.code: _meaning(error) for error in _errors(ThrumError)}
    return grid(("code", "meaning"), [(f"`{code}`", meaning) for code, meaning in sorted(meanings.items())]) + "\n"


def _meaning(error: type[ThrumError]) -> str:
    """Return when an error is raised, as a sentence of its own."""
    condition = (error.__doc__ or "").split("\n")[0].removeprefix("Raised if ")
    return condition[:1].upper() + condition[1:]


def _errors(root: type[ThrumError]) -> Iterator[type[ThrumError]]:
    for error in root.__subclasses__():
        yield error
        yield from _errors(error)


def answers(command: Command | Group) -> list[type]:
    """Return the results of a command that have words. Raises LookupError if the command does not name its results."""
    return [result for result in returned(command) if result in human.registry]


def returned(command: Command | Group) -> list[type]:
    """Return all that a command may return, as declared or annotated. Raises LookupError if neither names it."""
    if command.returns:
        return list(command.returns) if isinstance(command.returns, tuple) else [command.returns]
    hint = _returned(command.function) if command.function else None
    if hint is Outcome:
        raise LookupError(f"{command.name} answers with an Outcome and does not name its result")
    hints: tuple[Any, ...] = typing.get_args(hint) or (hint,)
    return [result for result in hints if result not in (int, None, type(None))]


def _returned(function: Any) -> Any:
    """Return the type of the result of a function; types of parameters may exist for checkers only."""
    only = types.SimpleNamespace(__annotations__={"return": function.__annotations__["return"]})
    return typing.get_type_hints(only, function.__globals__)["return"]


def _shapes(shapes: dict[str, type]) -> Iterator[str]:
    """Yield a table for each shape, and for the shapes inside of it."""
    shown: set[str] = set()
    while waiting := sorted(set(shapes) - shown):
        for name in waiting:
            shape = shapes[name]
            rows = [(f"`{key}`", _type(hint, shapes)) for key, hint in keys(shape).items()]
            yield f"## {name}\n\n{inspect.cleandoc(shape.__doc__ or '')}\n\n{grid(('key', 'value'), rows)}"
            shown.add(name)


def keys(result: type) -> dict[str, Any]:
    """Return the JSON keys of a result with their types, `outer.key` for a key of an inner object."""
    hints = typing.get_type_hints(result, localns={"Any": Any})
    if "header" in hints:
        hints = typing.get_type_hints(hints["header"], localns={"Any": Any}) | hints
    return {f"{outer}.{key}".removeprefix("."): hints[field] for outer, key, field in json_keys(result)}


def _named(shape: type, shapes: dict[str, type]) -> str:
    if shapes.setdefault(shape.__name__, shape) is not shape:
        raise LookupError(f"two results are called {shape.__name__}; a page has room for one")
    return f"[{shape.__name__}](#{shape.__name__.lower()})"


def _type(hint: Any, shapes: dict[str, type]) -> str:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_type(part, shapes) for part in inner)
    if origin in (tuple, list):
        return f"array of {_type(inner[0], shapes)}"
    if origin is dict or hint is dict:
        return "object"
    if origin is typing.Literal:
        return " or ".join(f'"{part}"' for part in inner)
    return _SIMPLE.get(hint) or _named(hint, shapes)
