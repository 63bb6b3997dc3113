"""The generated pages of `docs`: every command with its options, and every result of --json with its keys."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

import click

from thrum_cli.command import FLAGS, Common, LazyGroup
from thrum_cli.root import root
from thrum_cli.terminal.output import Outcome, human
from thrum_store.errors import ThrumError

_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", Any: "anything"}


def every(group: LazyGroup = root, path: tuple[str, ...] = ("thrum",)) -> Iterator[tuple[str, Common]]:
    """Every command with the words that call it, groups before what is in them."""
    for name in group.entries:
        command = group.get_command(click.Context(group), name)
        if isinstance(command, Common):
            yield " ".join((*path, name)), command
        if isinstance(command, LazyGroup):
            yield from every(command, (*path, name))


def commands() -> str:
    """docs/cli.md: all commands."""
    flags = grid(("flag", "what"), [_option(flag) for flag in FLAGS])
    return "\n\n".join([flags, *(_command(words, command) for words, command in every())]) + "\n"


def _command(words: str, command: Common) -> str:
    context = click.Context(command, info_name=words)
    parts = [
        f"## {words}",
        inspect.cleandoc(command.help or ""),
        f"`{words} {_usage(command, context)}`".replace(" `", "`"),
    ]
    options = [_option(one) for one in command.params if isinstance(one, click.Option)]
    if options:
        parts.append(grid(("option", "what"), options))
    if isinstance(command, LazyGroup):
        parts.append(grid(("command", "what"), [(f"`{n}`", e.help) for n, e in command.entries.items()]))
    if command.examples:
        parts.append("\n".join(["```sh", *command.examples, "```"]))
    return "\n\n".join(parts)


def _usage(command: Common, context: click.Context) -> str:
    return " ".join(command.collect_usage_pieces(context))


def _option(option: click.Option) -> tuple[str, str]:
    value = "" if option.is_flag else f" {option.make_metavar(click.Context(root))}"
    names = ", ".join(f"`{name}{value}`" for name in option.opts)
    return names, f"{option.help or ''}{' Repeatable.' if option.multiple else ''}"


def grid(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def results() -> str:
    """docs/json.md: which command answers with what, and the keys of each answer."""
    shapes: dict[str, type] = {}
    rows: list[tuple[str, ...]] = []
    for words, command in every():
        found = answers(command)
        rows.append((f"`{words}`", " or ".join(_named(one, shapes) for one in found)))
    kept = [row for row in rows if row[1]]
    return "\n\n".join([grid(("command", "answer"), kept), *_shapes(shapes)]) + "\n"


def codes() -> str:
    """docs/json.md: the codes of errors, and when each is raised."""
    list(every())  # loads every module that has errors of its own
    found = {error.code: (error.__doc__ or "").split("\n")[0] for error in _errors(ThrumError)}
    return grid(("code", "meaning"), [(f"`{code}`", told) for code, told in sorted(found.items())]) + "\n"


def _errors(root: type[ThrumError]) -> Iterator[type[ThrumError]]:
    for error in root.__subclasses__():
        yield error
        yield from _errors(error)


def answers(command: Common) -> list[type]:
    """The results of a command, as it says or as its annotation says. Raises LookupError where neither does."""
    if command.returns:
        return list(command.returns) if isinstance(command.returns, tuple) else [command.returns]
    said = typing.get_type_hints(inspect.unwrap(command.callback)).get("return") if command.callback else None
    if said is Outcome:
        raise LookupError(f"{command.name} answers with an Outcome and does not say of what")
    named: tuple[Any, ...] = typing.get_args(said) or (said,)
    return [one for one in named if one in human.registry and one is not type(None)]


def _shapes(shapes: dict[str, type]) -> Iterator[str]:
    """The tables of all shapes, those they contain as well."""
    shown: set[str] = set()
    while waiting := sorted(set(shapes) - shown):
        for name in waiting:
            shape = shapes[name]
            hints = typing.get_type_hints(shape)
            rows = [(f"`{key.removesuffix('_')}`", _type(hints[key], shapes)) for key in keys(shape)]
            yield f"## {name}\n\n{inspect.cleandoc(shape.__doc__ or '')}\n\n{grid(('key', 'value'), rows)}"
            shown.add(name)


def keys(shape: Any) -> list[str]:
    """The fields of a result."""
    return list(getattr(shape, "__dataclass_fields__", None) or shape._fields)


def _named(shape: type, shapes: dict[str, type]) -> str:
    if shapes.setdefault(shape.__name__, shape) is not shape:
        raise LookupError(f"two results are called {shape.__name__}; a page has room for one")
    return f"[{shape.__name__}](#{shape.__name__.lower()})"


def _type(hint: Any, shapes: dict[str, type]) -> str:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_type(one, shapes) for one in inner)
    if origin in (tuple, list):
        return f"array of {_type(inner[0], shapes)}"
    if origin is dict or hint is dict:
        return "object"
    if origin is typing.Literal:
        return " or ".join(f'"{one}"' for one in inner)
    return _SIMPLE.get(hint) or _named(hint, shapes)
