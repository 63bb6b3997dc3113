"""Somebody who looks: the installed script on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Sequence
from pathlib import Path

from .shell import SCRIPT, Shell


def seen(shell: Shell, *words: str, columns: int = 80, script: tuple[str, ...] = (SCRIPT,)) -> str:
    """Return both streams of a command line as a terminal of that width receives them."""
    environ = {name: value for name, value in shell.environ().items() if name not in ("COLUMNS", "NO_COLOR")}
    environ |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **shell.variables}
    return at_terminal([*script, *words], shell.cwd, environ, columns=columns)


def at_terminal(
    command: Sequence[str], place: Path, environ: dict[str, str], typed: str = "", *, columns: int = 80
) -> str:
    """Type `typed` at a program; return both streams as a terminal of that width receives them."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    child = subprocess.Popen(
        command, cwd=place, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    screen = b""
    while part := _read(ours):
        screen += part
    os.close(ours)
    child.wait()
    return screen.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other end is closed
        return b""
