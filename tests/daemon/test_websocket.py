"""The WebSocket accepts only clients with the token, our Host and our Origin."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.daemon.conftest import DEADLINE, Answer, Daemon, free_port, send
from thrum_mcp.daemon.process import control, file_names
from thrum_mcp.daemon.process.errors import DaemonFailed
from thrum_store import setup
from thrum_store.machine.host import REAL
from thrum_store.repository import paths

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")


def raw(
    port: int, lines: tuple[str, ...], request: str = "GET / HTTP/1.1", address: str = "127.0.0.1"
) -> socket.socket:
    """Return a connection that has sent exactly this request."""
    opened = socket.create_connection((address, port), DEADLINE)
    opened.sendall("\r\n".join((request, *lines, "", "")).encode("latin-1"))
    return opened


def status(opened: socket.socket) -> int:
    """Return the status of the response; 0 if there is none."""
    with opened.makefile("rb") as file:
        first = file.readline().split()
    return int(first[1]) if len(first) > 1 else 0


def frame(payload: bytes, first: int = 0x81) -> bytes:
    """Return a masked text frame of up to 64 KiB, with a mask of zero."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([first]) + length + b"\0\0\0\0" + payload


def calls(opened: socket.socket, *payloads: bytes) -> bytes:
    """Return the answers of an upgraded connection to these frames, up to its end or the first result."""
    for payload in payloads:
        opened.sendall(frame(payload))
    received = b""
    while b'"uptime_ms"' not in received:
        try:
            part = opened.recv(65536)
        except ConnectionError:
            break
        if not part:
            break
        received += part
    return received


HEALTH = b'{"jsonrpc":"2.0","id":2,"method":"health"}'


class Row(NamedTuple):
    """An attempt to connect: the token in the first message, and the subprotocols of the handshake."""

    hosts: tuple[str, ...]
    origins: tuple[str, ...] = ()
    proof: str | None = None
    protocols: str | None = None


def gets_in(port: int, row: Row) -> bool:
    """Return whether a call is answered."""
    offered = (f"Sec-WebSocket-Protocol: {row.protocols}",) if row.protocols is not None else ()
    headers = (*(f"Host: {host}" for host in row.hosts), *(f"Origin: {origin}" for origin in row.origins))
    with raw(port, (*headers, *offered, *UPGRADE)) as opened:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            try:
                byte = opened.recv(1)
            except ConnectionError:
                return False
            if not byte:
                return False
            head += byte
        if b" 101 " not in head.split(b"\r\n")[0]:
            return False
        first = () if row.proof is None else (auth(row.proof),)
        try:
            return b'"uptime_ms"' in calls(opened, *first, HEALTH)
        except ConnectionError:
            return False


def auth(token: str) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "auth", "params": {"token": token}}).encode()


def good_rows(port: int, token: str) -> list[Row]:
    names = ("localhost", "127.0.0.1", "[::1]")
    origins: list[tuple[str, ...]] = [(), *((f"http://{name}:{port}",) for name in names)]
    by_message = [Row((f"{name}:{port}",), origin, token) for name in names for origin in origins]
    by_protocol = [row._replace(proof=None, protocols=f"thrum, thrum.token.{token}") for row in by_message]
    return by_message + by_protocol


def bad_hosts(port: int) -> list[tuple[str, ...]]:
    texts = [
        "", "localhost", "127.0.0.1", "::1", "[::1]", f"localhost:{port + 1}", "localhost:80", f"localhost:{port}.",
        f"localhost.:{port}", f"LOCALHOST:{port}", f"localhost.evil.example:{port}", f"evil.example:{port}",
        f"evil.example@localhost:{port}", f"localhost:{port}@evil.example", f"localhost:0{port}", f"::1:{port}",
        f"0.0.0.0:{port}", f"127.0.0.2:{port}", f"127.1:{port}", f"2130706433:{port}", f"0x7f.1:{port}",
        f"[::ffff:127.0.0.1]:{port}", f"[0:0:0:0:0:0:0:1]:{port}", f"localhost:{port},localhost:{port}",
        f"localhost:{port}/", f"http://localhost:{port}", f"localhost\t:{port}", f"l\u00f6calhost:{port}", "null",
    ]  # fmt: skip
    return [(), *((text,) for text in texts), (f"localhost:{port}", f"localhost:{port}"), (f"localhost:{port}", "evil")]


