"""The tool wait_for_message: how long it waits, its progress, and how it ends."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from .conftest import Team
from .talk import Server


def test_a_wait_without_a_message_is_a_normal_result_that_says_call_again(builder: Server) -> None:
    result = builder.answer(builder.begin("wait_for_message", timeout=1))["result"]
    waited = result["structuredContent"]
    assert (waited["status"], waited["waited_seconds"], waited["remaining"]) == ("timeout", 1, 0)
    assert "Call wait_for_message again" in result["content"][0]["text"]
    assert not result["isError"]


def test_the_configuration_caps_a_wait(team: Team) -> None:
    with Server(team.builder, THRUM_WAIT_MAX="1") as server:
        server.greet()
        assert server.call("wait_for_message", timeout=600)["waited_seconds"] == 1


def test_an_unread_message_ends_a_wait_at_once(team: Team, builder: Server) -> None:
    team.send("Already there")
    waited = builder.call("wait_for_message", timeout=60)
    assert (waited["message"]["content"], waited["waited_seconds"]) == ("Already there", 0)


def test_a_wait_shows_signs_of_life_and_pings_are_answered_meanwhile(builder: Server) -> None:
    waiting = builder.begin("wait_for_message", {"progressToken": "w"}, timeout=11)
    assert builder.result("ping") == {}
    seen: list[dict[str, Any]] = []
    builder.answer(waiting, seen)
    (progress,) = [message["params"] for message in seen if message.get("method") == "notifications/progress"]
    assert (progress["progressToken"], progress["progress"], progress["total"]) == ("w", 10, 11)


def test_several_waits_of_one_server_share_what_comes(team: Team, builder: Server) -> None:
    waits = [builder.begin("wait_for_message", timeout=20) for _ in range(3)]
    builder.result("ping")
    sent = {team.send(f"number {number}") for number in range(3)}
    seen: list[dict[str, Any]] = []
    while len(seen) < len(waits):
        seen.append(builder.receive())
    assert {answer["result"]["structuredContent"]["message"]["message_id"] for answer in seen} == sent


def test_a_seventeenth_wait_at_once_is_refused_and_the_others_go_on(team: Team, builder: Server) -> None:
    waits = [builder.begin("wait_for_message", timeout=60) for _ in range(16)]
    builder.result("ping")
    refused = builder.answer(builder.begin("wait_for_message", timeout=60))["result"]
    assert refused["isError"]
    assert refused["content"][0]["text"].startswith("16 waits of this client are in progress.")
    for waiting in waits:
        builder.cancel(waiting)
    builder.result("ping")  # after the cancellations, which are worked on in order
    team.send("Room again")
    assert builder.call("wait_for_message", timeout=5)["status"] == "message_received"


def test_ones_own_message_does_not_end_a_wait(builder: Server) -> None:
    waiting = builder.begin("wait_for_message", timeout=2)
    builder.call("broadcast_message", content="From myself")
    assert builder.answer(waiting)["result"]["structuredContent"]["status"] == "timeout"


def test_a_cancellation_of_a_finished_request_is_ignored(team: Team, builder: Server) -> None:
    done = builder.begin("check_messages")
    builder.answer(done)
    builder.cancel(done)
    team.send("Still listening?")
    assert builder.call("wait_for_message", timeout=5)["status"] == "message_received"


def test_the_end_of_input_ends_a_wait_at_once(builder: Server) -> None:
    builder.begin("wait_for_message", timeout=600)
    builder.result("ping")
    assert builder.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_wait_at_once(builder: Server, number: int) -> None:
    builder.begin("wait_for_message", timeout=600)
    builder.call("list_groups")
    os.kill(builder.process.pid, number)
    assert builder.gone() == 0
