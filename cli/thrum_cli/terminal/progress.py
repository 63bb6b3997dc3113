"""Progress of a long task: a line on standard error, updated on a terminal and removed at the end."""

from __future__ import annotations

import sys

from thrum_store.machine.host import REAL

from .output import debug

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.status import Status

_PATIENCE = 1.0  # seconds before the first line
_STEP = 50_000  # events between two lines if standard error is no terminal


class Counting:
    """Shows a count that is passed to it, once a second has gone by; used as a context manager."""

    def __init__(self, noun: str = "events", *, quiet: bool = False) -> None:
        self._noun = noun
        self._quiet = quiet
        self._begun = REAL.clock.monotonic()
        self._shown = 0
        self._status: Status | None = None

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Remove the line."""
        if self._status is not None:
            self._status.stop()

    def __call__(self, count: int) -> None:
        """Show the count so far."""
        if self._quiet or REAL.clock.monotonic() - self._begun < _PATIENCE:
            return
        if sys.stderr is not None and sys.stderr.isatty():
            self._show(f"{count:,} {self._noun} so far")
        elif count >= self._shown + _STEP:
            debug(f"{count:,} {self._noun} so far")
            self._shown = count

    def _show(self, text: str) -> None:
        if self._status is None:
            from rich.console import Console  # only when it takes long, and a person looks
            from rich.status import Status

            self._status = Status(text, console=Console(file=sys.stderr, markup=False, emoji=False))
            self._status.start()
        self._status.update(text)