def bad_origins(port: int) -> list[tuple[str, ...]]:
    good = f"http://localhost:{port}"
    texts = [
        "", "null", "file://", "file:///etc/passwd", "chrome-extension://abcdefgh", "moz-extension://x", "about:blank",
        "http://localhost", "http://localhost:80", f"http://localhost:{port + 1}", f"https://localhost:{port}",
        f"ws://localhost:{port}", f"HTTP://localhost:{port}", f"http://LOCALHOST:{port}", f"http://localhost.:{port}",
        f"http://localhost:{port}.", f"{good}/", f"{good}/x", f"http://localhost:0{port}", f"http://localhost:{port}0",
        f"http://localhost.evil.example:{port}", f"http://evil.example:{port}", "http://evil.example",
        f"http://localhost:{port}@evil.example", f"http://evil.example@localhost:{port}", f"http://evil.example#{good}",
        f"http://127.0.0.2:{port}", f"http://127.1:{port}", f"http://2130706433:{port}", f"http://0.0.0.0:{port}",
        f"http://[::ffff:127.0.0.1]:{port}", f"http://::1:{port}", f"localhost:{port}", f"//localhost:{port}",
        f"{good} http://evil.example", f"{good}, {good}", f"{good}\thttp://evil.example", "*", "http://", "undefined",
    ]  # fmt: skip
    return [*((text,) for text in texts), (good, good), (good, "http://evil.example"), ("http://evil.example", good)]


def bad_proofs(token: str) -> list[tuple[str | None, str | None]]:
    """(first message, protocols)"""
    wrong = ["", token[:-1], f"{token}0", token.upper() if token.upper() != token else "x", "0" * 64, f" {token}", "ü"]
    messages: list[tuple[str | None, str | None]] = [(None, None), *((text, None) for text in wrong)]
    protocols = [
        "thrum", "thrum.token.", f"thrum, thrum.token.{token[:-1]}", f"thrum, thrum.token.{'0' * 64}", token,
        f"thrum, thrum.token.{token}, thrum.token.{token}", f"thrum, thrum.token.{token}, thrum.token.x",
        f"thrum, THRUM.TOKEN.{token}", f"thrum, token.{token}",
    ]  # fmt: skip
    return messages + [(None, text) for text in protocols]


def test_the_matrix_of_hosts_origins_and_tokens_lets_nobody_in_wrongly(daemon: Daemon) -> None:
    port, token = daemon.port(), daemon.token()
    host = (f"localhost:{port}",)
    good = good_rows(port, token)
    bad = [Row(hosts, proof=token) for hosts in bad_hosts(port)]
    bad += [Row(hosts, (f"http://localhost:{port}",), token) for hosts in bad_hosts(port)[:12]]
    bad += [Row(host, origins, token) for origins in bad_origins(port)]
    bad += [Row(host, (), proof, protocols) for proof, protocols in bad_proofs(token)]
    assert len(good) + len(bad) >= 120
    assert [row for row in good if not gets_in(port, row)] == []
    assert [row for row in bad if gets_in(port, row)] == []


@contextmanager
def opened(daemon: Daemon) -> Generator[ClientConnection]:
    """Return an authenticated client."""
    with connect(f"ws://localhost:{daemon.port()}/", open_timeout=DEADLINE, compression=None) as client:
        client.send(auth(daemon.token()).decode())
        assert json.loads(client.recv(DEADLINE))["result"] == {"status": "ok"}
        yield client


def ask(client: ClientConnection, method: str, **params: object) -> Answer:
    client.send(json.dumps({"jsonrpc": "2.0", "id": "asked", "method": method, "params": params}))
    while True:
        message = json.loads(client.recv(DEADLINE))
        answer: Answer = {} if isinstance(message, list) else message
        if answer.get("id") == "asked":
            return answer


