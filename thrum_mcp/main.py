"""The light front of the MCP server: it answers within 0.1 seconds, while the SDK needs most of a second to load.

Clients do not wait: a server that answers late is missing from an agent's first turn. So the front reads at once and
answers what it can (`transport/early_answers.py`), while a thread loads the SDK. Then the SDK takes over by replay: it
gets every line from the first on, and so reaches the same state. A request that was already answered is replayed under
an id of our own, so the SDK's answer can be compared and dropped, and a cancellation of the request has no effect.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import threading

from thrum_store import values

from .lines import LineSplitter
from .shutdown import SIGNALS
from .transport import early_answers, pipes
from .transport.pipes import Handoff, Line, Pipes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .server import Loaded

HEAD_START = 0.03  # seconds for the first request, which is usually there already, before the loading begins
_SWITCH = 0.0005  # seconds after which the loading thread lets the front run


def serve(repo: str, agent_id: str | None) -> int:
    """Serve MCP on standard input and output until the client leaves or a signal comes; return the exit code.

    Starts in any directory: if `repo` is no repository or has no store, each tool says so. `agent_id` overrides the
    name that the environment and the worktree give. Must run in the main thread.
    """
    front = Front(pipes.take())
    for number in SIGNALS:
        signal.signal(number, _exit)
    try:
        handoff = front.run(Loading(repo, agent_id))
    except BrokenPipeError:
        handoff = None
    if handoff is None:
        _exit()
    elif front.server is not None:
        return front.server.run(handoff)
    return 1


def _exit(*_: object) -> None:
    """Exit at once, even in the middle of loading: before the server runs, nothing needs to be closed."""
    os._exit(0)


class Loading(threading.Thread):
    """Loads the SDK and builds the server in the background; `done` becomes readable when that ended."""

    def __init__(self, repo: str, agent_id: str | None) -> None:
        super().__init__(name="loading", daemon=True)
        self._repo = repo
        self._agent_id = agent_id
        self.server: Loaded | None = None
        self.done, self._finished = os.pipe()

    def run(self) -> None:
        """Set `server`; it stays None if the SDK cannot be loaded, and standard error says why."""
        try:
            # Imported here because the front exists to hide this import (half a second, 60 MB).
            gc.disable()  # a third of the loading would be searching for garbage in what stays for good
            from .server import load

            self.server = load(self._repo, self._agent_id)
            gc.freeze()
            gc.enable()
        finally:
            os.close(self._finished)


class Front:
    """Reads, answers early, and keeps every line for the server."""

    def __init__(self, connection: Pipes) -> None:
        self._pipes = connection
        self._splitter = LineSplitter(pipes.FRAME_LIMIT)
        self._lines: list[Line] = []
        self._answers = early_answers.EarlyAnswers.load()
        self._unanswered = 0
        self._ended = False
        self.server: Loaded | None = None

    def run(self, loading: Loading) -> Handoff | None:
        """Serve until the server is loaded; return None if the client left with no request unanswered."""
        self._wait_for(HEAD_START)
        usual = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH)
        loading.start()
        while not self._wait_for(None, loading.done):
            if self._ended and not self._unanswered:
                return None
        loading.join()
        os.close(loading.done)
        sys.setswitchinterval(usual)
        self.server = loading.server
        return Handoff(self._pipes, tuple(self._lines), self._splitter, self._ended)

    def _wait_for(self, seconds: float | None, done: int | None = None) -> bool:
        """Handle the next input, if some comes within `seconds`; return True if `done` became readable."""
        sources = [] if self._ended else [self._pipes.input]
        ready, _, _ = select.select(sources if done is None else [*sources, done], [], [], seconds)
        if self._pipes.input in ready:
            self._read()
        return done in ready

    def _read(self) -> None:
        data = os.read(self._pipes.input, pipes.CHUNK)
        self._ended = not data
        for line in self._splitter.feed(data) if data else self._splitter.rest():
            self._handle(line)

    def _handle(self, line: bytes) -> None:
        frame = early_answers.decode(line)
        result = None if frame is None else self._answers.answer(frame)
        self._lines.append(Line(line, result))
        if frame is None:
            return
        if result is not None:
            answer = {"jsonrpc": "2.0", "id": frame["id"], "result": result}
            text = values.compact(answer)
            pipes.write_all(self._pipes.output, text.encode() + b"\n")
        elif early_answers.is_request(frame):
            self._unanswered += 1
