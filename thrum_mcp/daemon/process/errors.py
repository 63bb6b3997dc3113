"""Errors of the daemon, beside those of the store.

ThrumError
├── Conflict
│   ├── AlreadyRunning
├── DaemonNotRunning  DaemonFailed
"""

from __future__ import annotations

from thrum_store.errors import Conflict, ThrumError


class DaemonNotRunning(ThrumError):
    """Raised if the command needs the daemon and none is running."""

    code = "daemon_not_running"

    def __init__(self, repository: str) -> None:
        super().__init__(f"the daemon is not running for {repository}", hint="start it: `thrum daemon start`")


class DaemonFailed(ThrumError):
    """Raised if the daemon does not start, stop or answer as it should."""

    code = "daemon_failed"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint or "`thrum daemon logs` says more")


class AlreadyRunning(Conflict):
    """Raised if this repository already has a daemon."""

    code = "already_running"

    def __init__(self, pid: int | None, repository: str) -> None:
        process = f" (pid {pid})" if pid is not None else ""
        super().__init__(
            f"a daemon is already running for {repository}{process}",
            hint="`thrum daemon status` shows it, `thrum daemon restart` replaces it",
        )
