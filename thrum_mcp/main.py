"""The light front of the MCP server: on its feet in a few hundredths of a second, while the SDK needs most of one.

Clients do not wait: a server that answers late is absent from an agent's first turn. So the front reads at once and
answers what it knows (early.py), while a thread loads the SDK. Then the SDK takes over the stream by replay: it gets
every frame from the first one on, and so reaches the same state. What was answered already goes in under an id of our
own, so its answer can be compared and dropped, and a cancellation of the finished request meets nothing.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import threading

from .lines import LineSplitter
from .shutdown import SIGNALS
from .transport import early_answers, pipes
from .transport.handoff import Frame, Handoff, Server

HEAD_START = 0.03  # seconds in which the first request, mostly there already, is answered before the loading begins
_SWITCH = 0.0005  # seconds after which the loading thread lets the front have the interpreter


def serve(repo: str, agent_id: str | None) -> int:
    """Serves MCP on standard input and output until the client leaves or a signal ends it; the exit code.

    `repo` is where to look for the repository, `agent_id` the name to act under instead of what the environment and
    the worktree say. Starts anywhere: what is missing is told by each tool. Must run in the main thread.
    """
    front = Front(pipes.take())
    for number in SIGNALS:
        signal.signal(number, _leave)
    try:
        handed = front.run(Loading(repo, agent_id))
    except BrokenPipeError:
        handed = None
    if handed is None:
        _leave()
    elif front.server is not None:
        return front.server.run(handed)
    return 1


def _leave(*_: object) -> None:
    """Ends at once, with whatever is half loaded: before the server runs there is nothing to tidy up."""
    os._exit(0)


class Loading(threading.Thread):
    """Loads the SDK and builds the server in the background; `done` becomes readable when that ended."""

    def __init__(self, repo: str, agent_id: str | None) -> None:
        super().__init__(name="loading", daemon=True)
        self._repo = repo
        self._agent_id = agent_id
        self.server: Server | None = None
        self.done, self._finished = os.pipe()

    def run(self) -> None:
        """Leaves `server` None where the SDK cannot be loaded; the reason is on standard error then."""
        try:
            # Here and not above: this import is what the front is there to hide (half a second, 60 MB).
            gc.disable()  # a third of the loading would be looking for garbage in what stays for good
            from .server import prepare

            self.server = prepare(self._repo, self._agent_id)
            gc.freeze()
            gc.enable()
        finally:
            os.close(self._finished)


class Front:
    """Reads, answers early, and keeps every frame for the server."""

    def __init__(self, connection: pipes.Wire) -> None:
        self._wire = connection
        self._lines = LineSplitter(pipes.FRAME_LIMIT)
        self._frames: list[Frame] = []
        self._answers = early_answers.EarlyAnswers.load()
        self._owed = 0
        self._ended = False
        self.server: Server | None = None

    def run(self, loading: Loading) -> Handoff | None:
        """Serves until the server is there; None where the client left before and nothing is owed to it."""
        self._wait_for(HEAD_START)
        usual = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH)
        loading.start()
        while not self._wait_for(None, loading.done):
            if self._ended and not self._owed:
                return None
        loading.join()
        os.close(loading.done)
        sys.setswitchinterval(usual)
        self.server = loading.server
        return Handoff(self._wire, tuple(self._frames), self._lines, self._ended)

    def _wait_for(self, seconds: float | None, done: int | None = None) -> bool:
        """Handles what comes next, within `seconds`; whether `done` became readable."""
        sources = [] if self._ended else [self._wire.read]
        ready, _, _ = select.select(sources if done is None else [*sources, done], [], [], seconds)
        if self._wire.read in ready:
            self._read()
        return done in ready

    def _read(self) -> None:
        data = os.read(self._wire.read, pipes.CHUNK)
        self._ended = not data
        for line in self._lines.feed(data) if data else self._lines.rest():
            self._handle(line)

    def _handle(self, line: bytes) -> None:
        frame = early_answers.decode(line)
        if frame is None:
            self._frames.append(Frame(line))
            return
        result = self._answers.answer(frame)
        self._frames.append(Frame(line, result))
        if result is not None:
            answer = {"jsonrpc": "2.0", "id": frame["id"], "result": result}
            text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
            pipes.write_all(self._wire.write, text.encode() + b"\n")
        elif early_answers.is_request(frame):
            self._owed += 1