def test_a_client_sends_and_is_told(daemon: Daemon) -> None:
    with opened(daemon) as client:
        assert "result" in ask(client, "subscribe", all=True, caller_agent_id="alice")
        message = send(daemon.paths, "hello", "@alice")
        notification = json.loads(client.recv(DEADLINE))
        assert (notification["method"], notification["params"]["message_id"]) == ("notification.message", message)
        assert ask(client, "message.get", message_id=message)["result"]["message"]["body"]["content"] == "hello"


def test_the_token_as_a_subprotocol_is_never_sent_back(daemon: Daemon) -> None:
    offered = [Subprotocol("thrum"), Subprotocol(f"thrum.token.{daemon.token()}")]
    with connect(f"ws://localhost:{daemon.port()}/", subprotocols=offered) as client:
        assert client.subprotocol == "thrum"
        assert "result" in ask(client, "health")


def test_who_says_nothing_is_shut_out_after_two_seconds(daemon: Daemon) -> None:
    with connect(f"ws://localhost:{daemon.port()}/") as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(DEADLINE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


def test_the_first_message_is_the_token_or_the_last(daemon: Daemon) -> None:
    for first in ("{}", "[]", "x", '{"jsonrpc":"2.0","id":1,"method":"health"}', '{"method":"auth"}'):
        with connect(f"ws://localhost:{daemon.port()}/") as client:
            client.send(first)
            messages: list[str | bytes] = []
            with pytest.raises(ConnectionClosed):
                while True:
                    messages.append(client.recv(DEADLINE))
            assert [message for message in messages if "uptime_ms" in str(message)] == []


@pytest.mark.parametrize(
    ("first", "problem"),
    [
        ('{"jsonrpc":"2.0","id":7,"method":"health"}', "show the token first"),
        ('{"jsonrpc":"2.0","id":7,"method":"message.send","params":{"content":"x"}}', "show the token first"),
        ('{"jsonrpc":"2.0","id":7,"method":"auth","params":{"token":"guessed"}}', "wrong token"),
        ('{"jsonrpc":"2.0","id":7,"method":"auth"}', "wrong token"),
    ],
)
def test_a_client_without_the_token_reads_where_it_lies(daemon: Daemon, first: str, problem: str) -> None:
    place = file_names.token_file(daemon.paths)
    with connect(f"ws://localhost:{daemon.port()}/") as client:
        client.send(first)
        error = json.loads(client.recv(DEADLINE))["error"]
        assert (error["message"], error["data"]["code"]) == (problem, "refused")
        assert place in error["data"]["hint"] and '"auth"' in error["data"]["hint"]
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(DEADLINE)
    assert closed.value.rcvd is not None and "ws.token" in closed.value.rcvd.reason
    assert daemon.token() not in str(error)
    with connect(f"ws://localhost:{daemon.port()}/") as client:
        client.send(auth(Path(place).read_text(encoding="ascii").strip()).decode())
        assert json.loads(client.recv(DEADLINE))["result"] == {"status": "ok"}


def test_a_wrong_token_in_the_handshake_reads_where_the_right_one_lies_and_a_page_of_the_web_does_not(
    daemon: Daemon,
) -> None:
    port, offered = daemon.port(), [Subprotocol("thrum"), Subprotocol("thrum.token.guessed")]
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://localhost:{port}/", subprotocols=offered):
        pass
    assert file_names.token_file(daemon.paths).encode() in (refused.value.response.body or b"")
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://localhost:{port}/", subprotocols=offered, additional_headers={"Origin": "https://evil.example"}),
    ):
        pass
    assert b"ws.token" not in (refused.value.response.body or b"")


def test_plain_http_has_no_effect_and_says_nothing(daemon: Daemon) -> None:
    port = daemon.port()
    host = f"Host: localhost:{port}"
    for request, expected in (
        ("GET /health HTTP/1.1", 200),
        ("GET / HTTP/1.1", 426),
        ("GET /ws HTTP/1.1", 426),
        (f"GET /?token={daemon.token()} HTTP/1.1", 426),
        ("POST / HTTP/1.1", 405),
        ("OPTIONS / HTTP/1.1", 405),
        ("HEAD /health HTTP/1.1", 405),
        ("GET /health HTTP/1.0", 505),
    ):
        with raw(port, (host,), request) as opened_socket:
            assert (request, status(opened_socket)) == (request, expected)
    with raw(port, (host, "Origin: http://evil.example"), "GET /health HTTP/1.1") as opened_socket:
        assert status(opened_socket) == 403


