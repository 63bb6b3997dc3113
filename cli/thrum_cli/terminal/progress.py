"""How far something long is: a line on standard error that moves on a terminal, and is gone when it ends."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from .output import debug

if TYPE_CHECKING:
    from rich.status import Status

_PATIENCE = 1.0  # seconds that nobody minds
_STEP = 50_000  # events between two lines where standard error is no terminal


class Counting:
    """Called with how many events were read so far, or what else is counted; says so once a second has passed."""

    def __init__(self, what: str = "events", *, quiet: bool = False) -> None:
        self._what = what
        self._quiet = quiet
        self._begun = time.monotonic()
        self._told = 0
        self._status: Status | None = None

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Takes the line away."""
        if self._status is not None:
            self._status.stop()

    def __call__(self, count: int) -> None:
        """Tells a person how far it is."""
        if self._quiet or time.monotonic() - self._begun < _PATIENCE:
            return
        if sys.stderr is not None and sys.stderr.isatty():
            self._show(f"{count:,} {self._what} so far")
        elif count >= self._told + _STEP:
            debug(f"{count:,} {self._what} so far")
            self._told = count

    def _show(self, text: str) -> None:
        if self._status is None:
            from rich.console import Console  # only when it takes long, and a person looks
            from rich.status import Status

            self._status = Status(text, console=Console(file=sys.stderr, markup=False, emoji=False))
            self._status.start()
        self._status.update(text)
