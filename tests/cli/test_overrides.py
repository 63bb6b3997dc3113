"""Flags and variables that override the identity for one call."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from .conftest import Team
from .shell import SCRIPT, Shell, git

# --- a global flag before a command that has its own ------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("--role", "implementer", "agent", "list"),
        ("agent", "--role", "implementer", "list"),
        ("agent", "list", "--role=implementer"),
        ("--module", "auth", "agent", "list"),
        ("--module=auth", "--role=implementer", "agent", "list"),
        ("--role", "lead", "agent", "list", "--role", "implementer"),
        ("--role", "implementer", "agent", "list", "--context"),
    ],
    ids=" ".join,
)
def test_a_global_flag_before_the_command_sets_its_own_option(team: Team, words: tuple[str, ...]) -> None:
    answer = team.planner.json(*words)
    agents = answer["agents"] if "agents" in answer else answer["contexts"]
    assert [agent["agent_id"] for agent in agents] == ["builder"]


def test_a_global_role_names_the_member_of_a_group(team: Team) -> None:
    team.planner.ok("group", "create", "g")
    for word in ("add", "remove", "add"):
        changed = team.planner.json("--role", "implementer", "group", word, "g")
        assert (changed["member_type"], changed["member_value"]) == ("role", "implementer")
    refused = team.planner.thrum("--role", "implementer", "group", "add", "g", "@builder", "--json")
    assert refused.error["message"] == "more than one member is named"


def test_thrum_role_and_thrum_module_never_set_an_option_of_a_command(team: Team) -> None:
    shell = team.planner.having(THRUM_ROLE="implementer", THRUM_MODULE="auth")
    assert shell.json("agent", "list")["count"] == 2
    team.planner.ok("group", "create", "g")
    assert shell.thrum("group", "add", "g", "--json").error["message"] == "no member is named"


# --- whose worktree ---------------------------------------------------------------------------------------------------


@pytest.fixture
def vacant(team: Team) -> Shell:
    """A shell in a worktree of the team's repository in which no agent works."""
    place = team.planner.cwd.parent / "it's vacant"
    git(team.planner.cwd, "worktree", "add", "--quiet", "-b", "vacant", str(place))
    return team.planner.at(place)


def test_a_name_writes_in_its_own_worktree_and_in_one_without_agents(team: Team, vacant: Shell) -> None:
    for shell in (team.planner, vacant):
        sent = shell.having(THRUM_NAME="planner").json("send", "hello", "--to", "@builder")
        assert [recipient["agent_id"] for recipient in sent["recipients"]] == ["builder"]
    message = team.builder.json("inbox")["messages"][0]["message_id"]
    builder = vacant.having(THRUM_NAME="builder")
    assert builder.json("message", "read", message)["marked_count"] == 1
    assert builder.json("reply", message, "done")["audiences"]
    assert builder.json("agent", "set-intent", "Working elsewhere")["intent"] == "Working elsewhere"
    assert team.planner.json("inbox", "--unread")["total"] == 1


@pytest.mark.parametrize("words", [("send", "it's done", "--to", "@planner"), ("group", "create", "crew")], ids=str)
def test_in_a_worktree_of_other_agents_it_is_refused_with_the_command_that_does_it_anyway(
    team: Team, words: tuple[str, ...]
) -> None:
    refused = team.planner.having(THRUM_NAME="builder").thrum(*words, "--json").error
    assert refused["code"] == "worktree_mismatch"
    assert "@builder" in refused["message"] and "@planner" in refused["message"]
    command = refused["hint"].split("`")[1]
    done = subprocess.run(
        f"PATH={shlex.quote(str(Path(SCRIPT).parent))}:$PATH; {command}",
        shell=True, cwd=team.planner.cwd, env=team.planner.environ(), capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done
    assert team.builder.json("sent")["total"] == (words[0] == "send")


@pytest.mark.parametrize("repo", [("--repo", "."), ("--repo=.",)], ids=str)
def test_the_command_that_does_it_anyway_replaces_the_repo_of_the_line(team: Team, repo: tuple[str, ...]) -> None:
    shell = team.planner.having(THRUM_NAME="builder")
    hint = shell.thrum(*repo, "send", "x", "--to", "@planner", "--json").error["hint"].split("`")[1]
    assert shlex.split(hint) == [
        "THRUM_NAME=builder", "thrum", "--repo", str(team.builder.cwd), "send", "x", "--to", "@planner", "--json"
    ]  # fmt: skip


def test_an_agent_whose_worktree_is_gone_moves_by_the_command_of_the_error(team: Team) -> None:
    git(team.planner.cwd, "worktree", "remove", "--force", str(team.builder.cwd))
    refused = team.planner.having(THRUM_NAME="builder").thrum("send", "x", "--to", "@planner", "--json").error
    command = shlex.split(refused["hint"].split("`")[1])
    team.planner.ok(*command[1:])
    assert team.planner.having(THRUM_NAME="builder").json("send", "x", "--to", "@planner")["resolved_to"] == 1


def test_a_worktree_whose_agents_lost_their_files_is_still_theirs(team: Team) -> None:
    for file in Path(team.planner.cwd, ".thrum", "identities").iterdir():
        os.unlink(file)
    refused = team.planner.having(THRUM_NAME="builder").thrum("send", "x", "--to", "@planner", "--json").error
    assert (refused["code"], "@planner" in refused["message"]) == ("worktree_mismatch", True)
