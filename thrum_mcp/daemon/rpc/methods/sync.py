"""sync.*"""

from __future__ import annotations

from thrum_mcp.daemon.parts import sync_loop
from thrum_mcp.daemon.rpc.request_context import Nothing, RequestContext, method
from thrum_store.machine.host import REAL
from thrum_store.service.upkeep import syncing
from thrum_store.service.upkeep.syncing import SyncForced, SyncStatus


def _status(desk: RequestContext, _: Nothing) -> SyncStatus:
    """Where the sync stands, and everything that was refused. Asks no remote."""
    return syncing.status(desk.store, running=True, local=sync_loop.local_only(desk.daemon.paths, REAL))


def _force(desk: RequestContext, _: Nothing) -> SyncForced:
    """Syncs now, and answers once that is done."""
    return syncing.force(desk.store, running=True, local=sync_loop.local_only(desk.daemon.paths, REAL))


METHODS = {"sync.status": method(_status), "sync.force": method(_force)}
