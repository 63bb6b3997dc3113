"""Malformed input: no crash, only JSON-RPC comes out, and the next valid call works."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from .conftest import Team
from .talk import MODERN, Message, Server

VALID: list[Message] = [
    {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_agents", "arguments": {}}},
    {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "send_message", "arguments": {"to": "@x"}}},
    {"jsonrpc": "2.0", "id": 4, "method": "server/discover", "params": {"_meta": MODERN}},
    {"jsonrpc": "2.0", "id": 5, "method": "resources/read", "params": {"uri": "thrum://team"}},
    {"jsonrpc": "2.0", "id": 6, "method": "prompts/get", "params": {"name": "prime"}},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}},
    {"jsonrpc": "2.0", "id": 7, "result": {}},
]
ODD: list[Any] = [None, True, -1, 0, 10**400, 1.5, "", "\ud800", "\0", [], {}, [[]], {"": {}}, "notifications/x", "2.0"]
GRAMMAR = [
    b"",
    b"\0\0\0",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"{",
    b"[]",
    b"[" * 5_000,
    b'{"a":' * 5_000,
    b"null",
    b'"text"',
    b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":9,"method":"ping"}\r',
    b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"x","arguments":{"a":"\\ud800"}}}',
    b"Content-Length: 12",
]


def mutated(frame: Message, dice: random.Random) -> bytes:
    """Return the frame with an error: a value replaced, a key removed, a byte flipped, or the end missing."""
    copy: Message = json.loads(json.dumps(frame))
    target = dice.choice(objects_in(copy))
    key = dice.choice(list(target))
    if dice.random() < 0.5:
        target[key] = dice.choice(ODD)
    else:
        del target[key]
    line = bytearray(json.dumps(copy).encode())
    if dice.random() < 0.3:
        line[dice.randrange(len(line))] = dice.choice([b for b in range(256) if b != 10])
    return bytes(line[: dice.randrange(len(line) + 1)] if dice.random() < 0.2 else line)


def objects_in(value: Message) -> list[Message]:
    """Return an object and all objects in it that are not empty."""
    inner: list[Message] = [entry for entry in value.values() if isinstance(entry, dict) and entry]
    return [value, *(target for entry in inner for target in objects_in(entry))]


def frames(count: int, seed: int) -> list[bytes]:
    """Return malformed frames, the same ones for a seed."""
    dice = random.Random(seed)
    return [dice.choice(GRAMMAR) if dice.random() < 0.1 else mutated(dice.choice(VALID), dice) for _ in range(count)]


def survives(team: Team, count: int, batch: int = 50) -> None:
    """Send `count` malformed frames and assert that a valid call works after each batch."""
    sent = frames(count, seed=20260728)
    with Server(team.planner) as server:
        server.greet()
        for start in range(0, count, batch):
            for line in sent[start : start + batch]:
                server.send(line)
            number = f"check-{start}"
            params: Message = {"name": "list_groups", "arguments": {}}
            server.send({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
            while (answer := server.receive()).get("id") != number:
                assert "result" in answer or "error" in answer or "method" in answer
            assert answer["result"]["structuredContent"]["count"] >= 1
        assert server.end() == 0
    assert b"Traceback" not in server.errors


def test_a_thousand_malformed_frames_do_no_harm(team: Team) -> None:
    survives(team, 1_000)


@pytest.mark.nightly
def test_ten_thousand_malformed_frames_do_no_harm(team: Team) -> None:
    survives(team, 10_000)


def test_a_request_that_cannot_be_read_is_refused_and_not_left_waiting(planner: Server) -> None:
    planner.send(b'{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"\\ud800"}}')
    refusal = planner.receive()
    assert (refusal["id"], refusal["error"]["code"]) == (77, -32600)
    assert "half of a surrogate pair" in refusal["error"]["message"]


def test_a_client_that_does_not_read_standard_error_is_served_all_the_same(planner: Server) -> None:
    call: Message = {"name": "list_groups", "arguments": {}}
    for _ in range(1_000):  # each warns
        for _ in range(2):
            planner.send({"jsonrpc": "2.0", "id": "same", "method": "tools/call", "params": call})
        planner.receive()
    assert planner.result("ping") == {}


def test_a_second_request_with_an_id_in_progress_is_ignored(planner: Server) -> None:
    waiting = planner.begin("wait_for_message", timeout=2)
    call: Message = {"name": "list_agents", "arguments": {}}
    planner.send({"jsonrpc": "2.0", "id": waiting, "method": "tools/call", "params": call})
    assert planner.answer(waiting)["result"]["structuredContent"]["status"] == "timeout"
    planner.end()
    assert planner.unread == b""
