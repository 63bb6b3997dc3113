"""The MCP server from outside: its start, its answers, its memory; floor: the interpreter, and a bare echo."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .measuring import Row, percentile, repository, shown, times

_STARTS = 7
_CALLS = 200
_TALKS = 100
_ASLEEP = 0.05  # seconds until a wait sleeps
_SERVE = [sys.executable, "-P", "-m", "thrum_cli.main", "mcp", "serve"]
_ECHO = [
    sys.executable,
    "-c",
    "import sys\nfor line in sys.stdin.buffer:\n sys.stdout.buffer.write(line)\n sys.stdout.flush()",
]
_HELLO = {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "0"},
}  # fmt: skip


class _Client:
    """A client that knows nothing but lines of JSON."""

    def __init__(self, command: list[str], place: str) -> None:
        self.start = time.perf_counter()
        self._child = subprocess.Popen(command, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._child.pid

    def ask(self, method: str, **params: Any) -> float:
        """Milliseconds since the start when the answer is there."""
        self.tell(method, **params)
        assert self.next_line()
        return (time.perf_counter() - self.start) * 1000

    def tell(self, method: str, **params: Any) -> None:
        """Send a request, without waiting for the answer."""
        assert self._child.stdin is not None
        frame = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self._child.stdin.write(json.dumps(frame).encode() + b"\n")
        self._child.stdin.flush()

    def next_line(self) -> str:
        """The next line of the server."""
        assert self._child.stdout is not None
        return self._child.stdout.readline().decode()

    def end(self) -> None:
        """End it as a client does."""
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.close()
        self._child.wait()
        self._child.stdout.close()


def measure() -> Iterator[Row]:
    """The rows of this page."""
    with repository() as (paths, _):
        first: list[float] = []
        listed: list[float] = []
        called: list[float] = []
        for _ in range(_STARTS):
            client = _Client(_SERVE, paths.root)
            first.append(client.ask("initialize", **_HELLO))
            listed.append(client.ask("tools/list"))
            called.append(client.ask("tools/call", name="list_groups", arguments={}))
            client.end()
        bare = times(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), _STARTS)
        floor = f"{shown(bare)} python -c pass"
        for name, taken, promise in (
            ("MCP server, first answer", first, "≤ 0.3 s"),
            ("MCP server, tools/list", listed, "≤ 0.3 s"),
            ("MCP server, first tool call", called, "≤ 1.5 s"),
        ):
            taken.sort()
            yield Row(name, shown(taken), floor, percentile(taken, 50) / percentile(bare, 50), promise)
        yield from _round_trip(paths.root)
        yield _conversation(paths.root)


def _conversation(place: str) -> Row:
    """One client's send until the other's blocked wait is answered."""
    sender, reader = (_Client([*_SERVE, "--agent-id", name], place) for name in ("a0", "a1"))
    for client in (sender, reader):
        client.ask("initialize", **_HELLO)
        client.ask("tools/call", name="check_messages", arguments={})
    taken: list[float] = []
    for _ in range(_TALKS):
        reader.tell("tools/call", name="wait_for_message", arguments={"timeout": 30})
        time.sleep(_ASLEEP)
        start = time.perf_counter()
        sender.tell("tools/call", name="send_message", arguments={"to": "@a1", "content": "wake up"})
        assert "wake up" in reader.next_line()
        taken.append((time.perf_counter() - start) * 1000)
        sender.next_line()
    for client in (sender, reader):
        client.end()
    return Row("MCP send → the other's wait answered", shown(sorted(taken)), promise="p50 < 5 ms")


def _round_trip(place: str) -> Iterator[Row]:
    client, echo = _Client(_SERVE, place), _Client(_ECHO, place)
    client.ask("initialize", **_HELLO)
    client.ask("tools/call", name="list_groups", arguments={})
    ours = times(lambda: client.ask("tools/call", name="list_groups", arguments={}), _CALLS)
    theirs = times(lambda: echo.ask("echo"), _CALLS)
    ratio = percentile(ours, 50) / percentile(theirs, 50)
    yield Row("MCP call, round trip", shown(ours), f"{shown(theirs)} echo", ratio)
    if (status := Path(f"/proc/{client.pid}/status")).exists():
        resident = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        yield Row("MCP server, memory", f"{int(resident.split()[1]) / 1024:.0f} MB")
    client.end()
    echo.end()
