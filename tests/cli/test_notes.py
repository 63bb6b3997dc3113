"""context …, roles …, search and purge."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import SCRIPT, git


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
    assert "nothing to sync" in team.builder.ok("context", "sync")
    team.builder.ok("context", "save", stdin=b"for everyone")
    assert team.planner.json("context", "show", "--agent", "builder")["has_context"] is False
    assert "a-sync (12 bytes)" in team.builder.ok("context", "sync")
    assert team.builder.json("context", "sync")["status"] == "unchanged"
    assert team.planner.ok("context", "show", "--agent", "builder", "--raw") == "for everyone\n"
    assert "as shared by the agent" in team.planner.ok("context", "show", "--agent", "builder")
    names = git(team.planner.cwd, "ls-tree", "-r", "--name-only", "a-sync")
    assert "/builder/context.md" in names
    assert team.builder.thrum("context", "sync", "--agent", "nobody").code == 1


@requirement("context:clear:shared")
def test_a_cleared_context_leaves_the_tip_of_the_branch_and_stays_in_its_history(team: Team) -> None:
    team.builder.ok("context", "save", stdin=b"a secret plan")
    team.builder.ok("context", "sync")
    cleared = team.builder.ok("context", "clear")
    assert "left the tip of the branch a-sync; the history of that branch keeps it" in cleared
    assert "context.md" not in git(team.planner.cwd, "ls-tree", "-r", "--name-only", "a-sync")
    assert "a secret plan" in git(team.planner.cwd, "log", "--patch", "a-sync", "--", "v1/*/builder/context.md")
    for shell in (team.builder, team.planner):
        assert "No context saved for @builder" in shell.ok("context", "show", "--agent", "builder")
    again = team.builder.json("context", "clear")
    assert (again["existed"], again["shared"]) == (False, False)
    team.builder.ok("context", "save", stdin=b"the next plan")
    assert team.builder.json("context", "sync")["status"] == "shared"
    assert team.planner.ok("context", "show", "--agent", "builder", "--raw") == "the next plan\n"


def test_only_the_cleared_context_leaves_the_branch(team: Team) -> None:
    for shell, text in ((team.planner, b"plan"), (team.builder, b"build")):
        shell.ok("context", "save", stdin=text)
        shell.ok("context", "sync")
    (team.builder.cwd / ".thrum/context/builder.md").unlink()
    cleared = team.builder.json("context", "clear")
    assert (cleared["existed"], cleared["shared"]) == (False, True)
    names = git(team.planner.cwd, "ls-tree", "-r", "--name-only", "a-sync")
    assert ("/planner/context.md" in names, "/builder/context.md" in names) == (True, False)


def test_the_shared_context_of_a_deleted_agent_leaves_the_branch(team: Team) -> None:
    team.builder.ok("context", "save", stdin=b"notes")
    team.builder.ok("context", "sync")
    team.planner.ok("agent", "delete", "builder", "--force")
    team.planner.ok("sync", "force")
    assert "context.md" not in git(team.planner.cwd, "ls-tree", "-r", "--name-only", "a-sync")


@requirement("context:save:empty")
@pytest.mark.parametrize("stdin", [b"", b" \n\t\r\n", b"\xef\xbb\xbf", b"\xc2\xa0\xe2\x80\xa8", b"\0\0", b"\x1b"])
def test_nothing_replaces_no_notes(team: Team, stdin: bytes) -> None:
    team.builder.ok("context", "save", stdin=b"kept")
    answer = team.builder.thrum("context", "save", "--json", stdin=stdin)
    assert (answer.code, answer.error["code"]) == (1, "invalid")
    assert "thrum context save --file" in answer.error["hint"] and "thrum context clear" in answer.error["hint"]
    empty = team.builder.cwd / "empty.md"
    empty.write_bytes(stdin)
    assert team.builder.thrum("context", "save", "--file", str(empty)).code == 1
    assert team.builder.ok("context", "show", "--raw") == "kept\n"


@requirement("context:save:empty")
@pytest.mark.parametrize("stdin", ["<&-", "</dev/null", "0>written.md"])
def test_a_standard_input_without_notes_is_refused(team: Team, stdin: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" context save --json {stdin}', SCRIPT],
        cwd=team.builder.cwd, env=team.builder.environ(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)["error"]["code"], done.stderr) == (1, "invalid", "")


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
    assert "Updated 1/2 agents: @builder." in team.planner.ok("roles", "deploy")
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
    assert "Purge preview" in shown and "--confirm" in shown
    assert team.builder.json("inbox")["total"] == 1
    document = team.planner.json("purge", "--all", "--confirm")
    assert (document["messages_deleted"], document["dry_run"]) == (1, False)
    assert team.builder.json("inbox")["total"] == 0
    assert {agent["agent_id"] for agent in team.planner.json("agent", "list")["agents"]["agents"]} == {
        "planner",
        "builder",
    }
    assert team.planner.ok("purge", "--all", "--confirm") == "There is nothing to purge.\n"
    assert team.says("still talking")


@pytest.mark.parametrize("flags", [(), ("--before", "2d", "--all"), ("--before", "yesterday")])
def test_a_purge_that_does_not_say_what_is_refused(team: Team, flags: tuple[str, ...]) -> None:
    answer = team.planner.thrum("purge", *flags, "--json")
    assert (answer.code, answer.error["code"]) == (1, "invalid")
