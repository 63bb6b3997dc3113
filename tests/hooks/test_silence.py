"""A hook with nothing to say: it prints nothing, changes nothing, and loads next to nothing."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source import ROOT
from thrum_cli.hooks.events import EVENTS

from .conftest import Session

QUIET = ("prompt", "post-tool", "stop")
# SQLite's shared memory is no content: whoever opens a view that another process left open makes it anew.
SHARED_MEMORY = "-shm"
COSTLY = {"typing", "dataclasses", "contextlib", "enum", "re", "functools", "json", "collections.abc"}
# How many of our modules a hook may load, the store's included; those that are empty do not count.
MOST_MODULES = {
    "prompt": 19, "post-tool": 19, "stop": 19, "before-edit": 29, "after-edit": 29,
    "session-start": 31, "pre-compact": 36, "session-end": 33,
}  # fmt: skip


def disk(root: Path) -> dict[str, tuple[int, str]]:
    """Every file with its time of change and a digest of its content; every directory with its time of change."""
    files: dict[str, tuple[int, str]] = {}
    for path in sorted(root.rglob("*")):
        if not path.name.endswith(SHARED_MEMORY):
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            files[str(path)] = (path.stat().st_mtime_ns, content)
    return files


def test_a_hundred_hooks_with_an_empty_mailbox_print_nothing_and_change_nothing_on_disk(session: Session) -> None:
    session.context("session-start")
    before = disk(session.agent.cwd)
    answers = [session.hook(QUIET[turn % len(QUIET)]) for turn in range(100)]
    assert {(answer.out, answer.err) for answer in answers} == {("", "")}
    assert disk(session.agent.cwd) == before


def test_mail_that_the_session_knows_of_is_no_reason_to_speak_or_write(session: Session) -> None:
    session.gets("hello")
    assert session.context("prompt")
    before = disk(session.agent.cwd)
    assert [session.hook(event).out for event in QUIET] == ["", "", ""]
    assert disk(session.agent.cwd) == before


@pytest.mark.parametrize("place", ["no repository", "not set up", "no identity", "two identities"])
def test_hooks_are_silent_where_thrum_is_not_used(session: Session, tmp_path: Path, place: str) -> None:
    if place == "no repository":
        directory = tmp_path / "elsewhere"
        directory.mkdir()
    elif place == "not set up":
        directory = tmp_path / "other"
        subprocess.run(["git", "init", "--quiet", str(directory)], check=True)
    else:
        directory = session.agent.cwd
        (directory / ".thrum" / "identities" / "planner.json").unlink()
        if place == "two identities":
            for name in ("one", "two"):
                (directory / ".thrum" / "identities" / f"{name}.json").write_text("{}")
    for event in QUIET:
        answer = session.agent.at(directory).run("hook", event, "--runtime", "claude", stdin=b"{}")
        assert (answer.code, answer.out, answer.err) == (0, "", "")


# Runs the script as a client does, and reports what was loaded where the process ends.
SPY = """
import os, sys
script, *sys.argv = sys.argv[1:]
before, end = set(sys.modules), os._exit
def report(code):
    print(code, *sorted(set(sys.modules) - before), file=sys.stderr, flush=True)
    end(code)
os._exit = report
exec(open(script).read())
"""


def loaded_by(session: Session, event: str) -> set[str]:
    """Return the modules that the script loads for a hook, whose exit code must be 0."""
    client = {"session_id": session.id, "tool_input": {"file_path": str(session.agent.cwd / "app.py")}}
    done = subprocess.run(
        [sys.executable, "-c", SPY, ROOT / "cli" / "thrum", "thrum", "hook", event, "--runtime", "claude"],
        cwd=session.agent.cwd, env=session.agent.environ(), input=json.dumps(client).encode(), capture_output=True,
        check=True,
    )  # fmt: skip
    status, *loaded = done.stderr.decode().split()
    assert status == "0", done.stderr
    return set(loaded)


def sources(names: set[str]) -> dict[str, ast.Module]:
    """Return the trees of those of our modules that hold more than a docstring."""
    trees: dict[str, ast.Module] = {}
    for name in names:
        spec = importlib.util.find_spec(name) if name.startswith("thrum_") else None
        if spec is not None and spec.origin is not None:
            tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
            if len(tree.body) > 1:
                trees[name] = tree
    return trees


def imported(trees: dict[str, ast.Module]) -> set[str]:
    """Return the modules that these import as they are loaded."""
    at_start = [node for tree in trees.values() for node in tree.body]
    names = {alias.name for node in at_start if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in at_start if isinstance(node, ast.ImportFrom)}


SILENT = {
    "thrum_cli.main",
    "thrum_cli.hooks.entry",
    "thrum_store.values",
    "thrum_store.repository.git_files",
    "thrum_store.repository.paths",
    "thrum_store.repository.unread_probe",
}


@pytest.mark.parametrize("event", QUIET)
def test_the_silent_path_loads_next_to_nothing(session: Session, event: str) -> None:
    session.context("session-start")
    packages = {"thrum_cli", "thrum_cli.hooks", "thrum_store", "thrum_store.repository"}
    loaded = loaded_by(session, event)
    assert set(sources(loaded)) == SILENT
    assert loaded - SILENT - packages - {"_sqlite3", "gc", "select", "__future__"} == set()


@pytest.mark.parametrize("event", QUIET)
def test_showing_mail_loads_four_modules_of_the_hooks(session: Session, event: str) -> None:
    session.context("session-start")
    session.gets("hello")
    loaded = loaded_by(session, event)
    assert {name for name in sources(loaded) if name.startswith("thrum_cli.")} == {
        "thrum_cli.main",
        "thrum_cli.hooks.entry",
        "thrum_cli.hooks.events",
        "thrum_cli.hooks.responses",
        "thrum_cli.hooks.session",
    }
    assert loaded & {"subprocess", "dataclasses", "tomllib", "shutil"} == set()


@pytest.mark.parametrize("event", MOST_MODULES)
def test_no_hook_loads_a_costly_module_or_many_of_ours(session: Session, event: str) -> None:
    if event != "session-start":
        session.context("session-start")
    session.gets("hello")
    trees = sources(loaded_by(session, event))
    assert imported(trees) & COSTLY == set()
    assert len(trees) <= MOST_MODULES[event], sorted(trees)


def test_every_hook_has_its_limit() -> None:
    assert set(MOST_MODULES) == set(EVENTS)


def test_a_hook_reads_all_that_the_client_says(session: Session) -> None:
    answer = session.agent.run("hook", "post-tool", "--runtime", "claude", stdin=b'{"x": "' + b"y" * 2_000_000 + b'"}')
    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_a_hook_does_not_wait_for_a_client_that_says_nothing(session: Session) -> None:
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            [Path(sys.executable).with_name("thrum"), "hook", "prompt"],
            cwd=session.agent.cwd, env=session.agent.environ(), stdin=reading, capture_output=True, timeout=30,
            check=False,
        )  # fmt: skip
    finally:
        os.close(reading)
        os.close(writing)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
