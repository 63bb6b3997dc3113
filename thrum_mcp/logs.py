"""Logs of the serving processes. The MCP server's are standard error and `.git/thrum-sync/var/log/mcp.log`."""

from __future__ import annotations

import logging
import os
import select
import sys
from typing import TextIO

from thrum_store.errors import ThrumError
from thrum_store.machine.host import DISK, Storage
from thrum_store.repository import paths
from thrum_store.values import safe_text

LIMIT = 1_000_000  # bytes, after which a log is renamed to `….1`


class _SafeFormatter(logging.Formatter):
    """Formats records without control characters, so that a terminal can show text from strangers."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as printable text."""
        return safe_text(super().format(record))


class _ClientHandler(logging.StreamHandler[TextIO]):
    """Writes warnings to standard error, which clients keep. A pipe that is full must not stop the server."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a warning or an error, unless nobody reads."""
        if record.levelno < logging.WARNING:
            return
        _, ready, _ = select.select([], [self.stream], [], 0)
        if ready:
            super().emit(record)


def start(handlers: list[logging.Handler]) -> None:
    """Send the log of this process, and Python's warnings, to these handlers and to no others."""
    for handler in handlers:
        handler.setFormatter(_SafeFormatter())
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.captureWarnings(True)


def create(storage: Storage, path: str) -> int:
    """Create the log file for its owner alone if it is missing; return its size in bytes."""
    storage.directory(os.path.dirname(path))
    size = storage.size(path)
    if size < 0:
        storage.replace(path, b"")
    return max(size, 0)


def start_mcp_log(repo: str) -> None:
    """Log to standard error and to the file of the repository around `repo`, if that can be written."""
    handlers: list[logging.Handler] = [_ClientHandler(sys.stderr)] if sys.stderr is not None else []
    try:
        path = paths.initialized(repo).in_var(paths.MCP_LOG)
        if _can_be_written(path):  # else there is no file
            handlers.append(_mcp_file(path))
    except ThrumError:
        pass  # each tool tells the client why
    start(handlers)


def _can_be_written(path: str) -> bool:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return os.access(path, os.W_OK)


def _mcp_file(path: str) -> logging.Handler:
    if create(DISK, path) > LIMIT:
        DISK.replace(f"{path}.1", DISK.read(path))
        DISK.truncate(path, 0)
    # Many servers append to this file, each line with one write, so their lines never mix.
    return logging.FileHandler(path, encoding="utf-8", errors="backslashreplace", delay=True)
