"""Flags and variables that override the identity for one call."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.mcp.talk import Server

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
    agents = answer["agents"]["agents"] if "agents" in answer else answer["contexts"]
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


# --- a role for one call ----------------------------------------------------------------------------------------------


@pytest.fixture
def crew(team: Team) -> Team:
    """The team, and a reviewer whose role messages can be addressed to."""
    reviewer = team.builder.having(THRUM_NAME="rev")
    reviewer.ok("agent", "register", "--name", "rev", "--role", "reviewer", "--module", "auth", "--display", "Rev")
    return Team(team.planner, team.builder.having(THRUM_NAME="builder"))


def texts(shell: Shell, *words: str) -> list[str]:
    """Return the texts that an inbox lists, the oldest first."""
    return [message["body"]["content"] for message in shell.json(*words)["messages"]][::-1]


def addressed(team: Team) -> None:
    """Send a message to each kind of address."""
    team.planner.ok("group", "create", "checkers")
    team.planner.ok("group", "add", "checkers", "--role", "reviewer")
    for text, *to in (
        ("to all", "@everyone"), ("to builder", "@builder"), ("to implementers", "@implementer"),
        ("to reviewers", "@reviewer"), ("to both", "@implementer", "@reviewer"), ("to the group", "@checkers"),
        ("to rev", "@rev"),
    ):  # fmt: skip
        team.planner.ok("send", text, *(word for address in to for word in ("--to", address)))


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("--role", "reviewer", "inbox"), {}),
        (("inbox", "--role=reviewer"), {}),
        (("inbox",), {"THRUM_ROLE": "reviewer"}),
        (("inbox", "--role", "reviewer", "--unread"), {"THRUM_ROLE": "lead"}),
    ],
    ids=str,
)
def test_a_role_for_one_call_decides_which_role_addresses_reach_the_inbox(
    crew: Team, words: tuple[str, ...], variables: dict[str, str]
) -> None:
    addressed(crew)
    assert texts(crew.builder, "inbox") == ["to all", "to builder", "to implementers", "to both"]
    as_reviewer = ["to all", "to builder", "to reviewers", "to both", "to the group"]
    assert texts(crew.builder.having(**variables), *words) == as_reviewer
    box = crew.builder.having(**variables).json(*words)
    assert (box["total"], box["unread"]) == (5, 5)
    assert texts(crew.builder, "--role", "implementer", "inbox") == texts(crew.builder, "inbox")
    assert texts(crew.builder, "--role", "nobody-has-it", "inbox") == ["to all", "to builder"]
    assert crew.builder.json("status")["inbox"] == {"total": 4, "unread": 4}
    assert crew.builder.having(THRUM_ROLE="reviewer").json("status")["inbox"] == {"total": 5, "unread": 5}


def test_what_was_read_in_another_role_stays_read_in_it(crew: Team) -> None:
    addressed(crew)
    reviewer = crew.builder.having(THRUM_ROLE="reviewer")
    newest, _, reviewed = (message["message_id"] for message in reviewer.json("inbox")["messages"][:3])
    assert reviewer.json("message", "read", reviewed) == {"marked_count": 1, "unread": 4}
    reviewer.ok("reply", newest, "on it")
    assert texts(reviewer, "inbox", "--unread") == ["to all", "to builder", "to both"]
    assert [message["is_read"] for message in reviewer.json("inbox")["messages"]] == [True, False, True, False, False]
    assert reviewer.json("message", "read", "--all") == {"marked_count": 3, "unread": 0}
    assert texts(crew.builder, "inbox", "--unread") == ["to implementers"]
    assert crew.builder.having(THRUM_NAME="rev").json("inbox", "--unread")["total"] == 6  # with the reply


def test_a_wait_in_another_role_ends_with_mail_to_that_role_only(crew: Team) -> None:
    reviewer, other = crew.builder.having(THRUM_ROLE="reviewer"), crew.builder.having(THRUM_ROLE="nobody")
    waiting = reviewer.start("wait", "--timeout", "50s", "--json")
    sent = crew.planner.json("send", "look at this", "--to", "@reviewer")["message_id"]
    out, _ = waiting.communicate(timeout=60)
    assert (waiting.returncode, [message["message_id"] for message in json.loads(out)["messages"]]) == (0, [sent])
    for shell in (crew.builder, other):
        assert shell.thrum("wait", "--timeout", "0s").code == 1
    mine = crew.planner.json("send", "and this", "--to", "@implementer")["message_id"]
    assert reviewer.thrum("wait", "--timeout", "0s").code == 1
    assert [message["message_id"] for message in crew.builder.json("wait", "--timeout", "0s")["messages"]] == [mine]


@pytest.mark.parametrize(
    ("words", "variables", "author"),
    [
        ((), {}, ("lead", "core", "")),
        (("--role", "tester"), {}, ("tester", "core", "")),
        ((), {"THRUM_ROLE": "tester", "THRUM_MODULE": "db", "THRUM_DISPLAY": "Tess T."}, ("tester", "db", "Tess T.")),
        (("--module=sea",), {"THRUM_ROLE": "tester", "THRUM_MODULE": "db"}, ("tester", "sea", "")),
        (("--role", "lead"), {"THRUM_ROLE": "tester"}, ("lead", "core", "")),
    ],
    ids=str,
)
def test_what_is_sent_carries_the_role_of_the_call(
    crew: Team, words: tuple[str, ...], variables: dict[str, str], author: tuple[str, str, str]
) -> None:
    sent = crew.planner.having(**variables).json(*words, "send", "hello", "--to", "@builder")["message_id"]
    assert crew.builder.json("message", "get", sent)["message"]["author"]["role"] == author[0]
    assert [message["author_role"] for message in crew.builder.json("inbox")["messages"]] == [author[0]]
    assert f"@planner ({author[0]})" in crew.builder.ok("message", "get", sent)
    columns = ("author_role", "author_module", "author_display")
    (row,) = crew.builder.json("query", f"SELECT {', '.join(columns)} FROM messages WHERE id = '{sent}'")["rows"]
    assert tuple(row[column] for column in columns) == author
    reply = crew.builder.having(**variables).json(*words, "reply", sent, "hi")["message_id"]
    mine = crew.builder.having(**variables).json(*words, "whoami")
    assert crew.planner.json("message", "get", reply)["message"]["author"]["role"] == mine["role"]
    assert {agent["agent_id"]: agent["role"] for agent in crew.planner.json("agent", "list")["agents"]["agents"]} == {
        "planner": "lead", "builder": "implementer", "rev": "reviewer"
    }  # fmt: skip


def test_a_session_that_starts_in_another_role_keeps_the_registered_one(crew: Team) -> None:
    shell = crew.planner.having(THRUM_ROLE="tester", THRUM_MODULE="db", THRUM_DISPLAY="Tess")
    for words in (("session", "start"), ("agent", "set-intent", "Look"), ("session", "end"), ("agent", "start")):
        shell.ok(*words)
    who = crew.planner.json("whoami")
    assert (who["role"], who["module"], who["display"]) == ("lead", "core", "")


@pytest.mark.parametrize("role", ["Big Boss", "everyone", "x" * 65, "a:b", "-"])
def test_a_role_that_can_be_none_is_refused_by_its_name(crew: Team, role: str) -> None:
    for words in (("inbox",), ("send", "x", "--to", "@builder"), ("wait", "--timeout", "0s"), ("whoami",)):
        refused = crew.planner.having(THRUM_ROLE=role).thrum(*words, "--json")
        assert (refused.error["code"], role in refused.error["message"]) == ("invalid", True)
    assert crew.builder.json("inbox")["total"] == 0


def test_the_mcp_server_of_another_role_hands_over_mail_to_that_role(crew: Team) -> None:
    addressed(crew)
    with Server(crew.builder.cwd, THRUM_NAME="builder", THRUM_ROLE="reviewer") as server:
        server.greet()
        messages = server.call("check_messages")["messages"]
        assert [message["content"] for message in messages] == [
            "to all", "to builder", "to reviewers", "to both", "to the group"
        ]  # fmt: skip
        assert server.call("check_messages")["status"] == "empty"
        server.call("send_message", to="@planner", content="done")
    assert crew.planner.json("inbox")["messages"][0]["author_role"] == "reviewer"
    assert texts(crew.builder, "inbox", "--unread") == ["to implementers"]
