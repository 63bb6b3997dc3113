"""Wakes an idle Codex session: `codex queue` adds a message to its thread, which starts a turn.

Codex waits for its hooks, so the listener continues in a process of its own, which ends with the session or with Codex.
"""

from __future__ import annotations

import os
import shutil
import sys

from . import responses
from .listening import EVENT, Channel, arrivals, idle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.identity import Caller
    from thrum_store.repository.paths import Paths

    from .listening import Living
    from .session import SessionFiles

_COMMAND = "codex"


def listen(paths: Paths, caller: Caller, files: SessionFiles, thread: str) -> int:
    """Start the listener of a thread and return 0 at once; do nothing if `codex` is not on the PATH."""
    command = shutil.which(_COMMAND)
    if command is None or not thread:
        return 0
    client = _client()
    if os.fork():
        return 0
    _detach()
    for offer in arrivals(paths, caller, files, idle(files, client), Channel(EVENT, "codex")):
        text = responses.digest(offer, caller.name, files.host.entropy)
        arguments = [command, "queue", "--thread", thread, "--message", text]
        if os.waitpid(os.posix_spawn(command, arguments, os.environ), 0)[1]:
            with files.editing() as state:
                state.take_back(offer)
        break
    os._exit(0)


def _client() -> Living:
    """Return a function that tells whether Codex, which started this hook, still runs."""
    pid = os.getppid()

    def lives() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    return lives


def _detach() -> None:
    """Move this process to a session of its own, with no file of the client's open."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(null, descriptor)
