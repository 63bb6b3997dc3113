"""Malformed input on either socket: no crash, no traceback, and the next valid call works."""

from __future__ import annotations

import json
import os
import random
import socket
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.daemon.conftest import DEADLINE, Daemon, Wire
from tests.daemon.test_websocket import UPGRADE, ask, auth, frame, opened, raw
from thrum_mcp.daemon.process import file_names
from thrum_mcp.daemon.rpc.methods import METHODS

EVERYDAY, NIGHTLY = 250, 10_000
COUNTS = [EVERYDAY, pytest.param(NIGHTLY, marks=[pytest.mark.nightly, pytest.mark.timeout(1800)])]

VALUES: list[object] = [
    None, True, -1, 0, 2**63, 1e308, "", "x", "\0", "ü€😀", "../../etc/passwd", "-rf", "@", "@@", "a" * 70_000,
    [], [[]], {}, {"type": "a"}, {"type": "module", "value": "auth"}, ["@alice"], ["@nobody"], [None], "msg_x",
    "msg_01M84NYQNDRBMZPM43NYXTNJP5", "ses_x", "\u202e", "\ud7ff", "1:2:3", "alice", "everyone", "\n", "'; DROP TABLE",
]  # fmt: skip
ODD_LINES = [
    b"", b" ", b"\r", b"\0", b"null", b"true", b"1", b'""', b"[]", b"{}", b"[[]]", b"[null]", b"{", b"}", b'{"a":',
    b"\xff\xfe", b'"\\ud800"', b'{"jsonrpc":"2.0"}', b'{"jsonrpc":"1.0","method":"health","id":1}', b"[" * 2000,
    b'{"a":' * 2000, b"[" * 2000 + b"]" * 2000, b"NaN", b"Infinity", b"1e999", b"-",
    b'{"jsonrpc":"2.0","method":1,"id":1}',
    b'{"jsonrpc":"2.0","method":"health","id":{}}', b'{"jsonrpc":"2.0","method":"health","id":[1]}',
    b'{"jsonrpc":"2.0","method":"health","params":[1],"id":1}', b'{"jsonrpc":"2.0","method":"health","params":"x"}',
    b'{"jsonrpc":"2.0","method":"","id":1}', b'{"jsonrpc":"2.0","method":"__class__","id":1}', b"GET / HTTP/1.1",
    b'{"jsonrpc":"2.0","method":"health","method":"nope","id":1}', b'[{"jsonrpc":"2.0","method":"health","id":1},1]',
    b"9" * 5000, b'{"jsonrpc":"2.0","method":"' + b"m" * 5000 + b'","id":1}', b"\x16\x03\x01\x02\x00", b"[1,2,3]",
]  # fmt: skip


def valid(chance: random.Random) -> dict[str, object]:
    """Return a call of a real method with mostly wrong parameters."""
    method = chance.choice(list(METHODS))
    names = [*(each.name for each in METHODS[method].parameters.listed), "caller_agent_id", "bogus"]
    params = {name: chance.choice(VALUES) for name in chance.sample(names, chance.randint(0, len(names)))}
    if chance.random() < 0.5:
        params["caller_agent_id"] = chance.choice(["alice", "bob"])
    return {"jsonrpc": "2.0", "id": chance.choice([1, "x", None, 1.5]), "method": method, "params": params}


def mutated(chance: random.Random) -> bytes:
    """Return a frame without newlines: odd, with strange parameters, or with damaged bytes."""
    kind = chance.random()
    if kind < 0.3:
        data = chance.choice(ODD_LINES)
    elif kind < 0.6:
        data = json.dumps(valid(chance)).encode("utf-8", "surrogatepass")
    elif kind < 0.7:
        data = json.dumps([valid(chance) for _ in range(chance.choice([0, 1, 3, 65]))]).encode()
    else:
        damaged = bytearray(json.dumps(valid(chance)).encode())
        for _ in range(chance.randint(1, 5)):
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.choice([0, 1, 1, 9])] = bytes([chance.randrange(256)]) * chance.choice(
                [0, 1, 2]
            )
        data = bytes(damaged)
    return data.replace(b"\n", b"")


def check(daemon: Daemon) -> None:
    """Assert that the daemon still serves and logged no unexpected error."""
    with daemon.wire() as wire:
        health = wire.result("health")
        assert (health["status"], [part["failures"] for part in health["parts"]]) == ("ok", [0] * len(health["parts"]))
        for name, role in (("alice", "planner"), ("bob", "reviewer")):  # the noise may have deleted them
            wire.result("agent.register", name=name, role=role, module="auth")
        sent = wire.result("message.send", content="still here", mentions=["@alice"], caller_agent_id="bob")
        assert sent["resolved_to"] == 1
    log = Path(file_names.log_file(daemon.paths)).read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert " ERROR " not in log


