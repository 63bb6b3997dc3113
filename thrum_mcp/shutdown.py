"""The end of a serving process. Part of the light front: no heavy import."""

from __future__ import annotations

import os
import signal
import threading

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that ask a server to end."""


def exit_within(seconds: float, code: int) -> None:
    """End this process with `code` after `seconds`, even if a thread hangs.

    Nothing is lost: the kernel frees locks, and messages that were reserved for an answer are delivered again.
    """
    last_resort = threading.Timer(seconds, os._exit, (code,))
    last_resort.daemon = True
    last_resort.start()
