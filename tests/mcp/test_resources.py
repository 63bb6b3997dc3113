"""Resources and prompts: reading one marks nothing as read."""

from __future__ import annotations

from .conftest import Team
from .talk import Server


def read(server: Server, uri: str) -> str:
    """Read a resource and return its text."""
    (content,) = server.result("resources/read", {"uri": uri})["contents"]
    assert (content["uri"], content["mimeType"]) == (uri, "text/plain")
    text: str = content["text"]
    return text


def test_the_inbox_shows_what_is_there_and_marks_nothing(team: Team, builder: Server) -> None:
    assert "0 messages in your inbox, 0 unread" in read(builder, "thrum://inbox")
    team.send("First")
    team.send("Second")
    text = read(builder, "thrum://inbox")
    assert "2 messages in your inbox, 2 unread" in text
    assert text.index("Second") < text.index("First")
    assert builder.call("check_messages", limit=1)["remaining"] == 1


def test_the_team_is_listed(builder: Server) -> None:
    text = read(builder, "thrum://team")
    assert "2 agents." in text
    assert "@builder (you)" in text


def test_a_message_is_shown_by_its_id(team: Team, builder: Server) -> None:
    message_id = team.send("Read me")
    text = read(builder, f"thrum://message/{message_id}")
    assert "from @planner" in text
    assert "Read me" in text


def test_an_unknown_resource_is_an_error_with_a_hint(builder: Server) -> None:
    for uri in ("thrum://nothing", "thrum://message/msg_00000000000000000000000000", "file:///etc/passwd"):
        error = builder.answer(builder.ask("resources/read", {"uri": uri}))["error"]
        assert error["code"] == -32602
        assert "What to do" in error["message"]


def test_resources_and_prompts_are_listed_and_can_be_had(builder: Server) -> None:
    assert {resource["uri"] for resource in builder.result("resources/list")["resources"]} == {
        "thrum://inbox",
        "thrum://team",
    }
    (template,) = builder.result("resources/templates/list")["resourceTemplates"]
    assert template["uriTemplate"] == "thrum://message/{id}"
    for prompt in builder.result("prompts/list")["prompts"]:
        (message,) = builder.result("prompts/get", {"name": prompt["name"]})["messages"]
        assert "message" in message["content"]["text"]
    assert builder.answer(builder.ask("prompts/get", {"name": "x"}))["error"]["code"] == -32602
