"""Trust in other stores, and the quotas for their events."""

from __future__ import annotations

from thrum_store.repository.config import GitSettings
from thrum_store.values import NamedTuple

from .state import State

BYTES_LIMIT = 64 * 1024 * 1024  # of new events in one cycle; one shard is always taken, whatever its size
_UNLIMITED = 1 << 60
# A store that was first seen through git may be anybody's.
_STRANGER_EVENTS, _STRANGER_BYTES, _STRANGER_TOTAL = 10_000, 16 * 1024 * 1024, 200_000


class Trust(NamedTuple):
    """The trust in a store: self, known, tofu (first seen through git), untrusted or blocked, and its quotas."""

    level: str
    events: int  # the most to take in during one cycle; 0: none
    bytes: int = BYTES_LIMIT

    @property
    def accepted(self) -> bool:
        """Return whether events of such a store are taken in."""
        return self.level not in ("blocked", "untrusted")


def trust_in(store: str, own: str, settings: GitSettings, state: State) -> Trust:
    """Return the trust in a store."""
    if store == own:
        return Trust("self", _UNLIMITED)
    if store in settings.blocked:
        return Trust("blocked", 0)
    if store in settings.known:
        return Trust("known", _UNLIMITED)
    if settings.policy != "tofu":
        return Trust("untrusted", 0)
    taken = state.stores[store].events if store in state.stores else 0
    return Trust("tofu", max(min(_STRANGER_EVENTS, _STRANGER_TOTAL - taken), 0), _STRANGER_BYTES)


class Budget:
    """The events and bytes that may still be taken in: of one store, and of all in this cycle."""

    def __init__(self) -> None:
        self.cycle_bytes = BYTES_LIMIT
        self.trust = Trust("untrusted", 0)

    def begin(self, trust: Trust) -> None:
        """Begin with the quotas of the next store."""
        self.trust = trust

    @property
    def used_up(self) -> bool:
        """Return whether the quotas of this store are used up."""
        return min(self.trust.events, self.trust.bytes, self.cycle_bytes) <= 0

    @property
    def postponed(self) -> bool:
        """Return whether a store with a used-up budget continues in the next cycle."""
        return self.trust.level == "tofu" or self.cycle_bytes <= 0

    def spend(self, events: int, size: int) -> None:
        """Subtract the events that were taken in and the bytes that were looked at."""
        self.cycle_bytes -= size
        self.trust = self.trust._replace(events=self.trust.events - events, bytes=self.trust.bytes - size)