def test_no_header_invites_other_origins(daemon: Daemon) -> None:
    with raw(daemon.port(), (f"Host: localhost:{daemon.port()}",), "GET /health HTTP/1.1") as opened_socket:
        text = b"".join(iter(lambda: opened_socket.recv(65536), b"")).decode("ascii").lower()
    assert "access-control" not in text
    assert "cross-origin-resource-policy: same-origin" in text
    assert "x-frame-options: deny" in text
    assert text.endswith('{"status":"ok"}\n')


def test_it_listens_on_loopback_alone(daemon: Daemon) -> None:
    port = daemon.port()
    with raw(port, (f"Host: [::1]:{port}",), "GET /health HTTP/1.1", "::1") as opened_socket:
        assert status(opened_socket) == 200
    lines = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    places_of = [fields[1] for fields in map(str.split, lines) if fields[3] == "0A"]  # those that listen
    bound = {place.partition(":")[0] for place in places_of if place.endswith(f":{port:04X}")}
    assert bound == {"0100007F", "00000000000000000000000001000000"}


def test_a_taken_port_is_passed_over(quiet: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("THRUM_WS_PORT", str(port))
        assert (quiet.start().ws_port or 0) > port
        assert quiet.port() > port


def test_a_port_taken_on_ipv6_alone_is_passed_over_too(quiet: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("THRUM_WS_PORT", str(port))
        assert (quiet.start().ws_port or 0) > port


def test_two_repositories_have_two_ports(daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = daemon.port()
    monkeypatch.setenv("THRUM_WS_PORT", str(port))
    subprocess.run(["git", "init", "-q", str(tmp_path / "second")], check=True)
    second = paths.find(str(tmp_path / "second"))
    setup.initialize(second, setup.Initialize())
    try:
        assert control.start(second, REAL).ws_port != port
    finally:
        control.stop(second, REAL)


def test_the_token_is_for_its_owner_alone_and_made_once(daemon: Daemon) -> None:
    path = Path(file_names.token_file(daemon.paths))
    assert path.stat().st_mode & 0o777 == 0o600
    before = daemon.token()
    assert len(before) == 64
    control.stop(daemon.paths, REAL)
    daemon.start()
    assert daemon.token() == before
    control.stop(daemon.paths, REAL)
    os.chmod(path, 0o644)
    daemon.start()
    assert daemon.token() != before
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_token_is_in_no_log(daemon: Daemon) -> None:
    with opened(daemon) as client:
        ask(client, "health")
    offered = [Subprotocol("thrum"), Subprotocol(f"thrum.token.{daemon.token()}")]
    with connect(f"ws://localhost:{daemon.port()}/?token={daemon.token()}", subprotocols=offered) as client:
        ask(client, "health")
    assert daemon.token() not in Path(file_names.log_file(daemon.paths)).read_text(encoding="utf-8")


def test_a_wish_for_a_port_that_is_none_is_refused(quiet: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("0", "65536", "x", "-1", "٣"):
        monkeypatch.setenv("THRUM_WS_PORT", text)
        with pytest.raises(DaemonFailed, match="THRUM_WS_PORT"):
            quiet.start()
    wished = free_port()
    monkeypatch.setenv("THRUM_WS_PORT", str(wished))
    assert quiet.start().ws_port == wished


def test_without_a_port_the_socket_serves_and_the_websocket_comes_later(
    quiet: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = 65535
    with socket.create_server(("127.0.0.1", last)):
        monkeypatch.setenv("THRUM_WS_PORT", str(last))
        assert quiet.start().ws_port is None
        with quiet.wire() as wire:
            health = wire.result("health")
        parts = {part["name"]: part for part in health["parts"]}
        assert health["status"] == "degraded"
        assert (parts["websocket"]["state"], parts["socket"]["state"]) == ("restarting", "running")
        assert "no port" in parts["websocket"]["last_error"]
    with quiet.wire() as wire:
        while wire.result("health")["ws_port"] is None:
            continue
    with opened(quiet) as client:
        assert ask(client, "health")["result"]["status"] == "ok"
