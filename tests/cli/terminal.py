"""Somebody who looks: the installed script on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios

from .shell import SCRIPT, Shell


def seen(shell: Shell, *words: str, columns: int = 80, script: tuple[str, ...] = (SCRIPT,)) -> str:
    """What a terminal of that width is sent on both streams."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environ = {name: value for name, value in shell.environ().items() if name not in ("COLUMNS", "NO_COLOR")}
    environ |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **shell.variables}
    child = subprocess.Popen([*script, *words], cwd=shell.cwd, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    told = b""
    while part := _read(ours):
        told += part
    os.close(ours)
    child.wait()
    return told.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other end is closed
        return b""
