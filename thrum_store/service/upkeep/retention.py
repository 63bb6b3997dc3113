"""Retention: the end of a session purges what is older than a number of days, if that is set."""

from __future__ import annotations

from thrum_store.errors import ThrumError
from thrum_store.repository import config
from thrum_store.repository.paths import SYNC_LOCK
from thrum_store.store import Store, use_case
from thrum_store.values import NamedTuple


class Outcome(NamedTuple):
    """The number of messages older than `days` that were purged, or the problem that kept them."""

    days: int
    messages: int
    problem: str = ""


@use_case
def retain(store: Store) -> Outcome | None:
    """Purge what is older than the setting retention.days; None if that is off.

    The session has ended by then, so an error becomes the result's problem. A sync that runs is not waited for: the end
    of the next session purges.
    """
    days = 0
    try:
        days = int(config.setting(store.paths, store.host, config.RETENTION_DAYS).value)
        if not days:
            return None
        if _is_syncing(store):
            return Outcome(days, 0, "a sync runs; the end of the next session purges")
        from .purge import Purge, purge  # most ends of a session purge nothing

        purged = purge(store, Purge(f"{days}d", confirm=True))
    except ThrumError as error:
        return Outcome(days, 0, error.message + (f" (try: {error.hint})" if error.hint else ""))
    return Outcome(days, purged.messages_deleted + purged.messages_hidden)


def _is_syncing(store: Store) -> bool:
    lock = store.host.lock(store.paths.in_var(SYNC_LOCK))
    try:
        return not lock.try_acquire()
    finally:
        lock.release()
