"""`python -P -m thrum_mcp.daemon`: the process that `thrum daemon start` and `thrum daemon run` start."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from thrum_store import values
from thrum_store.errors import ThrumError
from thrum_store.machine.host import REAL
from thrum_store.repository import paths
from thrum_store.repository.relocation import relocated
from thrum_store.setup import begin_guest

from . import daemon_log
from .process import control, facts
from .process.errors import AlreadyRunning
from .running import DaemonOptions, run

logger = logging.getLogger("thrum.daemon")


def main(arguments: Sequence[str]) -> int:
    """Run the daemon; return its exit code: 0 after a signal, 1 if it cannot start, 3 if another daemon serves."""
    parser = argparse.ArgumentParser(prog="thrum daemon run")
    parser.add_argument("--repo", default=".")
    parser.add_argument("--local", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--ready-fd", type=int)
    options = parser.parse_args(arguments)
    try:
        repository = relocated(paths.initialized(options.repo, begin_guest))
        daemon_log.start(repository, REAL, to_terminal=options.ready_fd is None)
        run(repository, REAL, DaemonOptions(options.local), lambda: _report(options.ready_fd, control.READY))
    except ThrumError as error:
        logger.error("%s", daemon_log.line(error))
        _report(options.ready_fd, values.escaped([error.message, error.hint]).encode())
        return control.ALREADY_RUNNING if isinstance(error, AlreadyRunning) else 1
    return 0


def _report(fd: int | None, report: bytes) -> None:
    """Tell the process that started this one that it serves, or why it does not."""
    if fd is not None:
        os.write(fd, report)
        os.close(fd)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    facts.end_children()
    logging.shutdown()
    os._exit(code)  # not even a thread that waits for a remote delays this; a sync survives it like a crash
