"""One home for each rule of the program: a second one is found by its syntax."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pytest

from tests.source import ROOT, last_name, mentions, modules, name_of, parsed
from thrum_store.repository import paths

PATHS = "thrum_store/repository/paths.py"
Search = Callable[[ast.Module], Iterable[int]]  # the lines on which a module does such a thing


class Home(NamedTuple):
    """The modules that may do a thing, and the search that finds it in others, `within` a folder."""

    modules: tuple[str, ...]
    search: Search
    within: str = ""


# --- the searches ---------------------------------------------------------------------------------------------------


def uses_of(*names: str) -> Search:
    """Return a search for modules, or names in them, that are imported or used."""

    def search(tree: ast.Module) -> Iterator[int]:
        for line, dotted in mentions(tree):
            if any(dotted == name or dotted.startswith(f"{name}.") for name in names):
                yield line

    return search


def texts_like(pattern: str) -> Search:
    """Return a search for literals that match a pattern; docstrings do not count."""

    def search(tree: ast.Module) -> Iterator[int]:
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                yield from [node.lineno] if re.search(pattern, node.value) else ()

    return search


def calls_of(*names: str, argument: str = "") -> Search:
    """Return a search for calls of these methods; with an `argument`, for calls that have one that matches it."""

    def search(tree: ast.Module) -> Iterator[int]:
        for call in calls(tree):
            fits = not argument or any(re.search(argument, ast.unparse(text)) for text in call.args)
            if last_name(call.func) in names and fits:
                yield call.lineno

    return search


def either(*searches: Search) -> Search:
    """Return a search for all that these searches find."""
    return lambda tree: (line for search in searches for line in search(tree))


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Yield all calls of a module."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def configuration(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that open config.json: its path is an argument of a method, or its name is part of a path."""
    for call in calls(tree):
        opens = isinstance(call.func, ast.Attribute) or last_name(call.func) == "open"
        if opens and any(re.search(r"paths\.config$|^'config\.json'$", ast.unparse(text)) for text in call.args):
            yield call.lineno


