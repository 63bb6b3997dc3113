"""Sentences of the text that thrum was written after: each test fails when its sentence is made false."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Team, gathered
from tests.contract.manifest import requirement


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Planner in a repository, builder in a worktree of it."""
    return gathered(tmp_path)


@requirement("flag:module", "flag:role", "env:THRUM_MODULE", "env:THRUM_ROLE")
@pytest.mark.parametrize("field", ["role", "module"])
def test_a_role_or_module_holds_for_one_call_as_a_flag_anywhere_or_as_a_variable(team: Team, field: str) -> None:
    usual = team.builder.json("whoami")[field]
    assert team.builder.json(f"--{field}", "docs", "whoami")[field] == "docs"
    assert team.builder.json("whoami", f"--{field}=docs")[field] == "docs"
    variable = team.builder.having(**{f"THRUM_{field.upper()}": "ops"})
    assert variable.json("whoami")[field] == "ops"
    assert variable.json("whoami", f"--{field}", "docs")[field] == "docs"
    assert team.builder.json("whoami")[field] == usual


@requirement("agent:register:re-register")
def test_an_agent_that_registers_again_is_registered_anew(team: Team) -> None:
    same = ("agent", "register", "--name", "builder", "--role", "implementer", "--module", "auth")
    assert "already registered" in team.builder.ok(*same)
    assert "re-registered" in team.builder.ok(*same, "--re-register")
    assert team.builder.json(*same, "--re-register")["status"] == "updated"


@requirement("session:set-intent", "session:set-task", "agent:set-intent", "agent:set-task")
@pytest.mark.parametrize("group", ["session", "agent"])
@pytest.mark.parametrize(("command", "key"), [("set-intent", "intent"), ("set-task", "current_task")])
def test_an_empty_text_clears_an_intent_or_a_task(team: Team, group: str, command: str, key: str) -> None:
    team.builder.ok(group, command, "Build the flow")
    assert "Build the flow" in team.planner.ok("team")
    assert team.builder.json(group, command, "")[key] == ""
    assert "Build the flow" not in team.planner.ok("team")


@requirement("agent:whoami", "whoami")
def test_both_names_of_whoami_show_identity_and_active_session(team: Team) -> None:
    session = team.builder.json("whoami")["session_id"]
    for words in (("agent", "whoami"), ("whoami",)):
        shown = team.builder.ok(*words)
        assert all(fact in shown for fact in ("@builder", "@implementer", "auth", session)), shown
    team.builder.ok("session", "end")
    assert session not in team.builder.ok("agent", "whoami")


@requirement("message:get")
def test_one_message_is_shown_with_full_details(team: Team) -> None:
    details = ("--to", "@builder", "--scope", "module:auth", "--ref", "pr:42", "--structured", '{"port": 8443}')
    message_id = team.planner.json("send", "Port 8443", *details)["message_id"]
    shown = team.builder.ok("message", "get", message_id)
    facts = (message_id, "@planner", "@builder", "Port 8443", "module:auth", "pr:42", '"port": 8443', "delivered")
    assert [fact for fact in facts if fact not in shown] == []
    team.builder.ok("message", "read", message_id)
    assert "read" in team.planner.ok("message", "get", message_id)


@requirement("send:ref", "send:scope")
def test_scopes_and_refs_may_be_repeated(team: Team) -> None:
    words = ("--scope", "module:auth", "--scope", "area:login", "--ref", "pr:42", "--ref", "bd:7")
    message_id = team.planner.json("send", "x", "--to", "@builder", *words)["message_id"]
    message = team.builder.json("message", "get", message_id)["message"]
    pairs = [f"{pair['type']}:{pair['value']}" for pair in (*message["scopes"], *message["refs"])]
    assert [pair for pair in ("module:auth", "area:login", "pr:42", "bd:7") if pair not in pairs] == []


@requirement("version")
def test_the_version_is_shown_with_its_build(team: Team) -> None:
    version = team.planner.run("version", "--json").data
    shown = team.planner.run("version").out
    build = f"build {version['build']}, " if version["build"] else ""
    assert f"thrum {version['version']} ({build}Python {version['python_version']})" in shown
    assert all(address in shown for address in (version["repo_url"], version["website_url"]) if address)
