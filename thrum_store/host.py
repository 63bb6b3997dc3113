"""The machine, as one argument: clock, randomness, disk."""

from __future__ import annotations

from typing import NamedTuple

from .clock import Clock, Entropy
from .storage import Lock, Storage


class Host(NamedTuple):
    """What a store needs from the machine; tests pass another one."""

    clock: Clock = Clock()
    entropy: Entropy = Entropy()
    storage: Storage = Storage()

    def lock(self, path: str) -> Lock:
        """A lock on `path`, not taken yet."""
        return self.storage.lock(path)


REAL = Host()