def counted_bytes(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that calculate with the byte counts in the header of a segment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and any(
            isinstance(part, ast.Attribute) and part.attr in ("previous_length", "purged")
            for part in (node.left, node.right)
        ):
            yield node.lineno


def existence(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that ask with signal 0 whether a process exists."""
    for call in calls(tree):
        if last_name(call.func) in ("kill", "killpg") and [ast.unparse(number) for number in call.args[1:]] == ["0"]:
            yield call.lineno


def sorted_compact_json(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that encode JSON with sorted keys and without blanks."""
    wanted = {"sort_keys", "separators"}
    yield from (call.lineno for call in calls(tree) if wanted <= {item.arg for item in call.keywords})
    for node in ast.walk(tree):  # the keywords may stand in a table
        if isinstance(node, ast.Dict) and wanted <= {key.value for key in node.keys if isinstance(key, ast.Constant)}:
            yield node.lineno


def shortened_text(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that put `…` behind the beginning of a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.IfExp):
            if any(isinstance(part, ast.Constant) and part.value == "…" for part in ast.iter_child_nodes(node)):
                yield node.lineno
        elif isinstance(node, ast.JoinedStr):
            for value, text in zip(node.values, node.values[1:], strict=False):
                if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant):
                    yield from [node.lineno] if str(text.value).startswith("…") else ()


def short_store_ids(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that take the first eight letters of a store's id."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            store = last_name(node.value) in ("store", "store_id", "own", "owner")
            yield from [node.lineno] if store and ast.unparse(node.slice) == ":8" else ()


# --- the homes ------------------------------------------------------------------------------------------------------

HOMES = {
    "reading and writing the configuration": Home(
        tuple(f"thrum_store/repository/{name}.py" for name in ("config", "paths", "settings_copy")), configuration
    ),
    "counting the bytes of a segment": Home(("thrum_store/log/segments.py",), counted_bytes),
    "canonical JSON": Home(("thrum_store/values.py",), sorted_compact_json),
    "the grammar of names": Home(
        ("thrum_store/identity.py",), texts_like(r"\[(a-z0-9|0-9a-z)(_-|-)?\]|abcdefghijklmnopqrstuvwxyz(0|$)")
    ),
    "the short id of a store": Home(("thrum_store/identity.py",), short_store_ids),
    "waiting for a bell": Home(
        ("thrum_store/service/messages/waiting.py",),
        calls_of("register", "wait_readable", "select", argument=r"\.fd\b"),
    ),
    "setting up the log": Home(
        ("thrum_mcp/logs.py",),
        uses_of("logging.basicConfig", "logging.captureWarnings", "logging.config", "logging.root"),
    ),
    "splitting a stream into lines": Home(
        ("thrum_mcp/lines.py",),
        either(
            calls_of("readline", "readlines", "readuntil", "splitlines"),
            calls_of("split", "partition", "find", "index", argument=r"^b'\\n'$"),
        ),
        within="thrum_mcp/",
    ),
    "reading HEAD": Home(("thrum_store/repository/git_files.py",), texts_like("^ref:")),
    "shortening a text": Home(
        ("thrum_store/service/message_parts.py", "cli/thrum_cli/terminal/output.py"), shortened_text
    ),
    "facts of a process": Home(
        ("thrum_mcp/daemon/process/facts.py", "thrum_store/machine/process.py"),
        either(uses_of("psutil", "socket.SO_PEERCRED", "socket.LOCAL_PEERCRED"), existence),
    ),
    "JSON": Home(("thrum_store/values.py",), uses_of("json")),
    "telling the time": Home(("thrum_store/machine/host.py", "thrum_store/values.py"), uses_of("time")),
    "editing TOML": Home(("cli/thrum_cli/clients/tables.py",), uses_of("tomlkit")),
}

# Where another module may all the same, and why. An entry that nothing needs any more fails the test below.
ELSEWHERE = {
    ("counting the bytes of a segment", "thrum_store/log/purged_log.py"): "writes how many bytes a purge removed",
    ("facts of a process", "cli/thrum_cli/hooks/queueing.py"): "asks for its parent: a hook must not load psutil",
    ("JSON", "cli/thrum_cli/clients/check.py"): "reads files of clients",
    ("JSON", "cli/thrum_cli/clients/jsontext.py"): "edits files of clients, each value as it is written there",
    ("JSON", "cli/thrum_cli/clients/ledger.py"): "writes one value on a line, for people",
    ("waiting for a bell", "thrum_mcp/daemon/push/notify.py"): "waits in the daemon's event loop, which must not block",
    (
        "splitting a stream into lines",
        "thrum_mcp/daemon/process/client.py",
    ): "reads a blocking socket, one answer a line",
    ("shortening a text", "thrum_store/service/messages/feeds.py"): "marks a preview that the query has shortened",
    ("shortening a text", "thrum_store/service/messages/search.py"): "takes an excerpt from the middle of a text",
    ("shortening a text", "thrum_store/service/upkeep/check_logs.py"): "abbreviates the id of a store",
    ("shortening a text", "thrum_store/setup.py"): "abbreviates the id of a store",
    ("shortening a text", "cli/thrum_cli/demo/play.py"): "abbreviates the id of a message",
}


def homeless() -> dict[tuple[str, str], list[int]]:
    """Return the lines outside of the homes, by rule and module."""
    lines = {
        (rule, name_of(path)): sorted(set(home.search(parsed(path))))
        for rule, home in HOMES.items()
        for path in modules()
        if name_of(path) not in home.modules and name_of(path).startswith(home.within)
    }
    return {place: where for place, where in lines.items() if where}


def test_each_rule_has_one_home() -> None:
    assert {place: where for place, where in homeless().items() if place not in ELSEWHERE} == {}


def test_no_exception_outlives_its_reason() -> None:
    assert set(ELSEWHERE) - set(homeless()) == set()


@pytest.mark.parametrize("rule", HOMES)
def test_the_rule_is_found_in_its_home(rule: str) -> None:
    """A search that finds nothing there would find no second home either."""
    home = HOMES[rule]
    assert [module for module in home.modules if not list(home.search(parsed(ROOT / module)))] == []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("reading and writing the configuration", "storage.read(self._paths.config)"),
        ("reading and writing the configuration", "with open(store.paths.config) as file: ..."),
        ("reading and writing the configuration", "os.path.join(thrum, 'config.json')"),
        ("counting the bytes of a segment", "end = following.previous_length - length"),
        ("counting the bytes of a segment", "end = size + header.purged"),
        ("canonical JSON", "json.dumps(fields, sort_keys=True, separators=(',', ':'))"),
        ("the grammar of names", "NAME = re.compile('[a-z0-9_-]{1,64}')"),
        ("the grammar of names", "LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789_-'"),
        ("the short id of a store", "f'{name}@{shard.store[:8]}'"),
        ("the short id of a store", "own[:8] + '…'"),
        ("waiting for a bell", "poll.register(bell.fd, select.POLLIN)"),
        ("waiting for a bell", "select.select([self._bell.fd], [], [], 1)"),
        ("waiting for a bell", "await anyio.wait_readable(bell.fd)"),
        ("setting up the log", "import logging as log\nlog.basicConfig(level=10)"),
        ("setting up the log", "from logging.config import dictConfig"),
        ("splitting a stream into lines", "for line in data.split(b'\\n'): ..."),
        ("splitting a stream into lines", "line = stream.readline()"),
        ("splitting a stream into lines", "await reader.readuntil(b'\\n')"),
        ("reading HEAD", "head.removeprefix('ref: refs/heads/')"),
        ("shortening a text", "shown = text[:40] + '…'"),
        ("shortening a text", "shown = f'{text[:40]}… ({size} bytes)'"),
        ("shortening a text", "end = '…' if len(text) > 40 else ''"),
        ("facts of a process", "def f():\n    import psutil"),
        ("facts of a process", "from socket import SO_PEERCRED"),
        ("facts of a process", "os.kill(pid, 0)"),
        ("JSON", "def f():\n    import json"),
        ("JSON", "from json import loads"),
        ("telling the time", "from time import monotonic"),
        ("editing TOML", "import tomlkit.items"),
    ],
)
def test_a_planted_second_home_is_found(rule: str, source: str) -> None:
    assert list(HOMES[rule].search(ast.parse(source)))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("reading and writing the configuration", "Changed(key, paths.config)"),
        ("counting the bytes of a segment", "purged + 1"),
        ("canonical JSON", "json.dumps(fields, sort_keys=True)"),
        ("the grammar of names", '"""A name is [a-z0-9_-]."""'),
        ("the short id of a store", "fingerprint(data)[:8]"),
        ("waiting for a bell", "poll.register(0, select.POLLIN)"),
        ("setting up the log", "import logging\nlogging.getLogger(__name__)"),
        ("splitting a stream into lines", "text.split(b' ')"),
        ("reading HEAD", "ref = 'refs/heads/main'"),
        ("shortening a text", "hint = f'`thrum reply {message} …`'"),
        ("facts of a process", "import socket\nsocket.SO_REUSEADDR"),
        ("facts of a process", "os.kill(pid, signal.SIGTERM)"),
        ("JSON", "values.loads(line)"),
        ("telling the time", "host.clock.monotonic()"),
        ("editing TOML", "import tomllib"),
    ],
)
def test_what_only_looks_like_it_passes(rule: str, source: str) -> None:
    assert list(HOMES[rule].search(ast.parse(source))) == []


# --- the names in var -----------------------------------------------------------------------------------------------

VAR_LOCKS = {value for name, value in vars(paths).items() if name.endswith("_LOCK")}


def names_spelled(tree: ast.Module) -> set[str]:
    """Return the literal names that a module joins to `var`, and the lock files it names."""
    spelled = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in VAR_LOCKS}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            joins = call.func.attr == "join" and "var" in map(last_name, call.args)
            if joins or call.func.attr == "in_var":
                spelled |= {text.value for text in call.args if isinstance(text, ast.Constant)}
    return {str(name) for name in spelled}


def test_only_paths_names_what_lies_in_var() -> None:
    names = {name_of(path): names_spelled(parsed(path)) for path in modules() if name_of(path) != PATHS}
    assert {module: spelled for module, spelled in names.items() if spelled} == {}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ('os.path.join(paths.var, "x.json")', "x.json"),
        ('os.path.join(var, "x", key)', "x"),
        ('paths.in_var("x")', "x"),
        ('os.path.join(elsewhere, "sync.lock")', "sync.lock"),
    ],
)
def test_a_planted_name_is_seen(source: str, name: str) -> None:
    assert names_spelled(ast.parse(source)) == {name}
