"""The machine, as one argument: clock, randomness, disk."""

from typing import NamedTuple

from .clock import Clock, Entropy
from .locks import LOCK_DEADLINE, Lock
from .storage import Storage


class Host(NamedTuple):
    """What a store needs from the machine; tests pass another one."""

    clock: Clock = Clock()
    entropy: Entropy = Entropy()
    storage: Storage = Storage()
    patience: float = LOCK_DEADLINE  # seconds until a lock that nobody frees is an error

    def lock(self, path: str) -> Lock:
        """A lock on `path`, not taken yet."""
        return Lock(path, self.patience)


REAL = Host()
