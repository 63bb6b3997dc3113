"""What every command shares: the global flags, and the places, the caller and the store, each found when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thrum_store import identity
from thrum_store.identity import Given
from thrum_store.repository import paths

from .terminal import output

if TYPE_CHECKING:
    from thrum_store.model import Caller
    from thrum_store.repository.paths import Paths
    from thrum_store.store import Store

    from .terminal.progress import Counting


class App:
    """One run of `thrum`."""

    def __init__(self) -> None:
        self.role: str | None = None
        self.module: str | None = None
        self.repo = "."
        self.json = False
        self.quiet = False
        self.verbose = False
        self.error_code = 1  # what a failure exits with; `wait` needs 1 for something else
        self._paths: Paths | None = None
        self._store: Store | None = None
        self._counting: Counting | None = None

    def given(self, name: str | None = None, display: str | None = None) -> Given:
        """What the command line says about the caller."""
        return Given(name, self.role, self.module, display)

    @property
    def paths(self) -> Paths:
        """The places of the store. Raises NotARepository, NotInitialized."""
        if self._paths is None:
            self._paths = paths.initialized(self.repo)
        return self._paths

    @property
    def caller(self) -> Caller:
        """Who asks. Raises NoIdentity, AmbiguousIdentity, Invalid."""
        caller = identity.resolve(self.paths, self.given())
        self._say(f"caller: @{caller.name}, by {caller.source}, in worktree {caller.worktree}")
        return caller

    @property
    def store(self) -> Store:
        """The store, open until the process ends."""
        if self._store is None:
            from thrum_store.store import open_store  # 8 ms that --help and version need not pay

            try:
                self._store = open_store(self.paths, progress=self._rebuilding)
            finally:
                if self._counting is not None:
                    self._counting.stop()
            self._say(f"store: {self.paths.thrum}, view {self._store.generation}, logs {self.paths.logs}")
        return self._store

    def _rebuilding(self, count: int) -> None:
        """Says how far it is while a lost view is made anew at opening; later it would mix with the command's words."""
        if self._store is None:
            from .terminal.progress import Counting  # a view is rarely lost

            self._counting = self._counting or Counting(quiet=self.quiet)
            self._counting(count)

    def _say(self, text: str) -> None:
        if self.verbose:
            output.debug(text)

    def close(self) -> None:
        """Closes the store, if it was opened."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
