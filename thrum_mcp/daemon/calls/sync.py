"""sync.*"""

from __future__ import annotations

from thrum_store.host import REAL
from thrum_store.service import syncing
from thrum_store.service.syncing import SyncForced, SyncStatus

from .. import gitsync
from ..desk import Desk, Nothing, method


def _status(desk: Desk, _: Nothing) -> SyncStatus:
    """Where the sync stands, and everything that was refused. Asks no remote."""
    return syncing.status(desk.store, running=True, local=gitsync.local_only(desk.daemon.paths, REAL))


def _force(desk: Desk, _: Nothing) -> SyncForced:
    """Syncs now, and answers once that is done."""
    return syncing.force(desk.store, running=True, local=gitsync.local_only(desk.daemon.paths, REAL))


METHODS = {"sync.status": method(_status), "sync.force": method(_force)}
