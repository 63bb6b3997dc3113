"""A repository that moves, with `thrum` in an environment inside of it: what its clients start goes on working."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import PATIENCE, Shell
from thrum_cli.clients import launcher
from thrum_cli.clients.configure import Configure, configure
from thrum_store.machine.host import REAL
from thrum_store.repository import paths

from .conftest import executable

SERVERS = {
    "claude": ".mcp.json", "codex": ".codex/config.toml", "gemini": ".gemini/settings.json",
    "cursor": ".cursor/mcp.json", "auggie": ".augment/settings.json", "amp": ".amp/settings.json",
    "opencode": "opencode.json",
}  # fmt: skip
HOOKS = {
    "claude": ".claude/settings.json", "codex": ".codex/hooks.json", "gemini": ".gemini/settings.json",
    "cursor": ".cursor/hooks.json", "auggie": ".augment/settings.json",
}  # fmt: skip
PLUGINS = {"amp": ".amp/plugins/thrum.ts", "opencode": ".agents/thrum-opencode.js"}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"},
}}  # fmt: skip


def server(root: Path, runtime: str) -> list[str]:
    """Return the command that this client starts as its server."""
    text = (root / SERVERS[runtime]).read_text()
    settings: dict[str, Any] = tomllib.loads(text) if runtime == "codex" else json.loads(text)
    key = {"codex": "mcp_servers", "amp": "amp.mcpServers", "opencode": "mcp"}.get(runtime, "mcpServers")
    entry = settings[key]["thrum"]
    if runtime == "opencode":
        return list(entry["command"])
    words = [entry["command"], *entry["args"]]
    return ["sh", "-c", " ".join(words)] if runtime == "auggie" else words  # Auggie joins them for a shell


def hook(root: Path, runtime: str) -> list[str]:
    """Return the hook that briefs a session: at its start, or in Gemini CLI before the first prompt."""
    if runtime in PLUGINS:
        match = re.search(r"^const THRUM\b.*? = (\[.*\])", (root / PLUGINS[runtime]).read_text(), re.MULTILINE)
        assert match
        return [*json.loads(match[1]), "hook", "session-start", "--runtime", runtime]
    hooks = json.loads((root / HOOKS[runtime]).read_text())["hooks"]
    event = "BeforeAgent" if runtime == "gemini" else "SessionStart"
    entry = hooks["sessionStart"][0] if runtime == "cursor" else hooks[event][0]["hooks"][0]
    return [entry["command"], *entry["args"]] if "args" in entry else ["sh", "-c", entry["command"]]


@pytest.fixture
def moved(repository: Shell, tmp_path: Path) -> Path:
    """Return a repository that was moved after it was set up for all clients."""
    repository.ok("quickstart", "--name", "ann", "--role", "planner", "--module", "core")
    script = repository.cwd / ".venv" / "bin" / "thrum"
    script.parent.mkdir(parents=True)
    script.write_text("from thrum_cli.main import run\n\nrun()\n")
    python = executable(script.with_name("python"))
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    places = paths.find(str(repository.cwd))
    Path(places.launcher).unlink()  # it names the environment of these tests
    launcher.install(places, (str(python), str(script)), REAL)
    configure(places, Configure("all"))
    new = repository.cwd.rename(tmp_path / "moved")
    (new / "deep").mkdir()
    return new


@pytest.mark.parametrize("runtime", SERVERS)
def test_all_that_is_written_works_after_a_move_with_a_bare_path(moved: Path, runtime: str) -> None:
    for words, request, expected in (
        (server(moved, runtime), INITIALIZE, '"serverInfo"'),
        (hook(moved, runtime), {"session_id": "one"}, "you are @ann"),
    ):
        done = subprocess.run(
            words, cwd=moved / "deep", env={"PATH": "/usr/bin:/bin"}, input=json.dumps(request) + "\n", text=True,
            capture_output=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        assert (done.returncode, expected in done.stdout) == (0, True), done
