"""Role templates become preambles at registration, and never take the place of what a person wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import Shell

_IMPLEMENTER = ("--role", "implementer", "--module", "auth")


def template(shell: Shell, role: str, text: str) -> None:
    """Write the template of a role into this worktree."""
    folder = shell.cwd / ".thrum/role_templates"
    folder.mkdir(exist_ok=True)
    (folder / f"{role}.md").write_text(text, encoding="utf-8")


def preamble_file(shell: Shell, agent: str = "builder") -> Path:
    return shell.cwd / f".thrum/context/{agent}_preamble.md"


@requirement("roles:applied")
@pytest.mark.parametrize("words", [("quickstart",), ("agent", "register"), ("agent", "register", "--re-register")])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You are $AgentName in $Module, for $CoordinatorName.\n", "You are builder in all, for coordinator.\n"),
        ("# {{.AgentName}}\n{{ .Role }} costs $5\n", "# builder\nimplementer costs $5\n"),
        ("ü – no variable at all", "ü – no variable at all"),
    ],
)
def test_a_template_of_the_first_worktree_becomes_the_preamble_at_registration(
    team: Team, words: tuple[str, ...], text: str, expected: str
) -> None:
    template(team.planner, "implementer", text)
    shown = team.builder.ok(*words, "--name", "builder", "--role", "implementer", "--module", "all")
    assert "Preamble from the role template: .thrum/context/builder_preamble.md." in shown
    assert preamble_file(team.builder).read_text(encoding="utf-8") == expected
    assert team.builder.json("agent", "register")["preamble"] == ""


@requirement("roles:applied")
def test_a_new_agent_has_the_template_of_its_role_from_its_first_moment(repository: Shell) -> None:
    repository.ok("init")
    template(repository, "tester", "Try to break it, $AgentName.\n")
    done = repository.json("quickstart", "--name", "tess", "--role", "tester", "--module", "all")
    assert done["register"]["preamble"] == ".thrum/context/tess_preamble.md"
    assert "Try to break it, tess." in repository.ok("context", "show")
    assert "preamble" not in repository.ok("agent", "register", "--name", "max", "--role", "driver")


def appended(shell: Shell) -> None:
    with preamble_file(shell).open("a", encoding="utf-8") as file:
        file.write("And be quick.\n")


def emptied(shell: Shell) -> None:
    preamble_file(shell).write_bytes(b"")


def with_other_line_ends(shell: Shell) -> None:
    file = preamble_file(shell)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


def in_another_encoding(shell: Shell) -> None:
    preamble_file(shell).write_bytes("für mich".encode("latin-1"))


def by_command(shell: Shell) -> None:
    own = shell.cwd / "own.md"
    own.write_text("my rules\n")
    shell.ok("context", "preamble", "--file", str(own))


def by_quickstart(shell: Shell) -> None:
    own = shell.cwd / "own.md"
    own.write_text("my rules\n")
    shell.ok("quickstart", "--preamble-file", str(own))


@requirement("roles:edited")
@pytest.mark.parametrize(
    "edit", [appended, emptied, with_other_line_ends, in_another_encoding, by_command, by_quickstart]
)
def test_an_edited_preamble_stays_until_it_is_deployed(team: Team, edit: Callable[[Shell], None]) -> None:
    template(team.planner, "implementer", "Version 1\n")
    team.builder.ok("quickstart")
    edit(team.builder)
    edited = preamble_file(team.builder).read_bytes()
    assert "Note" not in team.builder.ok("quickstart")
    template(team.planner, "implementer", "Version 2\n")
    for words in (("quickstart",), ("agent", "register"), ("agent", "register", "--name", "builder", *_IMPLEMENTER)):
        shown = team.builder.ok(*words)
        assert "@builder keeps its edited preamble; `thrum roles deploy --agent builder` replaces it" in shown
        assert preamble_file(team.builder).read_bytes() == edited
    team.builder.ok("roles", "deploy", "--agent", "builder")
    assert team.builder.ok("context", "preamble") == "Version 2\n"
    template(team.planner, "implementer", "Version 3\n")
    team.builder.ok("quickstart")
    assert team.builder.ok("context", "preamble") == "Version 3\n"


@requirement("roles:edited")
def test_a_preamble_of_unknown_origin_is_a_persons(team: Team) -> None:
    preamble_file(team.builder).parent.mkdir(exist_ok=True)
    preamble_file(team.builder).write_text("from the Go program\n")
    template(team.planner, "implementer", "Version 1\n")
    assert "keeps its edited preamble" in team.builder.ok("quickstart")
    assert team.builder.ok("context", "preamble") == "from the Go program\n"


@requirement("roles:applied")
def test_what_nobody_edited_follows_template_role_and_coordinator(team: Team) -> None:
    team.builder.ok("context", "preamble", "--init")
    template(team.planner, "implementer", "Ask $CoordinatorName\n")
    team.builder.ok("quickstart")
    assert team.builder.ok("context", "preamble") == "Ask coordinator\n"
    team.planner.ok("agent", "register", "--name", "cora", "--role", "coordinator", "--module", "core")
    team.builder.ok("quickstart")
    assert team.builder.ok("context", "preamble") == "Ask cora\n"
    template(team.planner, "tester", "Test it\n")
    team.builder.ok("quickstart", "--role", "tester")
    assert team.builder.ok("context", "preamble") == "Test it\n"
    preamble_file(team.builder).unlink()
    team.builder.ok("agent", "register")
    assert team.builder.ok("context", "preamble") == "Test it\n"


@pytest.mark.parametrize("text", ["{{if .Role}}x{{end}}", "{{.Nobody}}", None])
def test_a_template_that_cannot_be_used_does_not_stop_a_registration(team: Team, text: str | None) -> None:
    if text is None:
        (team.planner.cwd / ".thrum/role_templates/implementer.md").mkdir(parents=True)
    else:
        template(team.planner, "implementer", text)
    shown = team.builder.ok("quickstart")
    assert "Note: the role template was not applied" in shown and "Session" in shown
    assert not preamble_file(team.builder).exists()


def test_a_deleted_agent_leaves_nothing_of_its_preamble(team: Team) -> None:
    template(team.planner, "implementer", "Version 1\n")
    team.builder.ok("quickstart")
    team.planner.ok("agent", "delete", "builder", "--yes")
    assert list(preamble_file(team.builder).parent.iterdir()) == []
