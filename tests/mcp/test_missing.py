"""Incomplete set-ups: the server starts anyway, and each tool says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Team, register
from .talk import Server

Tools = dict[str, dict[str, object]]

WRITING: Tools = {
    "send_message": {"to": "@builder", "content": "x"},
    "check_messages": {},
    "wait_for_message": {"timeout": 5},
    "broadcast_message": {"content": "x"},
    "create_group": {"name": "g"},
    "delete_group": {"name": "g"},
    "add_group_member": {"group": "g", "member_type": "agent", "member_value": "builder"},
    "remove_group_member": {"group": "g", "member_type": "agent", "member_value": "builder"},
}
LOOKING: Tools = {"list_agents": {}, "list_groups": {}, "get_group": {"name": "g"}}


def complaints(server: Server, tools: Tools) -> set[str]:
    """Return the texts with which these tools fail."""
    server.greet()
    return {server.refused(tool, **arguments) for tool, arguments in tools.items()}


def test_outside_of_a_repository_each_tool_says_so(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        (complaint,) = complaints(server, WRITING | LOOKING)
        assert server.end() == 0
    assert "is not inside a git repository" in complaint
    assert "--repo PATH" in complaint
    assert complaint.endswith("(not_a_repository)")


def test_in_a_repository_without_thrum_each_tool_says_to_set_it_up(repository: Path) -> None:
    with Server(repository) as server:
        (complaint,) = complaints(server, WRITING | LOOKING)
    assert "run `thrum init`" in complaint


def test_without_an_identity_looking_works_and_the_rest_says_how_to_register(team: Team) -> None:
    identity = team.planner / ".thrum" / "identities" / "planner.json"
    identity.unlink()
    with Server(team.planner) as server:
        (complaint,) = complaints(server, WRITING)
        assert server.call("list_agents")["count"] == 2
    assert "thrum quickstart --name NAME --role ROLE --module MODULE" in complaint


def test_several_identities_are_listed_and_none_is_guessed(team: Team) -> None:
    register(team.planner, "second", "testing")
    with Server(team.planner) as server:
        (complaint,) = complaints(server, WRITING)
        assert "planner, second" in complaint
        assert "THRUM_NAME" in complaint


def test_an_agent_that_registers_later_needs_no_restart(team: Team) -> None:
    (team.planner / ".thrum" / "identities" / "planner.json").unlink()
    with Server(team.planner) as server:
        server.greet()
        assert "thrum quickstart" in server.refused("check_messages")
        register(team.planner, "planner", "planning")
        assert server.call("check_messages")["status"] == "empty"


def test_a_repository_that_is_set_up_later_needs_no_restart(repository: Path) -> None:
    with Server(repository) as server:
        server.greet()
        assert "thrum init" in server.refused("check_messages")
        register(repository, "planner", "planning")
        assert server.call("check_messages")["status"] == "empty"


@pytest.mark.parametrize(
    ("options", "variables", "name"),
    [
        (("--agent-id", "second"), {}, "second"),
        (("--agent-id", "second"), {"THRUM_NAME": "planner"}, "planner"),
        (("--agent-id=planner",), {"THRUM_NAME": "second"}, "second"),
        (("--agent-id", "planner"), {"THRUM_NAME": ""}, "planner"),
        ((), {"THRUM_NAME": "second"}, "second"),
    ],
)
def test_thrum_name_decides_before_the_agent_id_and_that_before_the_file(
    team: Team, options: tuple[str, ...], variables: dict[str, str], name: str
) -> None:
    register(team.planner, "second", "testing")
    with Server(team.planner, *options, command=None, **variables) as server:
        server.greet()
        assert [agent["name"] for agent in server.call("list_agents")["agents"] if agent.get("you")] == [name]


def test_the_server_says_on_standard_error_which_name_it_uses(team: Team) -> None:
    register(team.planner, "second", "testing")
    for name, words in (("planner", ["@planner, by THRUM_NAME", "@second, by --agent-id"]), ("second", [])):
        environ = {**os.environ, "THRUM_NAME": name}
        command = [str(Path(sys.executable).with_name("thrum")), "mcp", "serve", "--agent-id", "second"]
        done = subprocess.run(command, cwd=team.planner, env=environ, input=b"", capture_output=True, check=True)
        assert (done.stdout, [word in done.stderr.decode() for word in words]) == (b"", [True] * len(words))
        assert words or not done.stderr


@pytest.mark.parametrize(
    ("tool", "arguments", "complaint"),
    [
        ("send_message", {"to": "@bilder", "content": "x"}, "did you mean @builder"),
        ("send_message", {"to": "@builder", "content": " "}, "the message is empty"),
        ("send_message", {"to": "@builder", "content": "a\0b"}, "NUL"),
        ("send_message", {"to": "@builder", "content": "x", "reply_to": "msg_x"}, "is not a message id"),
        ("send_message", {"to": "@builder", "content": "x", "replyto": "y"}, "`replyto`: Extra inputs"),
        ("send_message", {"to": "@builder"}, "`content`: Field required"),
        ("check_messages", {"limit": "many"}, "`limit`: Input should be a valid integer"),
        ("add_group_member", {"group": "g", "member_type": "x", "member_value": "y"}, "`member_type`: Input should be"),
        ("delete_group", {"name": "everyone"}, "is built in"),
    ],
)
def test_a_mistake_is_named_and_stores_nothing(
    shared_server: Server, tool: str, arguments: dict[str, object], complaint: str
) -> None:
    assert complaint in shared_server.refused(tool, **arguments)


def test_an_unknown_tool_is_a_protocol_error(shared_server: Server) -> None:
    answer = shared_server.answer(shared_server.begin("no_such_tool"))
    assert answer["error"]["code"] == -32602
    assert "send_message" in answer["error"]["message"]
