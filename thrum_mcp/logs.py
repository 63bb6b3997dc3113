"""Where the server logs: warnings to standard error, which clients keep, and more of it to .thrum/var/log/mcp.log."""

from __future__ import annotations

import logging
import os
import select
import sys
from typing import TextIO

from thrum_store.errors import ThrumError
from thrum_store.machine.storage import REAL
from thrum_store.repository import paths

LIMIT = 1_000_000  # bytes, after which what is there becomes mcp.log.1
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


class _Heard(logging.StreamHandler[TextIO]):
    """Drops what nobody reads: a client that lets its end of standard error fill up must not stop the server."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes warnings and worse, where there is room."""
        if record.levelno < logging.WARNING:
            return
        _, ready, _ = select.select([], [self.stream], [], 0)
        if ready:
            super().emit(record)


def keep(repo: str) -> None:
    """Starts logging for the repository around `repo`; to standard error alone where there is no store."""
    handlers: list[logging.Handler] = [_Heard(sys.stderr)] if sys.stderr is not None else []
    logging.basicConfig(level=logging.INFO, format=_FORMAT, handlers=handlers, force=True)
    logging.captureWarnings(True)
    try:
        kept = _file(os.path.join(paths.initialized(repo).var, "log"))
    except ThrumError as error:
        logging.getLogger(__name__).info("there is no log file: %s", error)
        return
    kept.setFormatter(logging.Formatter(_FORMAT))
    logging.getLogger().addHandler(kept)


def _file(directory: str) -> logging.Handler:
    REAL.directory(directory)
    path = os.path.join(directory, "mcp.log")
    size = REAL.size(path)
    if size > LIMIT:
        REAL.replace(f"{path}.1", REAL.read(path))
        REAL.truncate(path, 0)
    elif size < 0:
        REAL.replace(path, b"")
    # Many servers append to this file, each line with one write, so they only ever take turns.
    return logging.FileHandler(path, encoding="utf-8", errors="backslashreplace", delay=True)
