"""Sending, reading, answering, receipts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .test_help import EVERY


@requirement("send", "inbox", "sent")
def test_a_message_reaches_its_recipient_and_its_sender_sees_it_read(team: Team) -> None:
    message_id = team.says("The token format is settled.")
    (shown,) = team.builder.json("inbox")["messages"]
    assert (shown["message_id"], shown["agent_id"], shown["is_read"]) == (message_id, "planner", False)
    assert shown["body"] == {"format": "markdown", "content": "The token format is settled.", "structured": None}

    team.builder.ok("message", "read", message_id)
    (sent,) = team.planner.json("sent")["messages"]
    assert sent["read_count"] == 1
    assert [(recipient["agent_id"], recipient["read_at"] is not None) for recipient in sent["recipients"]] == [
        ("builder", True)
    ]


@requirement("send:scope", "send:ref")
def test_scopes_and_refs_travel_with_a_message(team: Team) -> None:
    message_id = team.says("Ready", "--scope", "module:auth", "--scope", "module:db", "--ref", "pr:42")
    message = team.builder.json("message", "get", message_id)["message"]
    assert message["scopes"] == [{"type": "module", "value": "auth"}, {"type": "module", "value": "db"}]
    assert {"type": "pr", "value": "42"} in message["refs"]
    assert team.builder.json("inbox", "--scope", "module:db")["total"] == 1
    assert team.builder.json("inbox", "--scope", "module:ui")["total"] == 0


@requirement("send:mention", "inbox:mentions")
def test_a_mention_reaches_whoever_it_names(team: Team) -> None:
    team.planner.ok("send", "Look at this", "--mention", "@implementer")
    team.planner.ok("send", "For all")
    (message,) = team.builder.json("inbox", "--mentions")["messages"]
    assert message["body"]["content"] == "Look at this"


@requirement("mention")
@pytest.mark.parametrize("words", [("--mention", "@implementer"), ("--ref", "mention:implementer")])
def test_a_mention_is_a_ref_of_that_type_and_the_other_way_round(team: Team, words: tuple[str, str]) -> None:
    sent = team.planner.json("send", "Look at this", *words)
    assert [recipient["agent_id"] for recipient in sent["recipients"]] == ["builder"]
    refs = team.builder.json("message", "get", sent["message_id"])["message"]["refs"]
    assert refs == [{"type": "mention", "value": "implementer"}]
    assert team.builder.json("inbox", "--mentions")["total"] == 1


@requirement("agent-id")
def test_an_id_of_the_old_form_never_means_the_whole_role(team: Team) -> None:
    refused = team.planner.run("send", "Still there?", "--to", "agent:implementer:35HV62T9B9", "--json")
    assert (refused.code, refused.error["code"]) == (1, "unknown_recipient")


@requirement("send:everyone", "send:to:everyone")
@pytest.mark.parametrize("options", [("--everyone",), ("--to", "@everyone"), ()])
def test_everyone_is_every_agent_but_the_sender(team: Team, options: tuple[str, ...]) -> None:
    sent = team.planner.json("send", "Lunch", *options)
    assert [recipient["agent_id"] for recipient in sent["recipients"]] == ["builder"]
    assert team.planner.json("inbox")["total"] == 0


@requirement("send:to:role")
def test_a_role_is_everybody_who_has_it(team: Team) -> None:
    sent = team.planner.json("send", "Build it", "--to", "@implementer")
    assert sent["audiences"] == [{"type": "role", "value": "implementer"}]
    assert [recipient["agent_id"] for recipient in sent["recipients"]] == ["builder"]


@requirement("send:to:group")
def test_a_group_is_its_members(team: Team) -> None:
    team.planner.ok("group", "create", "crew")
    team.planner.ok("group", "add", "crew", "@builder")
    sent = team.planner.json("send", "Release at five", "--to", "@crew")
    assert [recipient["agent_id"] for recipient in sent["recipients"]] == ["builder"]


@requirement("send:thread")
def test_a_message_can_join_a_thread(team: Team) -> None:
    first = team.planner.json("send", "One", "--to", "@builder")
    second = team.planner.json("send", "Two", "--to", "@builder", "--thread", first["thread_id"])
    assert second["thread_id"] == first["thread_id"]


@requirement("send:format", "send:structured")
def test_a_format_and_data_travel_with_a_message(team: Team) -> None:
    team.says("{}", "--format", "json", "--structured", '{"pr": 42, "files": ["a"]}')
    (shown,) = team.builder.json("inbox")["messages"]
    assert shown["body"] == {"format": "json", "content": "{}", "structured": {"pr": 42, "files": ["a"]}}


def test_a_send_under_an_idempotency_key_happens_once(team: Team) -> None:
    first = team.says("Deploying", "--idempotency-key", "deploy-1")
    assert team.says("Deploying", "--idempotency-key", "deploy-1") == first
    assert team.builder.json("inbox")["total"] == 1


@pytest.mark.parametrize(
    "text", ["`rm -rf $HOME` 'quoted' \"twice\" \\n", "zwei\nZeilen", "日本語 👩🏽‍💻", "-5 degrees", "x" * 1_000_000]
)
def test_any_text_arrives_as_it_was_given(team: Team, tmp_path: Path, text: str) -> None:
    file = tmp_path / "message.md"
    file.write_text(text + "\n", encoding="utf-8")
    team.planner.ok("send", "--stdin", "--to", "@builder", stdin=text.encode() + b"\n")
    team.planner.ok("send", "--body-file", str(file), "--to", "@builder")
    if len(text) < 1000:
        team.planner.ok("send", "--to", "@builder", "--", text)
    shown = {message["body"]["content"] for message in team.builder.json("inbox")["messages"]}
    assert shown == {text}


@requirement("reply", "reply:format")
def test_a_reply_answers_its_parent_and_marks_it_as_read(team: Team) -> None:
    message_id = team.says("Can you take it?", "--scope", "module:auth")
    reply = team.builder.json("reply", message_id, "Yes", "--format", "plain")
    assert [recipient["agent_id"] for recipient in reply["recipients"]] == ["planner"]
    assert team.builder.json("inbox")["unread"] == 0

    (answer,) = team.planner.json("inbox")["messages"]
    assert (answer["reply_to"], answer["thread_id"]) == (message_id, reply["thread_id"])
    assert (answer["body"]["format"], answer["scopes"]) == ("plain", [{"type": "module", "value": "auth"}])
    (recipient,) = team.planner.json("sent", "show", message_id)["message"]["recipients"]
    assert recipient["answered"]


@requirement("inbox:unread")
def test_looking_into_the_inbox_marks_nothing(team: Team) -> None:
    team.says("One")
    team.builder.ok("inbox")
    team.builder.ok("message", "get", team.says("Two"))
    assert team.builder.json("inbox", "--unread")["total"] == 2


@requirement("inbox:filter")
def test_an_inbox_holds_what_is_for_oneself_and_what_is_for_everyone(team: Team) -> None:
    carol = team.builder.having(THRUM_NAME="carol", THRUM_ROLE="tester", THRUM_MODULE="auth")
    carol.ok("quickstart", "--quiet")
    for text, to in (("for you", "@planner"), ("for all", "@everyone"), ("for another", "@builder")):
        carol.ok("send", text, "--to", to)
    inbox = team.planner.json("inbox")
    assert [message["body"]["content"] for message in inbox["messages"]] == ["for all", "for you"]
    assert team.planner.json("inbox", "--all")["total"] == 3


@requirement("inbox:all")
@pytest.mark.parametrize("flag", ["--all", "-a"])
def test_all_shows_what_others_say_to_each_other(team: Team, flag: str) -> None:
    team.says("For builder")
    assert team.planner.json("inbox")["total"] == 0
    assert team.planner.json("inbox", flag)["total"] == 1


@requirement("inbox:all", "inbox:scope")
def test_with_all_what_i_have_not_read_is_still_unread(team: Team) -> None:
    mine = team.builder.json("send", "Unread", "--to", "@planner", "--scope", "pr:1")["message_id"]
    team.builder.ok("send", "Other", "--to", "@planner")
    theirs = team.says("For builder", "--scope", "pr:1")
    inbox = team.planner.json("inbox", "--all", "--scope", "pr:1")
    assert {message["message_id"]: message["is_read"] for message in inbox["messages"]} == {mine: False, theirs: True}
    assert (inbox["total"], inbox["unread"]) == (2, 1)
    team.planner.ok("message", "read", mine)
    assert team.planner.json("inbox", "--all", "--scope", "pr:1")["unread"] == 0


def test_structured_data_is_shown_as_json(team: Team) -> None:
    sent = team.says("Look", "--structured", '{"ports": [8443, null], "ok": true}')
    assert 'Data:    {"ports": [8443, null], "ok": true}' in team.builder.ok("message", "get", sent)


def test_somebody_elses_message_is_said_to_be_theirs(team: Team) -> None:
    sent = team.says("Look")
    refused = team.builder.thrum("sent", "show", sent, "--json").error
    assert refused["code"] == "not_author" and "by @planner, not by you" in refused["message"]
    assert f"thrum message get {sent}" in refused["hint"]


@requirement("inbox:pages", "sent:pages")
@pytest.mark.parametrize("size", ["--page-size", "--limit"])
def test_pages_begin_with_the_newest(team: Team, size: str) -> None:
    for number in range(5):
        team.says(f"message {number}")
    for shell, command in ((team.builder, "inbox"), (team.planner, "sent")):
        page = shell.json(command, size, "2", "--page", "2")
        assert [message["body"]["content"] for message in page["messages"]] == ["message 2", "message 1"]
        assert (page["total"], page["page"], page["page_size"], page["total_pages"]) == (5, 2, 2, 3)


@requirement("sent:to", "sent:unread")
def test_sent_is_narrowed_by_recipient_and_by_what_is_unread(team: Team) -> None:
    read = team.says("Read")
    unread = team.says("Unread")
    team.planner.ok("send", "All", "--everyone")
    team.builder.ok("message", "read", read)
    to_builder = team.planner.json("sent", "--to", "@builder", "--unread")["messages"]
    assert [message["message_id"] for message in to_builder][-1] == unread
    assert team.planner.json("sent", "--to", "@everyone")["total"] == 1


@requirement("sent:to")
def test_sent_is_narrowed_by_the_role_or_the_group_that_it_went_to(team: Team) -> None:
    team.planner.ok("group", "create", "crew")
    team.planner.ok("group", "add", "crew", "@builder")
    for address in ("@implementer", "@crew", "@builder"):
        team.planner.ok("send", f"To {address}", "--to", address)
    for address in ("@implementer", "@crew"):
        (message,) = team.planner.json("sent", "--to", address)["messages"]
        assert message["body"]["content"] == f"To {address}"
    assert team.planner.json("sent", "--to", "@lead")["total"] == 0


@requirement("sent:show")
def test_sent_show_is_for_ones_own_messages(team: Team) -> None:
    message_id = team.says("Mine")
    assert team.planner.json("sent", "show", message_id)["message"]["message_id"] == message_id
    refused = team.builder.thrum("sent", "show", message_id, "--json")
    assert (refused.code, refused.error["code"]) == (1, "not_author")


@requirement("message:get", "message:edit", "message:delete")
def test_an_author_edits_and_deletes_a_message(team: Team) -> None:
    message_id = team.says("Port 8080")
    assert team.planner.json("message", "edit", message_id, "Port 8443")["version"] == 1
    assert team.builder.json("message", "get", message_id)["message"]["body"]["content"] == "Port 8443"
    team.planner.ok("message", "delete", message_id, "--force")
    assert team.builder.json("inbox")["total"] == 0
    assert team.builder.json("message", "get", message_id)["message"]["deleted"]


@requirement("message:read")
def test_messages_are_marked_as_read_by_id_or_all_at_once(team: Team) -> None:
    first, second, third, *_ = [team.says(f"message {number}") for number in range(5)]
    assert team.builder.json("message", "read", first) == {"marked_count": 1, "unread": 4}
    assert team.builder.json("message", "read", second, third) == {"marked_count": 2, "unread": 2}
    assert team.builder.json("message", "read", "--all") == {"marked_count": 2, "unread": 0}
    assert team.builder.json("message", "read", "--all") == {"marked_count": 0, "unread": 0}


@requirement("wait")
def test_a_wait_ends_with_what_was_sent_during_it(team: Team) -> None:
    waiting = team.builder.start("wait", "--timeout", "30s", "--json")
    try:
        while not any(agent["waiting"] for agent in team.planner.json("agent", "list")["agents"]["agents"]):
            assert waiting.poll() is None
        message_id = team.says("Wake up")
        out, err = waiting.communicate(timeout=30)
    finally:
        waiting.kill()
    assert (waiting.returncode, err) == (0, b"")
    assert message_id.encode() in out


@requirement("wait:exit")
def test_a_wait_exits_with_0_1_or_2(team: Team) -> None:
    assert {option.parameter: getattr(option, "default", None) for option in EVERY["wait",].options}["timeout"] == "30s"
    assert team.builder.thrum("wait", "--timeout", "10ms").code == 1
    team.says("Now")
    assert team.builder.thrum("wait", "--timeout", "10ms", "--after", "-30s").code == 0
    for wrong in (("--timeout", "soon"), ("--timeout", "-5s"), ("--scope", "x"), ("--bogus",), ("extra",)):
        assert team.builder.thrum("wait", *wrong).code == 2
    nobody = team.builder.at(team.builder.cwd.parent)
    assert nobody.thrum("wait", "--timeout", "10ms").code == 2


@requirement("wait:after")
def test_after_reaches_back_or_ahead(team: Team) -> None:
    message_id = team.says("Earlier")
    back = team.builder.json("wait", "--after", "-30s", "--timeout", "10ms")
    assert (back["status"], [message["message_id"] for message in back["messages"]]) == ("received", [message_id])
    ahead = team.builder.thrum("wait", "--after", "+60s", "--timeout", "10ms", "--json")
    assert (ahead.code, ahead.data["status"], ahead.data["messages"]) == (1, "timeout", [])
    assert team.builder.thrum("wait", "--timeout", "10ms").code == 1


@requirement("wait:scope", "wait:mention")
def test_a_wait_can_be_for_a_scope_or_a_mention(team: Team) -> None:
    team.planner.ok("send", "Look", "--to", "@implementer", "--scope", "module:auth")
    window = ("--after", "-30s", "--timeout", "10ms")
    assert team.builder.thrum("wait", "--scope", "module:auth", *window).code == 0
    assert team.builder.thrum("wait", "--scope", "module:ui", *window).code == 1
    assert team.builder.thrum("wait", "--mention", "@implementer", *window).code == 0
    assert team.builder.thrum("wait", "--mention", "@lead", *window).code == 1


def test_a_wait_marks_nothing(team: Team) -> None:
    team.says("Still unread")
    team.builder.ok("wait", "--after", "-30s")
    assert team.builder.json("inbox", "--unread")["total"] == 1
