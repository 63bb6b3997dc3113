"""The commands with which a client's file starts thrum: read, and renewed where they start nothing any more."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from thrum_store.values import Record, loads

from . import jsontext
from .jsontext import mapping, sequence
from .launcher import START, Launcher

_SERVERS = ("mcpServers", "amp.mcpServers", "mcp")  # the objects of servers in JSON files
_TABLE = ("mcp_servers", "thrum")
_PLUGIN = re.compile(r"^const THRUM\b[^=\n]*= (\[.*\])", re.MULTILINE)
_HEADER = re.compile(r"^[ \t]*\[[ \t]*mcp_servers[ \t]*\.[ \t]*[\"']?thrum[\"']?[ \t]*\].*$", re.MULTILINE)
_NEXT_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
_COMMAND = re.compile(r"^([ \t]*command[ \t]*=[ \t]*)(\"[^\"\n]*\"|'[^'\n]*')", re.MULTILINE)
_ARGS = re.compile(r"^([ \t]*args[ \t]*=[ \t]*)\[[^\]]*\]", re.MULTILINE)
_SHELLS = {"sh", "bash", "dash", "zsh"}


class Start(Record):
    """A command in a file: the words that start thrum, those that follow, and the variables that the file sets.

    `place` are the names and numbers that lead to it in a JSON file. `joined`: a shell reads it as one line.
    """

    words: Launcher
    rest: tuple[str, ...]
    variables: dict[str, str]
    place: tuple[str | int, ...] = ()
    joined: bool = False


def starts_in(path: str, text: str) -> tuple[Start, ...]:
    """Return the commands of thrum in a client's file. Raises ValueError if it cannot be read."""
    if path.endswith((".json", ".jsonc")):
        data = mapping(jsontext.value(text, ())) if text.strip() else {}
        return (*_servers(path, data), *_hooks(data))
    if path.endswith(".toml"):
        return tuple(filter(None, [_start(_table(text), _TABLE, "mcp")]))
    if path.endswith((".ts", ".js")) and (plugin := _PLUGIN.search(text)):
        return _plugin(plugin[1])
    return ()


def _plugin(text: str) -> tuple[Start, ...]:
    """Return the command of a plugin; none if its user wrote it in another form."""
    try:
        words = tuple(map(str, sequence(loads(text))))
    except ValueError:
        return ()
    return (Start(words, (), {}),) if words else ()


def renewed(path: str, text: str, starts: Callable[[Start], bool]) -> str:
    """Return the text with each command of thrum that does not start replaced; those of other programs stay."""
    for start in starts_in(path, text):
        if start.words != START and _is_ours(start) and not starts(start):
            text = _replaced(path, text, start)
    return text


def _is_ours(start: Start) -> bool:
    """Return whether a command is of the kind that `thrum init` writes, and not a wrapper of the user's."""
    name = os.path.basename(start.words[0])
    return name == "thrum" or (name in _SHELLS | {"python", "python3"} and "thrum" in " ".join(start.words[1:]))


def _servers(path: str, data: dict[str, Any]) -> Iterator[Start]:
    joined = path.startswith(".augment")  # Auggie joins the words and gives them to a shell
    for name in _SERVERS:
        start = _start(mapping(mapping(data.get(name)).get("thrum")), (name, "thrum"), "mcp", joined=joined)
        if start is not None:
            yield start


def _hooks(data: dict[str, Any]) -> Iterator[Start]:
    for event, groups in mapping(data.get("hooks")).items():
        for number, group in enumerate(sequence(groups)):
            for where, hook in _commands(("hooks", event, number), mapping(group)):
                start = _start(mapping(hook), where, "hook", joined="args" not in mapping(hook))
                if start is not None and _is_ours(start):
                    yield start


def _commands(place: tuple[str | int, ...], group: dict[str, Any]) -> list[tuple[tuple[str | int, ...], Any]]:
    """Return the hooks of a group with their places; in Cursor's file the group itself is one."""
    inner = sequence(group.get("hooks"))
    return [((*place, "hooks", number), hook) for number, hook in enumerate(inner)] or [(place, group)]


def _start(fields: dict[str, Any], place: tuple[str | int, ...], verb: str, *, joined: bool = False) -> Start | None:
    """Return the command in an object of a file, or None if it has none with this verb."""
    command = fields.get("command")
    listed = [str(word) for word in sequence(command)] or [str(command)]
    words = [*listed, *map(str, sequence(fields.get("args")))]
    words = _split(" ".join(words)) if joined else words
    at = words.index(verb) if verb in words else 0 if verb == "hook" else len(words)
    if command is None or not at:
        return None
    variables = mapping(fields.get("env", fields.get("environment")))
    named = {name: str(text) for name, text in variables.items()}
    return Start(tuple(words[:at]), tuple(words[at:]), named, place, joined)


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _replaced(path: str, text: str, start: Start) -> str:
    if path.endswith(".toml"):
        return _in_toml(text, start)
    if not start.place:
        return _PLUGIN.sub(lambda match: match[0].replace(match[1], jsontext.written(list(START))), text, count=1)
    words = [*START, *start.rest]
    command = (*start.place, "command")
    if isinstance(jsontext.value(text, command), list):
        return _put(text, command, words)
    if jsontext.find(text, (*start.place, "args")) is None:
        return _put(text, command, shlex.join(words))
    first, *others = map(shlex.quote, words) if start.joined else words
    return _put(_put(text, (*start.place, "args"), others), command, first)


def _put(text: str, place: tuple[str | int, ...], value: Any) -> str:
    node = jsontext.find(text, place)
    return text if node is None else text[: node.start] + jsontext.written(value) + text[node.end :]


def _in_toml(text: str, start: Start) -> str:
    """Return the text with another command in our table; the text itself if the table is not written line by line."""
    header = _HEADER.search(text)
    if header is None:
        return text
    following = _NEXT_TABLE.search(text, header.end())
    end = following.start() if following else len(text)
    words = [*START, *start.rest]
    table = _COMMAND.sub(lambda line: f"{line[1]}{jsontext.written(words[0])}", text[header.end() : end], count=1)
    table = _ARGS.sub(lambda line: f"{line[1]}{jsontext.written(words[1:])}", table, count=1)
    after = text[: header.end()] + table + text[end:]
    return after if _table(after).get("args") == words[1:] else text


def _table(text: str) -> dict[str, Any]:
    try:
        return mapping(mapping(tomllib.loads(text).get(_TABLE[0])).get(_TABLE[1]))
    except tomllib.TOMLDecodeError:
        return {}