@pytest.mark.parametrize("count", COUNTS)
def test_malformed_lines_on_the_socket(daemon: Daemon, count: int) -> None:
    chance = random.Random(3)
    wire = daemon.wire()
    try:
        for number in range(count):
            wire.send(mutated(chance) + b"\n")
            assert "result" in wire.ask("health", caller_agent_id="alice"), number
    finally:
        wire.close()
    check(daemon)


@pytest.mark.parametrize("count", COUNTS)
def test_malformed_messages_on_the_websocket(daemon: Daemon, count: int) -> None:
    chance = random.Random(4)
    with opened(daemon) as client:
        for _ in range(count):
            data = mutated(chance)
            client.send(data if chance.random() < 0.5 else data.decode("utf-8", "replace"))
            assert "uptime_ms" in ask(client, "health")["result"]
    check(daemon)


@pytest.mark.parametrize("count", [EVERYDAY, pytest.param(NIGHTLY, marks=pytest.mark.nightly)])
def test_bytes_that_are_no_frames_on_the_websocket(daemon: Daemon, count: int) -> None:
    """Each on a connection of its own, before and after the handshake: a close frame, or the end of the connection."""
    chance = random.Random(5)
    port, token = daemon.port(), daemon.token()
    headers = (f"Host: localhost:{port}", f"Sec-WebSocket-Protocol: thrum, thrum.token.{token}", *UPGRADE)
    for number in range(count):
        noise = chance.randbytes(chance.randint(1, 300))
        kind = number % 4
        if kind == 0:
            connection = socket.create_connection(("127.0.0.1", port), DEADLINE)
        else:
            connection = raw(port, headers)
            noise = (noise, bytes([0x80 | chance.randrange(16)]) + noise, frame(noise, chance.randrange(256)))[kind - 1]
        with connection:
            connection.sendall(noise)
            connection.shutdown(socket.SHUT_WR)
            try:
                while connection.recv(65536):
                    pass
            except ConnectionError:
                continue
    with opened(daemon) as client:
        assert "result" in ask(client, "health")
    check(daemon)


def test_bytes_without_an_end_close_the_connection_and_no_other(daemon: Daemon, wire: Wire) -> None:
    with daemon.wire() as endless, pytest.raises((BrokenPipeError, ConnectionResetError)):
        while True:
            endless.send(b"a" * 65536)
    assert wire.result("health")["status"] == "ok"


def test_a_frame_of_a_mebibyte_fits_and_more_is_refused(daemon: Daemon) -> None:
    limit = 1024 * 1024
    start = b'{"jsonrpc":"2.0","id":1,"method":"health","params":{},"pad":"'
    whole = start + b"x" * (limit - len(start) - 2) + b'"}'
    with daemon.wire() as wire:
        wire.send(whole + b"\n")
        assert "result" in wire.line()
        wire.send(whole + b" \n")
        assert wire.line()["error"]["data"]["code"] == "too_long"
        assert wire.line() is None
    with connect(f"ws://localhost:{daemon.port()}/", compression=None) as client:
        client.send(auth(daemon.token()).decode())
        client.recv(DEADLINE)
        client.send(whole.decode())
        assert "result" in json.loads(client.recv(DEADLINE))
        client.send(whole.decode() + " ")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(DEADLINE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_many_lines_at_once_are_answered_in_order(wire: Wire) -> None:
    lines = [json.dumps({"jsonrpc": "2.0", "id": number, "method": "health"}) for number in range(200)]
    wire.send("\n".join([*lines, ""]).encode())
    assert [wire.line()["id"] for _ in range(200)] == list(range(200))


def test_a_client_that_leaves_in_the_middle_of_a_call_hurts_nobody(daemon: Daemon, wire: Wire) -> None:
    for _ in range(50):
        with daemon.wire() as leaving:
            leaving.send(
                b'{"jsonrpc":"2.0","id":1,"method":"message.list","params":{"caller_agent_id":"alice"}}\n{"json'
            )
    assert wire.result("message.list", caller_agent_id="alice")["total"] == 0
    assert " ERROR " not in Path(file_names.log_file(daemon.paths)).read_text(encoding="utf-8")


def test_more_connections_than_there_are_places_are_turned_away(daemon: Daemon) -> None:
    held: list[socket.socket] = []
    try:
        turned_away = 0
        for _ in range(600):
            client = socket.socket(socket.AF_UNIX)
            held.append(client)
            client.connect(file_names.usual_socket(daemon.paths))
            client.settimeout(DEADLINE)
        for client in held:
            try:
                client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"health"}\n')
                turned_away += not client.recv(1)
            except ConnectionError:
                turned_away += 1
        assert turned_away == 600 - 512
    finally:
        for client in held:
            client.close()
    with daemon.wire() as wire:
        assert "result" in wire.ask("health")
    assert len(os.listdir(f"/proc/{wire_pid(daemon)}/fd")) < 100


def wire_pid(daemon: Daemon) -> int:
    """Return the daemon's pid, asked over a connection."""
    with daemon.wire() as wire:
        return int(wire.result("health")["pid"])
