"""A refused set-up leaves nothing behind, and a dry run finds what the real one refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import Shell, git


def tree(root: Path) -> dict[str, bytes]:
    """Return every file below a directory with its bytes, links and directories too; git's own trash left out."""
    kept: dict[str, bytes] = {}
    for place, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(place) / name
            whole = path.is_file() and not path.is_symlink()
            kept[str(path.relative_to(root))] = path.read_bytes() if whole else b"-"
    return kept


LONG = "x" * 257
REFUSED = [
    ("quickstart",),
    ("quickstart", "--name", "No Name"),
    ("quickstart", "--name", "tester", "--role", "tester"),
    ("quickstart", "--name", "bob", "--role", "No Role"),
    ("quickstart", "--name", "bob", "--module", "../x"),
    ("quickstart", "--name", "everyone"),
    ("quickstart", "--name", "bob", "--display", LONG),
    ("quickstart", "--name", "bob", "--intent", LONG),
    ("quickstart", "--name", "bob", "--intent", "two\nlines"),
    ("quickstart", "--name", "bob", "--runtime", "emacs"),
    ("quickstart", "--name", "bob", "--no-init"),
    ("quickstart", "--name", "bob", "--preamble-file", "latin"),
    ("quickstart", "--name", "bob", "--preamble-file", "huge"),
    ("quickstart", "--name", "bob_preamble", "--preamble-file", "plain"),
    ("quickstart", "--name", "bob", "--preamble-file", "nowhere"),
    ("init", "--agent-name", "No Name"),
    ("init", "--agent-name", "tester", "--agent-role", "tester"),
    ("init", "--agent-name", "bob", "--agent-module", "No Module"),
    ("init", "--runtime", "emacs"),
]


@requirement("setup:all-or-nothing")
@pytest.mark.parametrize("line", REFUSED, ids=" ".join)
def test_what_is_refused_leaves_nothing_behind_and_a_dry_run_finds_it(repository: Shell, line: tuple[str, ...]) -> None:
    (repository.cwd / "latin").write_bytes(b"\xff\xfe")
    (repository.cwd / "huge").write_text("x" * 2_000_000)
    (repository.cwd / "plain").write_text("x")
    before = tree(repository.cwd)
    refused = repository.thrum(*line, "--json")
    assert refused.code == 1 and refused.error["code"] != "internal", refused
    assert tree(repository.cwd) == before
    dry = repository.thrum(*line, "--dry-run", "--json")
    assert (dry.code, dry.error) == (1, refused.error)
    assert tree(repository.cwd) == before


@pytest.mark.parametrize("obstacle", ["tracked", "file", "foreign"])
def test_what_stands_in_the_way_of_a_store_refuses_the_dry_run_too(repository: Shell, obstacle: str) -> None:
    if obstacle == "foreign":
        git(repository.cwd, "branch", "a-sync")
    else:
        place = repository.cwd / ".thrum" / "x" if obstacle == "tracked" else repository.cwd / ".thrum"
        place.parent.mkdir(exist_ok=True)
        place.write_text("x")
        if obstacle == "tracked":
            git(repository.cwd, "add", "-f", ".thrum/x")
            git(repository.cwd, "commit", "-q", "-m", "x")
    before = tree(repository.cwd)
    for line in (("quickstart", "--name", "bob"), ("init", "--agent-name", "bob"), ("init",)):
        refused, dry = (repository.thrum(*line, *flags, "--json") for flags in ((), ("--dry-run",)))
        assert refused.code == dry.code == 1 and refused.error == dry.error and dry.error["code"] != "internal"
    assert tree(repository.cwd).keys() == before.keys()


@pytest.mark.parametrize(
    "line",
    [
        ("quickstart", "--name", "builder"),  # of the other worktree
        ("quickstart", "--name", "implementer"),  # a role
        ("quickstart", "--name", "third", "--role", "builder"),  # an agent
        ("quickstart", "--name", "g", "--role", "tester"),  # a group
        ("init", "--agent-name", "implementer"),
    ],
    ids=" ".join,
)
def test_a_dry_run_finds_a_name_that_is_taken(team: Team, line: tuple[str, ...]) -> None:
    team.planner.ok("group", "create", "g")
    agents = team.planner.json("agent", "list")["count"]
    refused, dry = (team.planner.thrum(*line, *flags, "--json") for flags in ((), ("--dry-run",)))
    assert refused.code == dry.code == 1 and refused.error == dry.error and dry.error["code"] != "internal"
    assert team.planner.json("agent", "list")["count"] == agents


# --- the client that is used ------------------------------------------------------------------------------------------


@requirement("quickstart:runtime")
@pytest.mark.parametrize(
    ("variables", "marker", "default", "client"),
    [
        ({"CLAUDECODE": "1"}, "", "", "claude"),
        ({}, ".codex", "", "codex"),
        ({}, "GEMINI.md", "", "gemini"),
        ({"CLAUDECODE": "1"}, ".codex", "cursor", "cursor"),
        ({}, "", "codex", "codex"),
        ({}, "", "", None),
    ],
)
def test_quickstart_sets_up_the_client_that_is_used_or_that_is_the_default(
    repository: Shell, variables: dict[str, str], marker: str, default: str, client: str | None
) -> None:
    shell = repository.having(**variables)
    if marker:
        (shell.cwd / marker).mkdir() if "." not in marker[1:] else (shell.cwd / marker).write_text("ours\n")
    shell.ok("init")
    if default:
        shell.ok("runtime", "set-default", default)
    planned = shell.json("quickstart", "--name", "bob", "--dry-run")
    assert planned["runtime"] == client
    done = shell.json("quickstart", "--name", "bob")
    assert done["runtime"] == client
    assert bool(done["runtime_init"]) is bool(client)
    assert shell.json("quickstart")["runtime"] is None, "it is set up already"


def test_what_the_user_undid_or_chose_not_to_have_stays_away(repository: Shell) -> None:
    shell = repository.having(CLAUDECODE="1")
    assert shell.json("quickstart", "--name", "bob")["runtime"] == "claude"
    shell.ok("uninit")
    before = git(shell.cwd, "status", "--porcelain", "--ignored")
    assert shell.json("quickstart")["runtime"] is None
    assert git(shell.cwd, "status", "--porcelain", "--ignored") == before
    assert shell.json("quickstart", "--runtime", "claude")["runtime"] == "claude"


def test_cli_only_as_the_default_writes_instructions_alone(repository: Shell) -> None:
    shell = repository.having(CLAUDECODE="1")
    shell.ok("init")
    shell.ok("runtime", "set-default", "cli-only")
    files = shell.json("quickstart", "--name", "bob")["runtime_init"]["files"]
    assert [file["path"] for file in files] == ["AGENTS.md"]
    assert not (shell.cwd / ".claude").exists() and not (shell.cwd / ".mcp.json").exists()
