"""The daemon from its first to its last moment: lease, store, PID file, parts; and back in the opposite order."""

from __future__ import annotations

import logging
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import metadata

import anyio

from thrum_mcp.shutdown import SIGNALS, exit_within
from thrum_store.machine.host import Host
from thrum_store.model import DISTRIBUTION
from thrum_store.repository.paths import Paths
from thrum_store.store import open_store
from thrum_store.times import rfc3339

from .limits import LIMITS, Limits
from .listeners.connections import Connections
from .listeners.unix_socket import SocketListener
from .listeners.websocket import WebSocketListener, wanted_port
from .parts import sync_loop
from .parts.supervisor import Health, Part, Supervisor
from .process import control, file_names
from .process.errors import DaemonFailed
from .push.push import Push
from .rpc.dispatch import Dispatcher

logger = logging.getLogger(__name__)

_GRACE = 8.0  # seconds after a signal in which everything has to end
_FILES = 4096  # open files that are plenty for every connection there may be


@dataclass(frozen=True)
class DaemonOptions:
    """How to run. `local`: what the command line said about leaving this machine; None where it said nothing."""

    local: bool | None = None
    limits: Limits = LIMITS


class Running:
    """One running daemon."""

    def __init__(self, paths: Paths, host: Host, wish: DaemonOptions) -> None:
        self.paths = paths
        self._host = host
        self._began = host.clock.monotonic()
        self._started_at = rfc3339(host.clock.wall_ms())
        self._supervisor = Supervisor()
        self._git = sync_loop.loop(paths, host)
        self._push = Push(paths, wish.limits, self._git.changed)
        self._reception = Connections(Dispatcher(self, wish.limits), self._push, wish.limits)
        self._socket = SocketListener(paths, host, self._reception, wish.limits)
        port = wanted_port(os.environ)
        self._websocket = WebSocketListener(paths, host, self._reception, wish.limits, port)

    async def run(self, ready: Callable[[], None]) -> None:
        """Serves until it is cancelled. Raises what keeps it from beginning."""
        parts: list[Part] = [self._push, self._socket, self._websocket, self._git]
        await self._supervisor.keep(parts, self._once_up(ready))

    def _once_up(self, ready: Callable[[], None]) -> Callable[[], Awaitable[None]]:
        async def up() -> None:
            broken = [part for part in self._supervisor.states() if part.name == "socket" and part.last_error]
            if broken:
                raise DaemonFailed(f"the socket cannot be served: {broken[0].last_error}")
            control.sign(self.paths, self._host, self._socket.path, self._started_at)
            self._announce()
            ready()

        return up

    def _announce(self) -> None:
        mode = "local-only" if sync_loop.standing(self.paths, self._host).local_only else "syncs with the remote"
        where = f"ws://localhost:{self._websocket.port}" if self._websocket.port else "no WebSocket"
        told = (os.getpid(), file_names.repository(self.paths), mode, self._socket.path, where)
        logger.info("serving, pid %d: %s, %s; socket %s, %s", *told)

    def local_only(self) -> bool:
        """Return whether the sync stays on this machine. Raises Invalid."""
        return sync_loop.local_only(self.paths, self._host)

    def health(self) -> Health:
        """How it is, at this moment."""
        parts = self._supervisor.states()
        standing = sync_loop.standing(self.paths, self._host)
        return Health(
            status="ok" if all(part.state == "running" for part in parts) else "degraded",
            pid=os.getpid(),
            uptime_ms=int((self._host.clock.monotonic() - self._began) * 1000),
            version=metadata.version(DISTRIBUTION),
            repo_id=os.path.basename(file_names.repository(self.paths)),
            repo_path=file_names.repository(self.paths),
            started_at=self._started_at,
            socket_path=self._socket.path,
            ws_port=self._websocket.port,
            sync_state=standing.word,
            local_only=standing.local_only,
            connections=self._reception.connections,
            listening=self._push.count,
            parts=parts,
        )


def run(paths: Paths, host: Host, wish: DaemonOptions, ready: Callable[[], None]) -> None:
    """Is this repository's daemon until a signal ends it. Must run in the main thread.

    Calls `ready` once it serves. Raises AlreadyRunning where another one is, and whatever keeps the store from opening.
    """
    lease = control.take_lease(paths, host)
    try:
        _raise_limit()
        sync_loop.settle(paths, host, wish.local)
        open_store(paths, host).close()  # heals it where it needs that, before anybody asks
        anyio.run(_serve, Running(paths, host, wish), ready)
    except ExceptionGroup as group:
        raise _innermost(group) from group
    finally:
        host.storage.remove(file_names.pid_file(paths))
        logger.info("ended")
        lease.release()


def _innermost(error: Exception) -> Exception:
    """The error itself, out of the groups that task groups put around it."""
    inside: tuple[Exception, ...] = getattr(error, "exceptions", ())
    return _innermost(inside[0]) if inside else error


async def _serve(running: Running, ready: Callable[[], None]) -> None:
    async with anyio.create_task_group() as group:

        async def end_on_signal() -> None:
            with anyio.open_signal_receiver(*SIGNALS) as signals:
                async for number in signals:
                    logger.info("ending: %s", signal.Signals(number).name)
                    exit_within(_GRACE, 1)
                    group.cancel_scope.cancel()

        group.start_soon(end_on_signal)
        await running.run(ready)


def _raise_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
