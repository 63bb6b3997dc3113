"""context …, roles …, search and purge."""

from __future__ import annotations

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import git


@requirement("context:save", "context:show", "context:clear")
def test_a_context_is_saved_from_a_file_or_standard_input_and_shown_again(team: Team) -> None:
    notes = team.builder.cwd / "notes.md"
    notes.write_text("from a file\n")
    assert "Context saved for @builder (12 bytes" in team.builder.ok("context", "save", "--file", str(notes))
    assert team.builder.ok("context", "show", "--raw") == "from a file\n"
    team.builder.ok("context", "save", stdin=b"from a pipe\n")
    assert "from a pipe" in team.builder.ok("context", "load")
    assert team.builder.json("context", "show")["content"] == "from a pipe\n"
    assert team.builder.ok("context", "clear") == "Context cleared for @builder.\n"
    assert "No context saved for @builder" in team.builder.ok("context", "show")
    assert team.builder.json("context", "show")["has_context"] is False


@requirement("context:preamble")
def test_a_preamble_comes_before_the_context_unless_it_is_not_wanted(team: Team) -> None:
    team.builder.ok("context", "save", stdin=b"step 3")
    none = "No preamble for @builder. `thrum context preamble --init` writes one.\n"
    assert team.builder.ok("context", "preamble") == none
    team.builder.ok("context", "preamble", "--init")
    shown = team.builder.ok("context", "show")
    assert shown.index("You are @builder") < shown.index("step 3")
    assert team.builder.ok("context", "show", "--raw", "--no-preamble") == "step 3\n"
    own = team.builder.cwd / "preamble.md"
    own.write_text("my rules\n")
    team.builder.ok("context", "preamble", "--file", str(own))
    assert team.builder.ok("context", "preamble") == "my rules\n"


def test_another_agents_context_is_reached_by_name(team: Team) -> None:
    team.builder.ok("context", "save", "--agent", "helper", stdin=b"for the helper")
    assert team.builder.ok("context", "show", "--agent", "@helper", "--raw") == "for the helper\n"
    assert team.builder.thrum("context", "show", "--agent", "../x").code == 1


@requirement("context:sync")
def test_a_shared_context_is_found_in_other_worktrees(team: Team) -> None:
    assert "nothing to share" in team.builder.ok("context", "sync")
    team.builder.ok("context", "save", stdin=b"for everyone")
    assert team.planner.json("context", "show", "--agent", "builder")["has_context"] is False
    assert "a-sync (12 bytes)" in team.builder.ok("context", "sync")
    assert team.builder.json("context", "sync")["status"] == "unchanged"
    assert team.planner.ok("context", "show", "--agent", "builder", "--raw") == "for everyone\n"
    assert "as shared by the agent" in team.planner.ok("context", "show", "--agent", "builder")
    assert "stays in the branch a-sync" in team.builder.ok("context", "clear")
    assert "as shared by the agent" in team.builder.ok("context", "show")
    names = git(team.planner.cwd, "ls-tree", "-r", "--name-only", "a-sync")
    assert "/builder/context.md" in names
    assert team.builder.thrum("context", "sync", "--agent", "nobody").code == 1


def test_what_is_no_text_is_no_context(team: Team) -> None:
    answer = team.builder.thrum("context", "save", "--json", stdin=b"\xff\xfe")
    assert answer.error["code"] == "invalid"


@requirement("roles:list", "roles:deploy")
def test_role_templates_are_listed_and_deployed(team: Team) -> None:
    assert "No role templates" in team.planner.ok("roles", "list")
    folder = team.planner.cwd / ".thrum/role_templates"
    folder.mkdir()
    (folder / "implementer.md").write_text("You are $AgentName of $CoordinatorName\n")
    assert "implementer.md" in team.planner.ok("roles", "list") and "@builder" in team.planner.ok("roles", "list")
    document = team.planner.json("roles", "deploy", "--dry-run")
    assert (document["updated"], document["without_template"], document["dry_run"]) == (["builder"], ["planner"], True)
    assert "No preamble" in team.builder.ok("context", "preamble")
    assert "Wrote 1 preamble of 2 agents: @builder." in team.planner.ok("roles", "deploy")
    assert team.builder.ok("context", "preamble") == "You are builder of coordinator\n"
    own = team.builder.cwd / "own.md"
    own.write_text("mine\n")
    for again in (("context", "preamble", "--init"), ("roles", "deploy", "--agent", "builder")):
        team.builder.ok("context", "preamble", "--file", str(own))
        team.builder.ok(*again)
        assert team.builder.ok("context", "preamble") == "You are builder of coordinator\n"


@requirement("search")
def test_search_finds_words_and_says_so_when_there_are_none(team: Team) -> None:
    message = team.says("the token format changes")
    assert message in team.builder.ok("search", "token", "format")
    document = team.builder.json("search", "token", "--from", "planner", "--mine", "--best")
    assert ([match["message_id"] for match in document["messages"]], document["total"]) == ([message], 1)
    assert "Nothing found" in team.builder.ok("search", "zebra")
    assert team.builder.json("search", "zebra")["messages"] == []
    assert team.builder.thrum("search").code == 1


@requirement("purge", "purge:all")
def test_a_purge_shows_first_and_removes_only_when_confirmed(team: Team) -> None:
    team.says("secret")
    shown = team.planner.ok("purge", "--all")
    assert "Would purge" in shown and "--confirm" in shown
    assert team.builder.json("inbox")["total"] == 1
    document = team.planner.json("purge", "--all", "--confirm")
    assert (document["messages_deleted"], document["dry_run"]) == (1, False)
    assert team.builder.json("inbox")["total"] == 0
    assert {agent["agent_id"] for agent in team.planner.json("agent", "list")["agents"]} == {"planner", "builder"}
    assert team.planner.ok("purge", "--all", "--confirm") == "There is nothing to purge.\n"
    assert team.says("still talking")


@pytest.mark.parametrize("flags", [(), ("--before", "2d", "--all"), ("--before", "yesterday")])
def test_a_purge_that_does_not_say_what_is_refused(team: Team, flags: tuple[str, ...]) -> None:
    answer = team.planner.thrum("purge", *flags, "--json")
    assert (answer.code, answer.error["code"]) == (1, "invalid")
