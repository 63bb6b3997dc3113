"""What can go wrong with a daemon, on top of the errors of the store.

ThrumError
├── Conflict
│   ├── AlreadyRunning
├── DaemonNotRunning  DaemonFailed
"""

from __future__ import annotations

from thrum_store.errors import Conflict, ThrumError


class DaemonNotRunning(ThrumError):
    """Raised when something needs the daemon and there is none."""

    code = "daemon_not_running"

    def __init__(self, repository: str) -> None:
        super().__init__(f"no daemon is running for {repository}", hint="start it: `thrum daemon start`")


class DaemonFailed(ThrumError):
    """Raised when the daemon did not start, or does not do what it should."""

    code = "daemon_failed"

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what, hint=hint or "`thrum daemon logs` says more")


class AlreadyRunning(Conflict):
    """Raised when this repository has a daemon already."""

    code = "already_running"

    def __init__(self, pid: int | None, repository: str) -> None:
        who = f" (pid {pid})" if pid is not None else ""
        super().__init__(
            f"a daemon is running for {repository} already{who}",
            hint="`thrum daemon status` shows it, `thrum daemon restart` replaces it",
        )
