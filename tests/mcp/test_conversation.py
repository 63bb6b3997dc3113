"""Two agents talk, each through its own real server: by hand with the handshake of 2025, and by the official client."""

from __future__ import annotations

from typing import Any, Literal

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from thrum_store.identity import Caller
from thrum_store.repository import paths
from thrum_store.service.messages.sent import show_sent
from thrum_store.store import open_store

from .conftest import Team
from .talk import MODERN, THRUM, Server

TOOLS = {
    "send_message": {"to": True, "content": True, "reply_to": False, "metadata": False},
    "check_messages": {"limit": False},
    "wait_for_message": {"timeout": False},
    "list_agents": {"include_offline": False},
    "broadcast_message": {"content": True},
    "create_group": {"name": True, "description": False},
    "delete_group": {"name": True},
    "add_group_member": {"group": True, "member_type": True, "member_value": True},
    "remove_group_member": {"group": True, "member_type": True, "member_value": True},
    "list_groups": {},
    "get_group": {"name": True, "expand": False},
}

Mode = Literal["legacy", "auto", "2026-07-28"]


def parameters(tool: Any) -> dict[str, bool]:
    """Return the parameters of a tool, each with True if it is required."""
    return {name: name in tool["inputSchema"].get("required", ()) for name in tool["inputSchema"]["properties"]}


def test_a_bare_client_with_the_handshake_of_2025_holds_a_conversation(planner: Server, builder: Server) -> None:
    listed = planner.result("tools/list")["tools"]
    assert {tool["name"]: parameters(tool) for tool in listed} == TOOLS

    waiting = builder.begin("wait_for_message", timeout=20)
    sent = planner.call("send_message", to="@builder", content="Can you take the parser?", metadata={"pr": "42"})
    assert (sent["status"], sent["resolved_to"], sent["recipients"]) == ("delivered", 1, ["builder"])

    came = builder.answer(waiting)["result"]["structuredContent"]
    message = came["message"]
    assert came["status"] == "message_received"
    assert (message["from"], message["content"]) == ("planner", "Can you take the parser?")
    assert (message["message_id"], message["metadata"]) == (sent["message_id"], {"pr": "42"})

    builder.call("send_message", to=f"@{message['from']}", content="Yes.", reply_to=message["message_id"])
    checked = planner.call("check_messages")
    assert [(answer["content"], answer["reply_to"]) for answer in checked["messages"]] == [("Yes.", sent["message_id"])]
    assert planner.call("check_messages")["status"] == "empty"


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["legacy", "auto", "2026-07-28"])
async def test_the_official_client_holds_a_conversation_in_each_era(team: Team, mode: Mode) -> None:
    with anyio.fail_after(60):
        async with connected(team.planner, mode) as planner, connected(team.builder, mode) as builder:
            assert {tool.name for tool in (await planner.list_tools()).tools} == set(TOOLS)
            await planner.call_tool("broadcast_message", {"content": "Stand-up"})
            checked = await builder.call_tool("check_messages", {})
            assert checked.structured_content is not None
            (message,) = checked.structured_content["messages"]
            assert message["to"] == ["@everyone"]
            answer = {"to": "@planning", "content": "Here", "reply_to": message["message_id"]}
            assert not (await builder.call_tool("send_message", answer)).is_error
            waited = await planner.call_tool("wait_for_message", {"timeout": 5})
            assert waited.structured_content is not None
            assert waited.structured_content["message"]["content"] == "Here"


def connected(root: Any, mode: Mode) -> Client:
    """Return the official client, connected to a real server in `root`."""
    server = StdioServerParameters(command=THRUM[0], args=[*THRUM[1:], "mcp", "serve"], cwd=root)
    return Client(server, mode=mode)


def test_a_modern_client_needs_no_handshake(team: Team) -> None:
    with Server(team.planner) as server:
        assert server.result("server/discover", {"_meta": MODERN})["supportedVersions"] == ["2026-07-28"]
        listed = server.result("tools/list", {"_meta": MODERN})
        assert len(listed["tools"]) == len(TOOLS)
        called = server.result("tools/call", {"_meta": MODERN, "name": "list_groups", "arguments": {}})
        assert called["structuredContent"]["groups"][0]["name"] == "everyone"


def test_a_message_that_was_handed_over_shows_as_read_to_its_sender(team: Team, builder: Server) -> None:
    message_id = team.send("Ready?")
    builder.call("check_messages")
    builder.end()
    with open_store(paths.find(str(team.planner))) as store:
        detail = show_sent(store, Caller("planner"), message_id)
    assert [recipient.status for recipient in detail.message.recipients] == ["read"]


def test_a_group_reaches_its_members_and_shows_them_expanded(planner: Server, builder: Server) -> None:
    created = planner.call("create_group", name="reviewers", description="Who reviews")
    assert created["name"] == "reviewers"
    added = planner.call("add_group_member", group="reviewers", member_type="role", member_value="building")
    assert added["status"] == "added"
    shown = planner.call("get_group", name="reviewers", expand=True)
    assert shown["members"] == [{"member_type": "role", "member_value": "building"}]
    assert shown["expanded"] == ["builder"]
    assert [group["name"] for group in planner.call("list_groups")["groups"]] == ["everyone", "reviewers"]
    planner.call("send_message", to="@reviewers", content="Please review")
    assert builder.call("check_messages")["messages"][0]["to"] == ["@reviewers"]
    removed = planner.call("remove_group_member", group="reviewers", member_type="role", member_value="building")
    assert removed["status"] == "removed"
    assert planner.call("delete_group", name="reviewers") == {"name": "reviewers", "status": "deleted"}


def test_agents_are_listed_and_oneself_is_marked(planner: Server) -> None:
    listed = planner.call("list_agents")
    assert listed["count"] == 2
    assert {agent["name"]: agent.get("you", False) for agent in listed["agents"]} == {"planner": True, "builder": False}
    active = {agent["name"] for agent in listed["agents"] if agent["status"] == "active"}
    assert len(active) < 2  # builder's server does not run
    active_only = planner.call("list_agents", include_offline=False)
    assert ({agent["name"] for agent in active_only["agents"]}, active_only["count"]) == (active, len(active))


def test_the_text_says_what_the_data_says(planner: Server, builder: Server) -> None:
    planner.call("send_message", to="@builder", content="first line\nsecond line")
    result = builder.answer(builder.begin("check_messages"))["result"]
    (message,) = result["structuredContent"]["messages"]
    text = result["content"][0]["text"]
    for fact in (message["from"], message["timestamp"], message["message_id"], message["content"]):
        assert fact in text
    assert f'send_message(to="@planner", reply_to="{message["message_id"]}"' in text
