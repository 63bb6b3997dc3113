"""A message stays unread until the answer that carries it was written: reserve, answer, write the receipt."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from thrum_store.identity import Caller
from thrum_store.repository import paths
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.store import open_store

from .conftest import Team
from .talk import Server


def is_read(team: Team, message_id: str) -> bool:
    """Return True if builder has read the message, by the store."""
    with open_store(paths.find(str(team.builder))) as store:
        inbox = mailbox.inbox(store, Caller("builder"), ReadInbox())
    return next(message.is_read for message in inbox.messages if message.header.id == message_id)


def drop_reservations(team: Team) -> None:
    """Drop all reservations, as their time-out does within half a minute."""
    with open_store(paths.find(str(team.builder))) as store, store.committing():
        store.view.execute("DELETE FROM claims")


def killed_at(team: Team, step: str) -> list[dict[str, Any]]:
    """Return the messages in the answer of a server that is killed at `step` of a check."""
    with Server(team.builder, THRUM_TESTING="1", THRUM_FAILPOINT=f"{step}:kill:1") as server:
        server.greet()
        server.begin("check_messages")
        assert server.gone() == -signal.SIGKILL
    if not server.unread:
        return []
    messages: list[dict[str, Any]] = json.loads(server.unread)["result"]["structuredContent"]["messages"]
    return messages


@pytest.mark.parametrize(
    ("step", "answered"),
    [("check.reserved", False), ("mcp.reserved", False), ("mcp.answered", True), ("check.responded", True)],
)
def test_killed_before_the_receipt_the_message_comes_again(team: Team, step: str, answered: bool) -> None:
    message_id = team.send("Once or twice, never not at all")
    got = [message["message_id"] for message in killed_at(team, step)]
    assert got == ([message_id] if answered else [])
    assert not is_read(team, message_id)
    drop_reservations(team)
    with Server(team.builder) as server:
        server.greet()
        assert [message["message_id"] for message in server.call("check_messages")["messages"]] == [message_id]
    assert is_read(team, message_id)


def test_killed_after_the_receipt_the_message_is_read(team: Team) -> None:
    message_id = team.send("Exactly once")
    assert [message["message_id"] for message in killed_at(team, "append.durable")] == [message_id]
    assert is_read(team, message_id)


def test_a_receipt_is_written_though_the_client_leaves_at_once(team: Team) -> None:
    message_id = team.send("Read and run")
    with Server(team.builder) as server:
        server.greet()
        server.begin("check_messages")
        assert server.end() == 0
    assert message_id.encode() in server.unread
    assert is_read(team, message_id)


def test_an_answer_that_nobody_can_read_any_more_marks_nothing(team: Team) -> None:
    message_id = team.send("Into the void")
    with Server(team.builder) as server:
        server.greet()
        assert server.process.stdout
        server.process.stdout.close()
        server.begin("check_messages")
        assert server.end() == 0
    assert not is_read(team, message_id)
    with Server(team.builder) as server:
        server.greet()
        assert server.call("check_messages")["messages"][0]["message_id"] == message_id


def test_an_answer_that_the_client_leaves_in_the_pipe_marks_nothing(team: Team) -> None:
    message_id = team.send("x" * 200_000)
    with Server(team.builder) as server:
        server.greet()
        server.begin("check_messages")
        server.input.close()
        assert server.process.wait(30) == 0
    assert not server.unread.endswith(b"\n")
    assert not is_read(team, message_id)


def test_a_cancelled_wait_releases_the_message_it_may_have_reserved(team: Team, builder: Server) -> None:
    waiting = builder.begin("wait_for_message", timeout=60)
    builder.result("ping")
    builder.cancel(waiting)
    builder.result("ping")
    message_id = team.send("After the cancellation")
    assert builder.call("check_messages")["messages"][0]["message_id"] == message_id
    builder.end()
    assert f'"id":{waiting},'.encode() not in builder.unread


def test_two_pollers_of_one_agent_share_the_messages(team: Team, builder: Server) -> None:
    sent = [team.send(f"number {number}") for number in range(6)]
    with Server(team.builder) as other:
        other.greet()
        first = builder.begin("check_messages", limit=3)
        second = other.begin("check_messages", limit=3)
        answers = [builder.answer(first), other.answer(second)]
    checks = [answer["result"]["structuredContent"] for answer in answers]
    got = [message["message_id"] for check in checks for message in check["messages"]]
    assert sorted(got) == sorted(sent)


def test_a_message_that_another_call_is_receiving_is_counted_as_unread(team: Team, builder: Server) -> None:
    team.send("Reserved elsewhere")
    killed_at(team, "mcp.reserved")
    checked = builder.call("check_messages")
    assert (checked["status"], checked["remaining"]) == ("empty", 1)
    assert "1 unread" in checked["next"]


def test_a_page_says_how_many_are_left(team: Team, builder: Server) -> None:
    for number in range(3):
        team.send(f"number {number}")
    first = builder.call("check_messages", limit=2)
    assert ([message["content"] for message in first["messages"]], first["remaining"]) == (["number 0", "number 1"], 1)
    waited = builder.call("wait_for_message", timeout=5)
    assert (waited["message"]["content"], waited["remaining"]) == ("number 2", 0)


def test_a_signal_in_the_middle_of_a_wait_loses_nothing(team: Team) -> None:
    with Server(team.builder) as server:
        server.greet()
        server.begin("wait_for_message", timeout=60)
        server.result("ping")
        os.kill(server.process.pid, signal.SIGTERM)
        assert server.gone() == 0
    message_id = team.send("Later")
    assert not is_read(team, message_id)


def bells(root: Path) -> list[str]:
    """Return the bells that hang in the store."""
    return os.listdir(paths.find(str(root)).bells)


def test_an_ended_wait_leaves_no_bell(team: Team, builder: Server) -> None:
    builder.call("wait_for_message", timeout=1)
    assert bells(team.builder) == []
