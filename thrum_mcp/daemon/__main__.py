"""`python -P -m thrum_mcp.daemon`: the daemon's process, as `thrum daemon start` and `thrum daemon run` begin it."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from thrum_store import paths
from thrum_store.errors import ThrumError
from thrum_store.host import REAL

from . import journal, process
from .refusals import AlreadyRunning
from .running import Wish, run

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
        journal.keep(here, REAL, to_terminal=given.ready_fd is None)
        run(here, REAL, Wish(given.local), lambda: _ready(given.ready_fd))
    except AlreadyRunning as error:
        logger.error("%s", error.message)
        return process.ALREADY_RUNNING
    except ThrumError as error:
        logger.error("%s", error.message)
        return 1
    return 0


def _ready(fd: int | None) -> None:
    logger.info("serving, pid %d", os.getpid())
    if fd is not None:
        os.write(fd, b"!")
        os.close(fd)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    process.end_children(REAL)
    logging.shutdown()
    os._exit(code)  # a sync that hangs on a remote must not keep us; it is safe to cut off, as by a crash
