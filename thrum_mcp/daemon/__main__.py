"""`python -P -m thrum_mcp.daemon`: the daemon's process, as `thrum daemon start` and `thrum daemon run` begin it."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence

from thrum_store.errors import ThrumError
from thrum_store.machine.host import REAL, Host
from thrum_store.repository import paths

from . import daemon_log
from .process import control
from .process.errors import AlreadyRunning
from .running import DaemonOptions, run

logger = logging.getLogger("thrum.daemon")


def main(arguments: Sequence[str]) -> int:
    """Runs the daemon; the exit code: 0 ended by a signal, 3 another one serves already, 1 it could not begin."""
    parser = argparse.ArgumentParser(prog="thrum daemon run")
    parser.add_argument("--repo", default=".")
    parser.add_argument("--local", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--ready-fd", type=int)
    given = parser.parse_args(arguments)
    try:
        here = paths.initialized(given.repo)
        daemon_log.keep(here, REAL, to_terminal=given.ready_fd is None)
        run(here, REAL, DaemonOptions(given.local), lambda: _tell(given.ready_fd, control.READY))
    except ThrumError as error:
        logger.error("%s", daemon_log.line(error))
        _tell(given.ready_fd, json.dumps([error.message, error.hint]).encode())
        return control.ALREADY_RUNNING if isinstance(error, AlreadyRunning) else 1
    return 0


def _tell(fd: int | None, word: bytes) -> None:
    """Says to whoever started this process that it serves, or why it does not."""
    if fd is not None:
        os.write(fd, word)
        os.close(fd)


def end_children(host: Host) -> None:
    """Asks whatever this process started and left running to end: a git that hangs on its remote."""
    for child in _children(host):
        try:
            os.killpg(child, signal.SIGTERM)
        except (ProcessLookupError, PermissionError):
            continue  # it has ended, or leads no group of its own


def _children(host: Host) -> list[int]:
    """The children of this process, as far as the system says."""
    found: list[int] = []
    tasks = f"/proc/{os.getpid()}/task"
    for task in host.storage.listing(tasks):
        try:
            told = host.storage.read(os.path.join(tasks, task, "children"), limit=65536)
        except (FileNotFoundError, ThrumError):
            continue
        found += [int(pid) for pid in told.split()]
    return found


if __name__ == "__main__":
    code = main(sys.argv[1:])
    end_children(REAL)
    logging.shutdown()
    os._exit(code)  # a sync that hangs on a remote must not keep us; it is safe to cut off, as by a crash
