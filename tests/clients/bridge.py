"""An HTTP front on loopback for a server on standard input and output: the conformance suite speaks HTTP alone."""

from __future__ import annotations

import json
import subprocess
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from .model import PATIENCE

Frame = dict[str, Any]
_SESSION = "mcp-session-id"
_STATELESS = ""  # the process of all requests that bring their protocol version with them, as from 2026-07-28 on


class Bridge:
    """Answers at `url` while the block lasts: a process of its own for each session."""

    def __init__(self, command: list[str], place: Path) -> None:
        self._command, self._place = command, place
        self._lock = threading.Lock()
        self._processes: dict[str, _Process] = {}
        self._server = _Front(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/mcp"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        for session in list(self._processes):
            self.end(session)

    def begin(self) -> str:
        """Start a session."""
        session = uuid.uuid4().hex
        self._processes[session] = _Process(self._command, self._place)
        return session

    def process(self, session: str) -> _Process | None:
        """Return the process of a session, or None."""
        with self._lock:
            if session == _STATELESS and session not in self._processes:
                self._processes[session] = _Process(self._command, self._place)
        return self._processes.get(session)

    def end(self, session: str) -> bool:
        """End a session; return whether it existed."""
        process = self._processes.pop(session, None)
        if process is not None:
            process.end()
        return process is not None


class _Process:
    """A server; several requests may be under way at once."""

    def __init__(self, command: list[str], place: Path) -> None:
        self._child = subprocess.Popen(command, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._lock = threading.Lock()
        self._answers: dict[str, SimpleQueue[Frame]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, frame: Frame) -> None:
        """Send a frame that has no answer."""
        assert self._child.stdin
        with self._lock:
            self._child.stdin.write(json.dumps(frame).encode() + b"\n")
            self._child.stdin.flush()

    def ask(self, frame: Frame) -> Frame:
        """Send a request and wait for its answer."""
        own = uuid.uuid4().hex  # two clients of one process may use the same id
        answer = self._answers[own] = SimpleQueue()
        self.tell({**frame, "id": own})
        return {**answer.get(timeout=PATIENCE), "id": frame["id"]}

    def end(self) -> None:
        """Close its standard input, which ends it."""
        assert self._child.stdin
        self._child.stdin.close()
        self._child.wait(PATIENCE)
        self._reader.join()

    def _read(self) -> None:
        assert self._child.stdout
        with self._child.stdout as lines:
            for line in lines:
                frame: Frame = json.loads(line)
                if "method" not in frame:
                    self._answers.pop(frame["id"]).put(frame)


class _Front(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.bridge = bridge


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _bridge(self) -> Bridge:
        assert isinstance(self.server, _Front)
        return self.server.bridge

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Offer no stream."""
        self._tell(405)

    def do_DELETE(self) -> None:
        """End a session."""
        self._tell(200 if self._bridge.end(self.headers.get(_SESSION, "?")) else 404)

    def do_POST(self) -> None:
        """Pass one frame on to the process of its session."""
        frame: Frame = json.loads(self.rfile.read(int(self.headers["content-length"])))
        session = self._session(frame)
        process = self._bridge.process(session)
        if process is None:
            self._tell(404)
        elif "id" not in frame:
            process.tell(frame)
            self._tell(202)
        else:
            self._tell(200, process.ask(frame), session)

    def _session(self, frame: Frame) -> str:
        if frame.get("method") == "initialize":
            return self._bridge.begin()
        stateless = "io.modelcontextprotocol/protocolVersion" in frame.get("params", {}).get("_meta", {})
        return _STATELESS if stateless else self.headers.get(_SESSION, "?")

    def _tell(self, status: int, frame: Frame | None = None, session: str = "") -> None:
        data = b"" if frame is None else json.dumps(frame).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if session:
            self.send_header(_SESSION, session)
        self.end_headers()
        self.wfile.write(data)
