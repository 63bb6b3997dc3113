"""The actions of failpoints, which only tests trigger: kill, stop, exit, eio, enospc."""

from __future__ import annotations

import errno
import os
import signal
import sys

from .storage_errors import explained


def act(action: str, name: str) -> None:
    """End, stop or fail this process, as a test wants it."""
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "exit":
        sys.exit(97)
    elif action == "eio":
        raise explained(OSError(errno.EIO, os.strerror(errno.EIO)), f"failpoint {name}")
    elif action == "enospc":
        raise explained(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), f"failpoint {name}")
    else:
        raise ValueError(f"unknown failpoint action {action!r}")
