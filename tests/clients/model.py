"""A model on loopback that says what a test tells it to, and keeps every prompt that a client sent it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from .dialects import Dialect, Event, Json, Said, Say, Turn, dialect, offered

PATIENCE = 90.0  # seconds until a test gives up
Thought = Callable[[], object]
_ANSWER = Say("Done.")
_MODEL = ("assistant", "model", "function_call", "custom_tool_call")  # the roles in which a model speaks


@dataclass(frozen=True)
class Prompt:
    """A prompt that a model read; `at` is the moment on the monotonic clock."""

    turns: tuple[Said, ...]
    at: float

    @property
    def text(self) -> str:
        """Return the whole text."""
        return "\n".join(turn.text for turn in self.turns)

    @property
    def last(self) -> str:
        """Return the text that is newer than the model's last turn."""
        spoke = max((place for place, turn in enumerate(self.turns) if turn.role in _MODEL), default=0)
        return "\n".join(turn.text for turn in self.turns[spoke + 1 :])


class Model:
    """Answers on `port` while the block lasts. Its turns come from a script; where that is over it says "Done.".

    Only requests of the conversation itself count: those that offer tools.
    """

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []
        self.requests: list[Json] = []  # as they came, with system prompts and tools
        self._script: list[Turn | Thought] = []
        self._changed = threading.Condition()
        self.answers = 0  # to every request, also to those beside the conversation
        self._server = _Server(self)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def plays(self, *script: Turn | Thought) -> None:
        """Set the next turns. A function is called when the model reads the prompt, before the turn that follows it."""
        self._script = list(script)

    def read(self, prompt: Prompt) -> Turn:
        """Keep a prompt and return the model's turn."""
        with self._changed:
            self.prompts.append(prompt)
            self._changed.notify_all()
        while (step := self._step()) is not None:
            if isinstance(step, Turn):
                return step
            step()
        return _ANSWER

    def _step(self) -> Turn | Thought | None:
        with self._changed:
            return self._script.pop(0) if self._script else None

    def number(self) -> int:
        """Return a number that no other answer has."""
        with self._changed:
            self.answers += 1
            return self.answers

    def prompted(self, text: str, after: int = 0) -> Prompt:
        """Wait for the first prompt with this text in it, from the prompt number `after` on."""
        with self._changed:
            prompts = self._changed.wait_for(lambda: self._with(text, after), PATIENCE)
        assert prompts, f"no prompt with {text!r} in {len(self.prompts) - after} prompts"
        return prompts[0]

    def asked(self, count: int) -> None:
        """Wait for this number of prompts."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.prompts) >= count, PATIENCE), len(self.prompts)

    def _with(self, text: str, after: int) -> list[Prompt]:
        return [prompt for prompt in self.prompts[after:] if text in prompt.text]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, model: Model) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.model = model


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _model(self) -> Model:
        assert isinstance(self.server, _Server)
        return self.server.model

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the requests are kept as prompts."""

    def do_HEAD(self) -> None:
        """Answer that the server runs."""
        self._tell({})

    def do_GET(self) -> None:
        """List one model, for any request."""
        self._tell({"object": "list", "data": [{"id": "mock", "object": "model"}], "models": []})

    def do_POST(self) -> None:
        """Answer a client's request to its model."""
        read = time.monotonic()
        body: Json = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
        self._model.requests.append(body)
        spoken = dialect(self.path)
        if spoken is None:
            self._tell({"input_tokens": 10, "totalTokens": 10})  # somebody counts tokens
            return
        turn = self._turn(spoken, body, read)
        number = self._model.number()
        if body.get("stream") or "streamGenerateContent" in self.path:
            self._stream(spoken.stream(body, turn, number))
        else:
            self._tell(spoken.answer(body, turn, number))

    def _turn(self, spoken: Dialect, body: Json, read: float) -> Turn:
        if offered(body) < _CONVERSATION:
            return _ANSWER
        return self._model.read(Prompt(tuple(spoken.prompt(body)), read))

    def _tell(self, document: Json) -> None:
        data = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: Iterable[Event]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for name, data in events:
            line = data if isinstance(data, str) else json.dumps(data)
            self.wfile.write((f"event: {name}\n" if name else "").encode() + f"data: {line}\n\n".encode())
            self.wfile.flush()
        self.close_connection = True


_CONVERSATION = 3  # tools: fewer are offered only beside the conversation
