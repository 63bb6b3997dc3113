"""The loop that makes scheduled backups. When one is due stands in a file, so a restart of the daemon delays none."""

from __future__ import annotations

import logging

from thrum_store.errors import ThrumError
from thrum_store.machine.host import Host
from thrum_store.repository.paths import Paths
from thrum_store.service.backup import schedule
from thrum_store.values import plural

from .loops import Loop, Rhythm
from .sync_loop import lower_priority

logger = logging.getLogger(__name__)

RHYTHM = Rhythm(every=30, after_change=0)  # seconds between two looks at the schedule


def loop(paths: Paths, host: Host) -> Loop:
    """Return the loop `backup`: a look at the schedule twice a minute."""
    return Loop("backup", lambda: turn(paths, host), RHYTHM, host.entropy)


def turn(paths: Paths, host: Host) -> bool:
    """Make a backup if one is due; return whether all is well. A failure is logged, and `backup status` shows it."""
    lower_priority()
    try:
        done = schedule.turn(paths, host)
    except ThrumError as error:
        logger.warning("backup: %s (%s)", error.message, error.code)
        return False
    if done is not None:
        logger.info("backup: %s in %s", plural(done.counts.events, "event"), done.directory)
    for sentence in done.warnings if done is not None else ():
        logger.warning("backup: %s", sentence)
    return True
