"""The command in a client's file is started once, as the client would; a dead one is renewed or said."""

from __future__ import annotations

import json
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell
from thrum_cli.clients.launcher import START
from thrum_store.repository import paths

from .conftest import executable

GONE = "/gone/venv/bin/thrum"
FIRST, *REST = START


def changed(path: Path, change: Any) -> None:
    """Change a JSON file as its user would."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data, indent=2))


def claude_server(root: Path) -> dict[str, Any]:
    """Return the server in Claude Code's file."""
    server: dict[str, Any] = json.loads((root / ".mcp.json").read_text())["mcpServers"]["thrum"]
    return server


def name_server(root: Path, command: str, *arguments: str) -> None:
    """Have Claude Code's file start another command."""
    file = root / ".mcp.json"
    data = json.loads(file.read_text())
    data["mcpServers"]["thrum"] |= {"command": command, "args": list(arguments)}
    file.write_text(json.dumps(data))


def spoil_claude(data: dict[str, Any]) -> None:
    """Add a server of the user's, and name a removed environment."""
    data["mcpServers"]["mine"] = {"command": "x"}
    data["mcpServers"]["thrum"] |= {"command": GONE, "args": ["mcp", "serve"], "timeout": 7}


@pytest.mark.parametrize("again", [False, True])
def test_a_dead_command_in_a_file_that_the_user_changed_is_found_and_renewed(repository: Shell, again: bool) -> None:
    repository.ok("init", "--runtime", "claude")
    changed(repository.cwd / ".mcp.json", spoil_claude)
    doctor = repository.thrum("doctor", "runtimes")
    assert (
        doctor.code,
        f"{GONE} cannot be started" in doctor.out,
        "run `thrum init --runtime claude`" in doctor.out,
    ) == (
        1,
        True,
        True,
    )
    dry = repository.ok("init", "--runtime", "claude", "--dry-run")
    assert "+++ b/.mcp.json" in dry
    assert claude_server(repository.cwd)["command"] == GONE
    assert "updated    .mcp.json" in repository.ok("init", "--runtime", "claude")
    server = claude_server(repository.cwd)
    assert (server["command"], server["args"], server["timeout"]) == (FIRST, [*REST, "mcp", "serve"], 7)
    assert json.loads((repository.cwd / ".mcp.json").read_text())["mcpServers"]["mine"] == {"command": "x"}
    repository.ok("doctor", "runtimes")
    if again:
        repository.ok("uninit")
        assert json.loads((repository.cwd / ".mcp.json").read_text()) == {"mcpServers": {"mine": {"command": "x"}}}


def spoil_hooks(data: dict[str, Any]) -> None:
    """Name a removed environment in each hook, and add one of the user's."""
    for groups in data["hooks"].values():
        for group in groups:
            for hook in group.get("hooks", [group]):
                rest: list[str] = hook["args"][len(REST) :] if "args" in hook else []
                hook |= {"command": GONE, "args": rest} if rest else {"command": hook["command"].replace(_LINE, GONE)}
    data["hooks"]["Mine"] = [{"hooks": [{"type": "command", "command": "make lint"}]}]


_LINE = shlex.join(START)


@pytest.mark.parametrize(
    ("runtime", "file"),
    [
        ("claude", ".claude/settings.json"),
        ("codex", ".codex/hooks.json"),
        ("gemini", ".gemini/settings.json"),
        ("cursor", ".cursor/hooks.json"),
        ("auggie", ".augment/settings.json"),
    ],
)
def test_dead_hooks_in_a_file_that_the_user_changed_are_renewed(repository: Shell, runtime: str, file: str) -> None:
    repository.ok("init", "--runtime", runtime)
    path = repository.cwd / file
    before = path.read_text()
    changed(path, spoil_hooks)
    assert GONE in path.read_text()
    assert repository.thrum("doctor", "runtimes").code == 1
    repository.ok("init", "--runtime", runtime)
    after = json.loads(path.read_text())
    assert after["hooks"].pop("Mine")
    assert after == json.loads(before)


def test_a_dead_command_in_a_toml_file_is_renewed_and_the_rest_stays(repository: Shell) -> None:
    file = repository.cwd / ".codex" / "config.toml"
    file.parent.mkdir()
    mine = (
        f'# mine\n[mcp_servers.thrum]  # ours\ncommand = "{GONE}" # path\nargs = [\n  "mcp", # one\n  "serve",\n]\n\n'
        '[other]\ncommand = "x"\n'
    )
    file.write_text(mine)
    assert "updated    .codex/config.toml" in repository.ok("init", "--runtime", "codex")
    table = tomllib.loads(file.read_text())
    assert (table["mcp_servers"]["thrum"]["command"], table["mcp_servers"]["thrum"]["args"][-2:]) == (
        FIRST,
        ["mcp", "serve"],
    )
    assert table["other"] == {"command": "x"}
    assert "# mine" in file.read_text()
    assert "# path" in file.read_text()


