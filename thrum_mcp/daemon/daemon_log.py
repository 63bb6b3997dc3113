"""The daemon's log: `.git/thrum-sync/var/log/daemon.log`, at most a megabyte, and up to three older files beside it."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler

from thrum_mcp import logs
from thrum_store.errors import ThrumError
from thrum_store.machine.host import Host
from thrum_store.repository.paths import Paths

from .process import file_names

OLDER = 3  # files that are kept beside the current one


class _LogFile(RotatingFileHandler):
    """The log file. It can receive standard output too, so that even a crash of the interpreter is logged."""

    takes_output = False

    def doRollover(self) -> None:
        """Begin the next file."""
        super().doRollover()
        os.chmod(self.baseFilename, 0o600)
        self.take_output()

    def take_output(self) -> None:
        """Redirect standard output and error to the file, if it takes them."""
        if self.takes_output and self.stream is not None:
            for fd in (1, 2):
                os.dup2(self.stream.fileno(), fd)


def start(paths: Paths, host: Host, *, to_terminal: bool) -> None:
    """Start to log to the file, and to the terminal if asked."""
    path = file_names.log_file(paths)
    logs.create(host.storage, path)
    file = _LogFile(path, maxBytes=logs.LIMIT, backupCount=OLDER, encoding="utf-8", errors="backslashreplace")
    file.takes_output = not to_terminal
    file.take_output()
    handlers: list[logging.Handler] = [file]
    if to_terminal:
        handlers.append(logging.StreamHandler(sys.stderr))
    logs.start(handlers)
    logging.getLogger("websockets").setLevel(logging.WARNING)


def line(error: ThrumError) -> str:
    """Return an error as a line of the log: its sentence and its hint."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
