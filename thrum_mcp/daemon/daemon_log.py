"""The daemon's log: `.thrum/var/log/daemon.log`, a megabyte at most, with three older ones beside it."""

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

OLDER = 3


class _Log(RotatingFileHandler):
    """Takes standard output and error along, so that not even a crash of the interpreter goes unseen."""

    takes_output = False

    def doRollover(self) -> None:
        super().doRollover()
        os.chmod(self.baseFilename, 0o600)
        self.take_output()

    def take_output(self) -> None:
        """From now on whatever is printed goes to the file."""
        if self.takes_output and self.stream is not None:
            for fd in (1, 2):
                os.dup2(self.stream.fileno(), fd)


def keep(paths: Paths, host: Host, *, to_terminal: bool) -> None:
    """Starts logging to the file; on a terminal, there as well."""
    path = file_names.log_file(paths)
    logs.create(host.storage, path)
    kept = _Log(path, maxBytes=logs.LIMIT, backupCount=OLDER, encoding="utf-8", errors="backslashreplace")
    kept.takes_output = not to_terminal
    kept.take_output()
    handlers: list[logging.Handler] = [kept]
    if to_terminal:
        handlers.append(logging.StreamHandler(sys.stderr))
    logs.start(handlers)
    logging.getLogger("websockets").setLevel(logging.WARNING)


def line(error: ThrumError) -> str:
    """An error in a line of the log: its sentence, and what to do."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
