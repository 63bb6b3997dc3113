"""The server as a client sees it: eleven tools, their schemas and effects, and the instructions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docs.generate.early_answers import handshake
from thrum_mcp.server import INSTRUCTIONS
from thrum_mcp.transport.early_answers import EarlyAnswers

from .conftest import Team
from .talk import CLIENT, Server

TOKENS = 2_000
BYTES_PER_TOKEN = 3.5  # JSON of this kind has four or more, so this counts too many rather than too few

READING = {"check_messages", "wait_for_message", "list_agents", "list_groups", "get_group"}


@pytest.fixture(scope="module")
def tools() -> list[dict[str, Any]]:
    """The tools as the SDK lists them."""
    listed: list[dict[str, Any]] = handshake("2025-11-25")["tools/list"]["tools"]
    return listed


def test_the_schemas_that_a_model_sees_stay_under_two_thousand_tokens(tools: list[dict[str, Any]]) -> None:
    seen = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in tools]
    size = len(json.dumps(seen, separators=(",", ":")).encode())
    assert size / BYTES_PER_TOKEN < TOKENS


def test_reading_tools_say_so_and_only_a_deletion_destroys(tools: list[dict[str, Any]]) -> None:
    assert {tool["name"] for tool in tools if tool["annotations"]["readOnlyHint"]} == READING
    assert {tool["name"] for tool in tools if tool["annotations"].get("destructiveHint")} == {"delete_group"}
    assert not any(tool["annotations"]["openWorldHint"] for tool in tools)


def test_each_tool_has_a_title_a_description_and_an_output_schema(tools: list[dict[str, Any]]) -> None:
    for tool in tools:
        assert tool["title"]
        assert len(tool["description"].split()) >= 5
        assert tool["outputSchema"]["type"] == "object"
        assert all("description" in schema for schema in tool["inputSchema"]["properties"].values())


def test_an_unknown_parameter_is_refused(tools: list[dict[str, Any]]) -> None:
    assert all(tool["inputSchema"]["additionalProperties"] is False for tool in tools)


def test_the_defaults_are_those_of_the_seed(tools: list[dict[str, Any]]) -> None:
    defaults = {
        f"{tool['name']}.{name}": schema["default"]
        for tool in tools
        for name, schema in tool["inputSchema"]["properties"].items()
        if "default" in schema
    }
    assert defaults == {
        "check_messages.limit": 50,
        "wait_for_message.timeout": 240,  # an unknown client may not wait for the seed's 300 s
        "list_agents.include_offline": True,
        "get_group.expand": False,
    }


@pytest.mark.parametrize(
    ("client", "variables", "default", "most"),
    [
        ("claude-code", {}, 300, 600),
        ("gemini-cli-mcp-client", {}, 300, 580),
        ("Cursor", {}, 50, 50),
        ("nobody-knows-it", {"THRUM_WAIT_MAX": "540"}, 300, 540),
        ("codex-mcp-client", {"THRUM_WAIT_MAX": "99999"}, 300, 600),
    ],
)
def test_a_client_reads_how_long_its_wait_may_take(
    team: Team, client: str, variables: dict[str, Any], default: int, most: int
) -> None:
    introduction = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": client, "version": "1"}}
    with Server(team.planner, **variables) as server:
        server.result("initialize", introduction)
        early = waiting(server.result("tools/list"))
        server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        server.call("list_groups")  # from now on the SDK answers
        late = waiting(server.result("tools/list", {"_meta": {"progressToken": 1}}))
    assert early == late == {"default": default, "most": str(most)}


def waiting(listed: dict[str, Any]) -> dict[str, Any]:
    """The default and the most seconds of a wait, in a list of tools."""
    (tool,) = (tool for tool in listed["tools"] if tool["name"] == "wait_for_message")
    timeout = tool["inputSchema"]["properties"]["timeout"]
    return {"default": timeout["default"], "most": timeout["description"].rpartition(" ")[2]}


def test_the_instructions_begin_with_the_rule_and_fit_one_line() -> None:
    assert INSTRUCTIONS.startswith("Call check_messages before you begin")
    assert len(INSTRUCTIONS.split()) < 200
    assert "\n" not in INSTRUCTIONS


# --- the openings of real clients are answered early -----------------------------------------------------------------

OPENINGS: dict[str, dict[str, Any]] = {
    "claude": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"roots": {"listChanged": True}, "elicitation": {"form": {}, "url": {}}},
        "clientInfo": {"name": "claude-code", "title": "Claude Code", "version": "2.1.330"},
    },
    "codex": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"elicitation": {"form": {}, "url": {}}, "experimental": {"codex/auth-change": {}}},
        "clientInfo": {"name": "codex-mcp-client", "title": "Codex", "version": "0.169.0"},
    },
    "gemini": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"roots": {"listChanged": True}},
        "clientInfo": {"name": "gemini-cli-mcp-client", "version": "0.61.0"},
    },
    "amp": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"sampling": {}, "prompts": {"listChanged": True}},
        "clientInfo": {"name": "amp-mcp-client", "version": "0.0.0-dev"},
    },
    "auggie": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "augment-mcp-client", "version": "1.0.0"},
    },
    "by hand": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT},
}


@pytest.mark.parametrize("client", OPENINGS)
def test_the_opening_of_each_client_is_answered_early(client: str) -> None:
    opening: dict[str, Any] = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": OPENINGS[client]}
    answer = EarlyAnswers.load().answer(opening)
    assert answer is not None
    assert answer["protocolVersion"] == OPENINGS[client]["protocolVersion"]
