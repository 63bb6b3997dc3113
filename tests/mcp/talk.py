"""A client that only knows JSON-RPC lines. It starts a real `thrum mcp serve` and talks to it by hand."""

from __future__ import annotations

import itertools
import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

THRUM = [sys.executable, "-c", "from thrum_cli.main import run; run()"]
PATIENCE = 30.0  # seconds until a test gives up
CLIENT = {"name": "by-hand", "version": "1"}
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": CLIENT,
}

Message = dict[str, Any]


class Server:
    """A server process in `repo`, ended when the block ends. `errors` holds its standard error afterwards."""

    def __init__(self, repo: Path, *options: str, command: list[str] | None = None, **variables: str) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("THRUM_")}
        self._ids = itertools.count(1)
        self._rest = b""
        self.errors = b""
        self.process = subprocess.Popen(
            [*(command or [*THRUM, "mcp", "serve"]), *options],
            cwd=repo,
            env=environ | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.input = self.process.stdin
        self._output = self.process.stdout.fileno()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None and error is not None:
            self.process.kill()
        self.end()

    def end(self) -> int:
        """Close its input and return its exit code. Output that nobody received is in `unread` and `errors`."""
        if not self.input.closed:
            self.input.close()
        return self.gone()

    def gone(self) -> int:
        """Wait until it ends by itself and return its exit code."""
        code = self.process.wait(PATIENCE)
        assert self.process.stderr and self.process.stdout
        self._rest += _rest_of(self.process.stdout)
        self.errors += _rest_of(self.process.stderr)
        return code

    def send(self, message: Message | bytes) -> None:
        """Send a message, or a line as it is."""
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.input.write(line + b"\n")
        self.input.flush()

    def receive(self) -> Message:
        """Return the next message. Any other output fails."""
        deadline = time.monotonic() + PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                assert selector.select(deadline - time.monotonic()), "the server is silent"
                data = os.read(self._output, 65536)
                assert data, f"the server left: {self.gone()} {self.errors.decode()}"
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        message: Message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    @property
    def unread(self) -> bytes:
        """The output that nobody received, once it ended."""
        return self._rest

    def ask(self, method: str, params: Message | None = None) -> int:
        """Send a request and return its id."""
        number = next(self._ids)
        self.send({"jsonrpc": "2.0", "id": number, "method": method} | ({} if params is None else {"params": params}))
        return number

    def answer(self, number: int, seen: list[Message] | None = None) -> Message:
        """Return the answer to a request; other messages before it go into `seen`, or must be notifications."""
        while (message := self.receive()).get("id") != number:
            assert "method" in message or seen is not None, message
            if seen is not None:
                seen.append(message)
        return message

    def result(self, method: str, params: Message | None = None) -> Message:
        """Send a request and return its result."""
        message = self.answer(self.ask(method, params))
        assert "result" in message, message
        result: Message = message["result"]
        return result

    def greet(self, version: str = "2025-06-18") -> Message:
        """Do the handshake of the protocol before 2026; return its result."""
        hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT}
        result = self.result("initialize", hello)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    def begin(self, tool: str, meta: Message | None = None, /, **arguments: object) -> int:
        """Call a tool and return the request's id."""
        params: Message = {"name": tool, "arguments": arguments}
        return self.ask("tools/call", params | ({"_meta": meta} if meta else {}))

    def call(self, tool: str, /, **arguments: object) -> Message:
        """Call a tool and return its structured result, which must not be an error."""
        result = self.answer(self.begin(tool, None, **arguments))["result"]
        assert not result.get("isError"), result
        structured: Message = result["structuredContent"]
        return structured

    def refused(self, tool: str, /, **arguments: object) -> str:
        """Call a tool that must fail; return the text that the model reads."""
        result = self.answer(self.begin(tool, None, **arguments))["result"]
        assert result.get("isError"), result
        text: str = result["content"][0]["text"]
        return text

    def cancel(self, number: int) -> None:
        """Cancel a request."""
        self.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}})


def _rest_of(pipe: IO[bytes]) -> bytes:
    if pipe.closed:
        return b""
    with pipe:
        return pipe.read()
