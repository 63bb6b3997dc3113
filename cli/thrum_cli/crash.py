"""Reports of unexpected errors: the traceback goes into a file, not to the user."""

from __future__ import annotations

import os
import traceback

from thrum_store.errors import ThrumError
from thrum_store.machine.host import REAL
from thrum_store.repository import paths
from thrum_store.repository.paths import LOG_FILES

from .command import App
from .terminal import output


def keep(app: App, error: Exception) -> str | None:
    """Write the traceback into `.git/thrum-sync/var/log` and return its path, or None without a store."""
    text = "".join(traceback.format_exception(error))
    if app.verbose:
        output.debug(text)
    try:
        place = paths.initialized(app.repo)
        folder = place.in_var(LOG_FILES)
        path = os.path.join(folder, f"crash-{REAL.clock.wall_ms()}.txt")
        REAL.storage.directory(folder)
        REAL.storage.replace(path, text.encode("utf-8", "backslashreplace"))
    except (ThrumError, OSError):
        return None
    return path
