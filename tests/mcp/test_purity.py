"""Standard output carries only JSON-RPC, whatever the process, its libraries or its children print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Team
from .talk import CLIENT, THRUM, Message, Server

# Makes noise in every way, from inside of the server, each time it lists the groups and while it loads.
NOISE = """
import logging, os, subprocess, sys, warnings

def noise():
    print("PRINTED")
    sys.stdout.flush()
    sys.__stdout__.write("WRITTEN\\n")
    sys.__stdout__.flush()
    os.write(1, b"BY DESCRIPTOR\\n")
    os.system("echo BY A SHELL")
    subprocess.run(["echo", "BY A CHILD"])
    subprocess.run([sys.executable, "-c", "import sys; assert sys.stdin.read() == ''"], check=True)
    warnings.warn("A WARNING")
    logging.getLogger("noise").error("AN ERROR")

def hook(event, arguments):
    if event == "import" and arguments[0] == "thrum_mcp.server":
        noise()
        from thrum_store.service.team import groups
        quiet = groups.list_groups
        def loud(store):
            noise()
            return quiet(store)
        groups.list_groups = loud

sys.addaudithook(hook)
from thrum_cli.main import run
run()
"""


def test_printed_text_never_gets_into_the_protocol(team: Team) -> None:
    with Server(team.planner, command=[sys.executable, "-c", NOISE, "mcp", "serve"]) as server:
        server.greet()
        assert server.call("list_groups")["count"] == 1
        assert server.call("list_groups")["count"] == 1
        assert server.end() == 0
    assert server.unread == b""
    for noise in (b"PRINTED", b"WRITTEN", b"BY DESCRIPTOR", b"BY A SHELL", b"BY A CHILD", b"A WARNING", b"AN ERROR"):
        assert noise in server.errors


@pytest.mark.parametrize("redirection", ["2>&-", "<&- 2>&-", ">&- 2>&-"])
def test_it_starts_and_ends_with_descriptors_missing(team: Team, redirection: str) -> None:
    command = f'exec "$@" {redirection}'
    ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
    ran = subprocess.run(
        ["/bin/sh", "-c", command, "sh", *THRUM, "mcp", "serve"],
        cwd=team.planner,
        input=ping,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in ran.stdout.splitlines())


def test_it_serves_from_a_file_into_a_file(team: Team, tmp_path: Path) -> None:
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT}
    requests: list[Message] = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_agents", "arguments": {}}},
    ]
    script = tmp_path / "requests"
    script.write_text("\n".join(map(json.dumps, requests)), encoding="utf-8")  # no newline at the end
    with script.open("rb") as source, (tmp_path / "answers").open("wb") as target:
        ran = subprocess.run(
            [*THRUM, "mcp", "serve"], cwd=team.planner, stdin=source, stdout=target, timeout=60, check=False
        )
    assert ran.returncode == 0
    answers = [json.loads(line) for line in (tmp_path / "answers").read_text(encoding="utf-8").splitlines()]
    assert {answer["id"] for answer in answers} == {1, 2}
    assert answers[-1]["result"]["structuredContent"]["count"] == 2


def test_a_terminal_is_left_as_it_was(team: Team) -> None:
    master, terminal = os.openpty()
    process = subprocess.Popen(
        [*THRUM, "mcp", "serve"], cwd=team.planner, stdin=terminal, stdout=terminal, stderr=subprocess.DEVNULL
    )
    os.write(master, b'{"jsonrpc":"2.0","id":1,"method":"tools/unheard-of"}\n')
    output = b""
    while b'"error"' not in output:
        output += os.read(master, 65536)
    os.write(master, b"\x04")  # end of input, as a person types it
    assert process.wait(30) == 0
    assert os.get_blocking(terminal)
    os.close(master)
    os.close(terminal)
