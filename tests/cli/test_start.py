"""Modules that the everyday commands load; they decide the times that the benchmarks measure."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Team
from .shell import SCRIPT, Shell
from .test_help import LOADED

HEAVY = {
    "asyncio", "anyio", "click", "concurrent", "cryptography", "email", "git", "hashlib", "importlib.metadata",
    "locale", "logging", "mcp", "multiprocessing", "orjson", "pathlib", "pydantic", "rich", "shutil", "signal",
    "socket", "sqlite_utils", "ssl", "subprocess", "tempfile", "traceback", "unicodedata", "urllib",
}  # fmt: skip
SLOW = {"typing", "dataclasses", "contextlib", "enum", "re", "functools"}  # each costs a tenth of a start or more
# Modules of ours that every one of these commands loads, and those that each adds. A module costs as much as a hundred
# lines, so a new one needs a reason. `__init__` files that hold nothing are not counted.
EVERY = """
    thrum_cli.main thrum_cli.command thrum_cli.terminal.output thrum_store.errors thrum_store.identity
    thrum_store.log.events thrum_store.log.segments thrum_store.machine.host thrum_store.repository.git_files
    thrum_store.repository.paths thrum_store.store thrum_store.values thrum_store.view.database
    thrum_store.view.queries.lookup
"""
_SEND = "thrum_store.service.messages.sending thrum_store.view.events.message thrum_store.view.projection"
_READ = "thrum_store.service.message_parts thrum_store.view.queries.mailbox"
LOADS = {
    "send x --to @builder": f"thrum_cli.commands.send thrum_store.service.message_parts {_SEND}",
    "send x --json": f"thrum_cli.commands.send thrum_store.service.message_parts {_SEND}",
    "reply ID x": f"thrum_cli.commands.reply thrum_store.service.message_parts {_SEND}",
    "reply ID x --json": f"thrum_cli.commands.reply thrum_store.service.message_parts {_SEND}",
    "inbox": f"thrum_cli.commands.inbox thrum_store.service.messages.inbox {_READ}",
    "inbox --unread --json": f"thrum_cli.commands.inbox thrum_store.service.messages.inbox {_READ}",
    "wait --after -30s": f"thrum_cli.commands.wait thrum_store.service.messages.waiting {_READ}",
    "wait --after -30s --json": f"thrum_cli.commands.wait thrum_store.service.messages.waiting {_READ}",
    "whoami": (
        "thrum_cli.commands.whoami thrum_cli.terminal.layout thrum_store.presence_state thrum_store.service.team.whoami"
    ),
    "message read ID": (
        "thrum_cli.commands.message thrum_store.service.message_parts thrum_store.service.messages.editing "
        "thrum_store.view.events.message thrum_store.view.projection"
    ),
}
MOST = 19  # of them


def loaded_by(shell: Shell, *arguments: str) -> set[str]:
    """Return the modules that a command line loads beyond those of sqlite3 and json."""
    code = f"import json, sqlite3\n{LOADED}"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=shell.cwd,
        env=shell.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stderr.split("\n")[-2].split())


def file_of(module: str) -> Path:
    """Return the file of a module of ours."""
    top, *path = module.split(".")
    base = Path(str(sys.modules[top].__file__)).parent.joinpath(*path)
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def holds_nothing(module: str) -> bool:
    """Return whether a module is the `__init__` of a package, with a docstring at most."""
    body = ast.parse(file_of(module).read_text(encoding="utf-8")).body
    return file_of(module).stem == "__init__" and all(isinstance(node, ast.Expr) for node in body)


def imported_at_start(module: str) -> set[str]:
    """Return the top names that a module imports when it is loaded: not in a function, not for type checkers alone."""
    return set(_imports(ast.parse(file_of(module).read_text(encoding="utf-8")).body))


def _imports(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]
        elif isinstance(node, ast.If):
            yield from _imports(node.orelse if "TYPE_CHECKING" in ast.unparse(node.test) else node.body + node.orelse)
        elif isinstance(node, ast.Try):
            yield from _imports(node.body)


@pytest.mark.parametrize("line", LOADS)
def test_an_everyday_command_loads_these_modules_and_nothing_heavy(team: Team, line: str) -> None:
    message_id = team.builder.json("send", "Hello", "--to", "@planner")["message_id"]
    loaded = loaded_by(team.planner, *line.replace("ID", message_id).split())
    ours = {name for name in loaded if name.startswith("thrum_") and not holds_nothing(name)}
    assert ours == {*EVERY.split(), *LOADS[line].split()}
    assert len(ours) <= MOST
    assert {".".join(name.split(".")[:depth]) for name in loaded for depth in (1, 2)} & HEAVY == set()
    assert {name: slow for name in ours if (slow := imported_at_start(name) & SLOW)} == {}


def test_the_script_ends_without_tearing_down(team: Team) -> None:
    """SQLite's write-ahead log stays behind: nobody paid for a checkpoint."""
    assert team.planner.run("send", "x").code == 0
    assert list((team.planner.cwd / ".thrum" / "var").glob("*.db-wal"))


def test_the_script_is_the_installed_one(team: Team) -> None:
    assert subprocess.run([SCRIPT, "--version"], capture_output=True, text=True, check=True).stdout.startswith("thrum ")
