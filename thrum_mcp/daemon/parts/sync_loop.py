"""The loop that syncs through git, and the setting that keeps everything on this machine."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from typing import NamedTuple

from thrum_store.errors import Invalid, ThrumError
from thrum_store.machine.host import Host
from thrum_store.repository import config, settings_copy
from thrum_store.repository.paths import Paths
from thrum_store.service.upkeep import condition
from thrum_store.store import open_store
from thrum_store.sync import cycle
from thrum_store.sync.state import load

from .loops import Loop, Rhythm

logger = logging.getLogger(__name__)

_NICENESS = 10
RHYTHM = Rhythm(every=config.SYNC_INTERVAL, after_change=2)


class SyncState(NamedTuple):
    """The state of the sync, and whether it stays on this machine."""

    state: str  # idle before the first one, then synced or error
    local_only: bool


class Mode:
    """The choice of a sync that stays on this machine or not: config.json says so, at each turn anew.

    THRUM_LOCAL counts for this daemon until config.json is changed. A choice to keep everything here is written down,
    as a flag is; THRUM_LOCAL=0 never is.
    """

    def __init__(self, paths: Paths, host: Host, flag: bool | None, environ: Mapping[str, str] = os.environ) -> None:
        self._paths, self._host = paths, host
        local = config.local_only(paths, host, flag, environ)
        named = flag is None and config.setting(paths, host, config.LOCAL_ONLY, environ).source == config.ENVIRONMENT
        if flag is not None or (named and local):
            config.change(paths, host, config.LOCAL_ONLY, local)
        self._named = local if named else None
        self._before = config.in_file(paths, host, config.LOCAL_ONLY)

    def local_only(self) -> bool:
        """Return whether nothing may leave this machine now. Raises Invalid."""
        kept = config.in_file(self._paths, self._host, config.LOCAL_ONLY)
        if self._named is not None and kept == self._before:
            return self._named
        return config.local_only(self._paths, self._host, environ={})

    def state(self) -> SyncState:
        """Return the state of the sync. An invalid config.json is an error, and nothing leaves this machine."""
        try:
            local = self.local_only()
        except Invalid:
            return SyncState("error", local_only=True)
        return SyncState(condition.word(load(self._paths.var, self._host), running=True), local)


def loop(paths: Paths, host: Host, mode: Mode) -> Loop:
    """Return the loop `git`: a sync each minute, and two seconds after this store appended an event."""
    return Loop("git", lambda: turn(paths, host, mode), RHYTHM, host.entropy)


def turn(paths: Paths, host: Host, mode: Mode) -> bool:
    """Sync once; return whether it succeeded.

    A remote that does not answer is no failure of the loop: `sync.json` records it, and the next turn comes later.
    """
    lower_priority()
    with open_store(paths, host) as store:
        try:
            done = cycle.synchronize(store, local_only=mode.local_only())
        except ThrumError as error:
            logger.warning("sync: %s (%s)", error.message, error.code)
            return False
        settings_copy.keep(paths, host)
    for sentence in done.damaged:
        logger.warning("sync: %s", sentence)
    if done.taken or done.pushed:
        logger.info("sync: %d events taken in%s", done.taken, ", ours pushed" if done.pushed else "")
    return True


def lower_priority() -> None:
    """Let agents go first on a busy machine: lower the priority of this thread and of the git it starts.

    Only on Linux, where a thread has its own niceness; elsewhere it is the whole daemon's, which serves agents.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
