"""Modules that the everyday commands load; they decide the times that the benchmarks measure."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import Team
from .shell import SCRIPT, Shell
from .test_help import LOADED

HEAVY = {
    "asyncio", "anyio", "concurrent", "cryptography", "email", "git", "hashlib", "importlib.metadata", "logging", "mcp",
    "multiprocessing", "orjson", "pathlib", "pydantic", "rich", "shutil", "signal", "socket", "sqlite_utils", "ssl",
    "subprocess", "tempfile", "traceback", "unicodedata", "urllib", "locale",
}  # fmt: skip
OURS = {
    "thrum_mcp",
    "thrum_store.setup",
    "thrum_store.repository.git_runner",
    "thrum_store.log.keys",
    "thrum_store.presence_state",
}
MOST = 64


def loaded_by(shell: Shell, *arguments: str) -> set[str]:
    """The modules that a command line loads beyond those of click, sqlite3 and json."""
    code = f"import click, json, sqlite3\n{LOADED}"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=shell.cwd,
        env=shell.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split("\n")[-2].split())


@pytest.mark.parametrize(
    "words",
    [
        ("send", "x", "--to", "@builder"), ("send", "x", "--json"), ("inbox",), ("inbox", "--unread", "--json"),
        ("wait", "--after", "-30s"), ("wait", "--after", "-30s", "--json"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_everyday_command_loads_nothing_heavy(team: Team, words: tuple[str, ...]) -> None:
    team.builder.ok("send", "Hello", "--to", "@planner")
    loaded = loaded_by(team.planner, *words)
    tops = {".".join(name.split(".")[:depth]) for name in loaded for depth in (1, 2)}
    assert tops & (HEAVY | OURS) == set()
    assert len(loaded) <= MOST, sorted(loaded)


def test_the_script_ends_without_tearing_down(team: Team) -> None:
    """SQLite's write-ahead log stays behind: nobody paid for a checkpoint."""
    assert team.planner.run("send", "x").code == 0
    assert list((team.planner.cwd / ".thrum" / "var").glob("*.db-wal"))


def test_the_script_is_the_installed_one(team: Team) -> None:
    assert subprocess.run([SCRIPT, "--version"], capture_output=True, text=True, check=True).stdout.startswith("thrum ")
