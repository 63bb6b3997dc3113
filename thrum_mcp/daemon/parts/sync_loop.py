"""The loop that syncs through git, and the setting that keeps everything on this machine."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import NamedTuple

from thrum_store.errors import Invalid, ThrumError
from thrum_store.machine.host import Host
from thrum_store.repository import config
from thrum_store.repository.paths import Paths
from thrum_store.service.upkeep import condition
from thrum_store.store import open_store
from thrum_store.sync import cycle
from thrum_store.sync.state import load

from .loops import Loop, Rhythm

logger = logging.getLogger(__name__)

_NICENESS = 10
RHYTHM = Rhythm(every=config.SYNC_INTERVAL, after_change=2)


def loop(paths: Paths, host: Host) -> Loop:
    """Return the loop `git`: a sync each minute, and two seconds after this store appended an event."""
    return Loop("git", lambda: turn(paths, host), RHYTHM, host.entropy)


def turn(paths: Paths, host: Host) -> bool:
    """Sync once; return whether it succeeded.

    A remote that does not answer is no failure of the loop: `sync.json` records it, and the next turn comes later.
    """
    _lower_priority()
    with open_store(paths, host) as store:
        try:
            done = cycle.synchronize(store, local_only=local_only(paths, host))
        except ThrumError as error:
            logger.warning("sync: %s (%s)", error.message, error.code)
            return False
    for sentence in done.damaged:
        logger.warning("sync: %s", sentence)
    if done.taken or done.pushed:
        logger.info("sync: %d events taken in%s", done.taken, ", ours pushed" if done.pushed else "")
    return True


def _lower_priority() -> None:
    """Let agents go first on a busy machine: lower the priority of this thread and of the git it starts.

    Only on Linux, where a thread has its own niceness; elsewhere it is the whole daemon's, which serves agents.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class SyncState(NamedTuple):
    """The state of the sync, and whether it stays on this machine."""

    state: str  # idle before the first one, then synced or error
    local_only: bool


def state(paths: Paths, host: Host) -> SyncState:
    """Return the state of the sync. An invalid config.json is an error, and nothing leaves this machine."""
    try:
        local = local_only(paths, host)
    except Invalid:
        return SyncState("error", local_only=True)
    return SyncState(condition.word(load(paths.var, host), running=True), local)


def local_only(paths: Paths, host: Host) -> bool:
    """Return whether config.json keeps everything on this machine. Raises Invalid.

    The daemon's own environment does not count: `settle` noted it there when the daemon started.
    """
    return config.local_only(paths, host, environ={})


def settle(paths: Paths, host: Host, flag: bool | None) -> None:
    """Write the choice of a flag, or else of THRUM_LOCAL, to config.json. Raises Invalid for an invalid value."""
    local = config.local_only(paths, host, flag)
    if flag is not None or os.environ.get("THRUM_LOCAL"):
        config.change(paths, host, config.LOCAL_ONLY, local)
