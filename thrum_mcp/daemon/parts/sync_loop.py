"""The loop that syncs through git, and whether it may leave this machine."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from typing import NamedTuple

from thrum_store.errors import Invalid, ThrumError
from thrum_store.machine.host import Host
from thrum_store.repository.paths import Paths
from thrum_store.store import open_store
from thrum_store.sync import cycle, state
from thrum_store.sync.remote import settings

from .loops import Loop, Rhythm

logger = logging.getLogger(__name__)

_NICENESS = 10
RHYTHM = Rhythm(every=60, after_change=2)


def loop(paths: Paths, host: Host) -> Loop:
    """The loop `git`: a sync each minute, and two seconds after something was said."""
    return Loop("git", lambda: turn(paths, host), RHYTHM, host.entropy)


def turn(paths: Paths, host: Host) -> bool:
    """One turn: a sync; whether it went well. That a remote does not answer is no failure of the loop: the sync's own
    state says so, and the loop takes its time until the next one."""
    _step_back()
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


def _step_back() -> None:
    """Lets agents go first where there is no processor for all, and every git that this thread starts does the same.

    Linux counts niceness by thread; elsewhere it would be the whole daemon's, which serves agents.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class SyncStanding(NamedTuple):
    """How the sync is: idle before the first one, then synced or error; and whether it stays on this machine."""

    word: str
    local_only: bool


def standing(paths: Paths, host: Host) -> SyncStanding:
    """How the sync is. Where config.json cannot be understood nothing leaves this machine, and that is an error."""
    try:
        local = local_only(paths, host)
    except Invalid:
        return SyncStanding("error", local_only=True)
    remembered = state.load(paths.var, host)
    if remembered.last_error is not None:
        return SyncStanding("error", local)
    return SyncStanding("idle" if remembered.last_sync_ms is None else "synced", local)


def local_only(paths: Paths, host: Host) -> bool:
    """Whether a running daemon keeps everything here: what config.json says at this moment, for a flag or a variable
    that it was started with is noted there. Raises Invalid."""
    return settings.local_only(paths, host, environ={})


def settle(paths: Paths, host: Host, flag: bool | None) -> None:
    """Notes in config.json what a flag, or else THRUM_LOCAL, says. Raises Invalid where either means nothing."""
    local = settings.local_only(paths, host, flag)
    if flag is not None or os.environ.get("THRUM_LOCAL"):
        _choose(paths, host, local)


def _choose(paths: Paths, host: Host, local: bool) -> None:
    """Notes in config.json whether everything stays on this machine. Raises Invalid where that is no such file."""
    path = os.path.join(paths.thrum, "config.json")
    try:
        told = json.loads(host.storage.read(path))
    except FileNotFoundError:
        told = {}
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Invalid(f"{path} is not a JSON object", hint='write {"local_only": true} there')
    if told.get("local_only") is not local:
        host.storage.replace(path, json.dumps({**told, "local_only": local}, indent=2).encode() + b"\n")