@pytest.mark.parametrize(("runtime", "file"), [("opencode", "opencode.json"), ("auggie", ".augment/settings.json")])
def test_servers_of_other_shapes_are_renewed_as_well(repository: Shell, runtime: str, file: str) -> None:
    repository.ok("init", "--runtime", runtime)
    path = repository.cwd / file
    before = path.read_text()

    def spoil(data: dict[str, Any]) -> None:
        data["mine"] = 1
        server = data["mcp" if runtime == "opencode" else "mcpServers"]["thrum"]
        server |= (
            {"command": [GONE, "mcp", "serve"]}
            if runtime == "opencode"
            else {"command": f"{GONE} mcp", "args": ["serve"]}
        )

    changed(path, spoil)
    repository.ok("init", "--runtime", runtime)
    after = json.loads(path.read_text())
    assert after.pop("mine")
    assert after == json.loads(before)


def test_a_wrapper_of_the_users_stays_and_is_named_if_it_does_not_start(repository: Shell) -> None:
    (repository.cwd / ".mcp.json").write_text(
        '{"mcpServers": {"thrum": {"command": "docker", "args": ["exec", "box", "thrum", "mcp", "serve"]}}}'
    )
    output = repository.having(PATH="/usr/bin:/bin").ok("init", "--runtime", "claude")
    assert "unchanged  .mcp.json" in output
    assert "Note: .mcp.json: docker" in output


def test_a_command_that_starts_is_left_as_the_user_wrote_it(repository: Shell) -> None:
    repository.ok("init", "--runtime", "claude")
    launcher = paths.find(str(repository.cwd)).launcher
    text = json.dumps({"mcpServers": {"thrum": {"command": launcher, "args": ["mcp", "serve"]}}})
    (repository.cwd / ".mcp.json").write_text(text)
    assert "unchanged  .mcp.json" in repository.ok("init", "--runtime", "claude")
    assert (repository.cwd / ".mcp.json").read_text() == text
    repository.ok("doctor", "runtimes")


def test_a_program_that_answers_but_is_another_one_is_no_start(repository: Shell) -> None:
    repository.ok("init", "--runtime", "claude")
    other = executable(repository.cwd / "bin" / "thrum")
    name_server(repository.cwd, str(other))
    answer = repository.thrum("doctor", "runtimes")
    assert answer.code == 1
    assert "does not start" in answer.out


def test_variables_that_clients_expand_are_expanded(repository: Shell) -> None:
    repository.ok("init", "--runtime", "claude")
    place = paths.find(str(repository.cwd)).launcher
    server = {"command": "${TOP:-/gone}/bin/thrum", "args": ["mcp", "serve"]}
    (repository.cwd / ".mcp.json").write_text(json.dumps({"mcpServers": {"thrum": server}}))
    assert repository.thrum("doctor", "runtimes").code == 1
    repository.having(TOP=str(Path(place).parent.parent)).ok("doctor", "runtimes")


def test_a_command_of_the_users_path_alone_is_no_start_from_the_desktop(repository: Shell, tmp_path: Path) -> None:
    repository.ok("init", "--runtime", "claude")
    own = executable(tmp_path / "own" / "mything")
    own.write_text(f'#!/bin/sh\nexec "{paths.find(str(repository.cwd)).launcher}" "$@"\n')
    name_server(repository.cwd, "mything", "mcp", "serve")
    answer = repository.having(PATH=f"{own.parent}:/usr/bin:/bin").thrum("doctor", "runtimes")
    assert (answer.code, "started from the desktop" in answer.out) == (1, True)


def test_a_launcher_that_starts_nothing_is_said_with_the_way_out(repository: Shell) -> None:
    repository.ok("init", "--runtime", "claude")
    place = Path(paths.find(str(repository.cwd)).launcher)
    place.write_text("echo broken >&2\nexit 3\n")
    answer = repository.thrum("doctor", "runtimes")
    assert (answer.code, "broken; run `thrum init --runtime claude`" in answer.out) == (1, True)
    repository.ok("init", "--runtime", "claude")
    repository.ok("doctor", "runtimes")


def test_no_file_that_may_be_committed_names_a_place_of_this_machine(repository: Shell) -> None:
    repository.ok("init", "--runtime", "all")
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=repository.cwd,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    texts = {name: (repository.cwd / name).read_text() for name in listed}
    assert ".mcp.json" in texts
    home = str(Path.home())
    assert [name for name, text in texts.items() if home in text or "/tmp" in text or "/bin/python" in text] == []


def test_a_thrum_that_agents_do_not_find_in_their_shell_is_said(repository: Shell, tmp_path: Path) -> None:
    output = repository.having(PATH="/usr/bin:/bin").ok("init", "--runtime", "claude")
    assert "`thrum` is not on your PATH" in output
    other = executable(tmp_path / "go" / "thrum")
    output = repository.having(PATH=f"{other.parent}:/usr/bin:/bin").ok("init", "--runtime", "claude")
    assert f"the `thrum` on your PATH, {other}, is another program" in output
