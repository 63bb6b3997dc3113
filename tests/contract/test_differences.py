"""The differences from the text that thrum was written after: each row of the page has a test, and some stand here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Team, created, gathered
from tests.cli.shell import Shell, git
from tests.daemon.conftest import free_port
from tests.mcp.talk import Server
from tests.source import ROOT

PAGE = ROOT / "docs" / "differences.md"
ROW = re.compile(r"^\| (.+) \| (.+) \| (.+) \| \[(test_\w+)\]\(\.\./tests/([\w/]+\.py)\) \|$")


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Planner in a repository, builder in a worktree of it."""
    return gathered(tmp_path)


@pytest.fixture
def repository(tmp_path: Path) -> Shell:
    """A repository without thrum."""
    return created(tmp_path)


@pytest.fixture
def with_daemon(team: Team) -> Iterator[Shell]:
    """Planner's shell; a daemon that it starts is stopped."""
    shell = team.planner.having(THRUM_WS_PORT=str(free_port()))
    yield shell
    shell.thrum("daemon", "stop")


def rows() -> list[tuple[str, ...]]:
    """Return the cells of each row of the page: text, thrum, reason, test, file."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    matches = [ROW.match(line) for line in lines]
    assert None not in matches, "each row has four cells, and its test as a link"
    return [match.groups() for match in matches if match]


@pytest.mark.parametrize(("test", "file"), [row[3:] for row in rows()], ids=lambda value: value)
def test_each_difference_names_a_test_that_exists(test: str, file: str) -> None:
    source = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert re.search(rf"^def {test}\(", source, re.MULTILINE)


def test_no_test_here_is_without_a_row() -> None:
    own = re.findall(r"^def (test_\w+)\(", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE)
    assert set(own[2:]) == {test for *_, test, file in rows() if file == "contract/test_differences.py"}


def test_a_peer_is_not_there_yet_and_the_sync_is_named(team: Team) -> None:
    for line in ("peer add", "peer join 100.64.0.1:9100", "peer list", "peer remove desk", "peer status"):
        answer = team.planner.thrum(*line.split())
        assert (answer.code, "thrum sync force" in answer.err) == (1, True), answer


def test_without_a_terminal_a_live_agent_of_another_worktree_is_deleted_with_yes_only(team: Team) -> None:
    refused = team.planner.thrum("agent", "delete", "builder")
    assert (refused.code, "`thrum agent delete builder --yes`" in refused.err) == (1, True), refused
    assert "builder" in team.planner.ok("agent", "list")
    assert "Agent @builder deleted successfully" in team.planner.ok("agent", "delete", "builder", "--yes")


def test_a_name_from_the_environment_does_not_write_in_the_worktree_of_others(team: Team) -> None:
    stray = team.builder.having(THRUM_NAME="planner")
    refused = stray.thrum("send", "hello")
    assert refused.code == 1 and "@planner" in refused.err and "@builder" in refused.err, refused
    (line,) = re.findall(r"`THRUM_NAME=planner thrum (.+?)`", refused.err)
    stray.ok(*line.split())
    assert "hello" in team.builder.ok("inbox")
    assert stray.json("whoami")["agent_id"] == "planner"


def test_a_forced_sync_without_a_daemon_runs_to_its_end(team: Team) -> None:
    team.planner.ok("send", "hello")
    before = git(team.planner.cwd, "rev-parse", "a-sync")
    assert "Sync done" in team.planner.ok("sync", "force")
    assert git(team.planner.cwd, "rev-parse", "a-sync") != before


@pytest.mark.parametrize(("client", "most"), [("claude-code", 600), ("Cursor", 50), ("codex-mcp-client", 280)])
def test_the_schema_of_a_wait_says_what_the_client_allows(team: Team, client: str, most: int) -> None:
    with Server(team.builder.cwd) as server:
        information = {"name": client, "version": "1"}
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": information}
        server.result("initialize", hello)
        tools = server.result("tools/list")["tools"]
    (timeout,) = [tool["inputSchema"]["properties"]["timeout"] for tool in tools if tool["name"] == "wait_for_message"]
    assert (timeout["default"], f"up to {most}" in timeout["description"]) == (min(300, most), True)


def test_claude_code_finds_the_server_in_its_own_file(repository: Shell) -> None:
    repository.ok("init", "--runtime", "claude")
    assert "thrum" in json.loads((repository.cwd / ".mcp.json").read_text())["mcpServers"]
    settings = json.loads((repository.cwd / ".claude" / "settings.json").read_text())
    assert "mcpServers" not in settings and "SessionStart" in settings["hooks"]


def test_the_pid_file_has_the_keys_that_scripts_read(with_daemon: Shell) -> None:
    started = with_daemon.json("daemon", "start")
    fields = json.loads((with_daemon.cwd / ".thrum" / "var" / "thrum.pid").read_text())
    assert (fields["pid"], fields["repo_path"]) == (started["pid"], str(with_daemon.cwd))
    assert {"started_at", "socket_path"} <= fields.keys()


def test_the_agent_for_messages_needs_no_plugin(repository: Shell) -> None:
    repository.ok("init", "--runtime", "claude")
    installed = (repository.cwd / ".claude" / "agents" / "thrum-agent.md").read_bytes()
    assert installed == (ROOT / "toolkit" / "agents" / "thrum-agent.md").read_bytes()
    assert b"beads" not in installed.lower()
