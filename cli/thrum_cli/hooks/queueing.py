"""Waking an idle Codex session: its own command queues a message, which starts a turn.

Codex waits for its hooks, so the listener goes on in a process of its own, which ends with the session or with Codex.
"""

from __future__ import annotations

import os
import shutil
import sys

from thrum_store.machine.host import Host
from thrum_store.model import Caller
from thrum_store.repository.paths import Paths

from . import session_state, texts
from .listening import EVENT, Channel, Living, arrivals, idle

_COMMAND = "codex"


def listen(paths: Paths, caller: Caller, key: str, thread: str, host: Host) -> int:
    """Starts the listener of a thread and returns 0 at once; does nothing where Codex's command is not to be found."""
    command = shutil.which(_COMMAND)
    if command is None or not thread:
        return 0
    client = _client()
    if os.fork():
        return 0
    _detach()
    for found in arrivals(paths, caller, key, host, idle(paths, key, host, client), Channel(EVENT, "codex")):
        text = texts.digest(found, caller.name, host.entropy)
        arguments = [command, "queue", "--thread", thread, "--message", text]
        if os.waitpid(os.posix_spawn(command, arguments, os.environ), 0)[1]:
            with session_state.noting(paths.var, key, host) as noted:
                noted.take_back(found)
        break
    os._exit(0)


def _client() -> Living:
    """Whether Codex, which started this hook, is still there."""
    pid = os.getppid()

    def lives() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    return lives


def _detach() -> None:
    """A session of its own, and nothing of the client's in its hands."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(null, descriptor)
