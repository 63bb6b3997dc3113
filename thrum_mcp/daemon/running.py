"""The life of the daemon: lease, store, parts and PID file, and their end in reverse order."""

from __future__ import annotations

import logging
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from importlib import metadata

import anyio
import anyio.from_thread

from thrum_mcp.shutdown import SIGNALS, exit_within
from thrum_store.identity import DISTRIBUTION
from thrum_store.machine.host import Host
from thrum_store.repository import config
from thrum_store.repository.paths import Paths
from thrum_store.store import open_store
from thrum_store.values import Record, rfc3339

from .limits import LIMITS, Limits
from .listeners.connections import Connections
from .listeners.unix_socket import SocketListener
from .listeners.websocket import WebSocketListener
from .parts import backup_loop, sync_loop
from .parts.supervisor import Health, Part, Supervisor
from .process import facts, file_names, lease
from .process.errors import DaemonFailed
from .process.lease import PidFile
from .push.notify import Push
from .rpc.dispatch import Dispatcher

logger = logging.getLogger(__name__)

_GRACE = 8.0  # seconds after a signal for everything to end
_FILES = 4096  # open files; enough for all connections


class DaemonOptions(Record):
    """Options of the daemon. `local` is the choice of the command line about syncing, None without one."""

    local: bool | None = None
    limits: Limits = LIMITS


class Running:
    """A running daemon."""

    def __init__(self, paths: Paths, host: Host, options: DaemonOptions) -> None:
        self.paths = paths
        self._host = host
        self._began = host.clock.monotonic()
        self._started_at = rfc3339(host.clock.wall_ms())
        self._supervisor = Supervisor()
        self._mode = sync_loop.Mode(paths, host, options.local)
        self._git = sync_loop.loop(paths, host, self._mode)
        self._backup = backup_loop.loop(paths, host)
        self._push = Push(paths, options.limits, self._git.changed)
        self._connections = Connections(Dispatcher(self, options.limits), self._push, options.limits)
        self._socket = SocketListener(paths, host, self._connections, options.limits)
        port = int(config.setting(paths, host, config.WEBSOCKET_PORT).value)
        self._websocket = WebSocketListener(paths, host, self._connections, options.limits, port)

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until cancelled; call `ready` once it does. Raises DaemonFailed without a socket."""
        parts: list[Part] = [self._push, self._socket, self._websocket, self._git, self._backup]
        await self._supervisor.keep(parts, self._once_up(ready))

    def _once_up(self, ready: Callable[[], None]) -> Callable[[], Awaitable[None]]:
        async def up() -> None:
            broken = [part for part in self._supervisor.states() if part.name == "socket" and part.last_error]
            if broken:
                raise DaemonFailed(f"the socket cannot be served: {broken[0].last_error}")
            self._write_pid_file()
            self._announce()
            ready()

        return up

    def _write_pid_file(self) -> None:
        pid, repository = os.getpid(), file_names.repository(self.paths)
        content = PidFile(pid, repository, self._started_at, self._socket.path, facts.started(pid))
        lease.write_pid_file(self.paths, self._host, content)

    def _announce(self) -> None:
        mode = "local-only" if self._mode.state().local_only else "syncs with the remote"
        address = f"ws://localhost:{self._websocket.port}" if self._websocket.port else "no WebSocket"
        repository = file_names.repository(self.paths)
        logger.info(
            "serving, pid %d: %s, %s; socket %s, %s", os.getpid(), repository, mode, self._socket.path, address
        )  # fmt: skip

    def local_only(self) -> bool:
        """Return whether the sync stays on this machine. Raises Invalid."""
        return self._mode.local_only()

    def sync_now(self) -> bool:
        """Let the loop sync; return whether that begins now, not after a running one. For a thread that answers."""
        return anyio.from_thread.run_sync(self._git.request)

    def health(self) -> Health:
        """Return the health of the daemon and its parts."""
        parts = self._supervisor.states()
        sync = self._mode.state()
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
            sync_state=sync.state,
            local_only=sync.local_only,
            connections=self._connections.count,
            listening=self._push.count,
            parts=parts,
        )


def run(paths: Paths, host: Host, options: DaemonOptions, ready: Callable[[], None]) -> None:
    """Serve as this repository's daemon until a signal ends it. Must run in the main thread.

    Call `ready` once it serves. Raises AlreadyRunning, and the errors of opening the store.
    """
    held = lease.take(paths, host)
    try:
        _raise_limit()
        open_store(paths, host).close()  # repairs it if needed, before the first call
        anyio.run(_serve, Running(paths, host, options), ready)
    except ExceptionGroup as group:
        raise _innermost(group) from group
    finally:
        host.storage.remove(file_names.pid_file(paths))
        logger.info("ended")
        held.release()


def _innermost(error: Exception) -> Exception:
    """Return the error inside of the groups that task groups wrap around it."""
    inside: tuple[Exception, ...] = getattr(error, "exceptions", ())
    return _innermost(inside[0]) if inside else error


async def _serve(running: Running, ready: Callable[[], None]) -> None:
    """Serve until a signal arrives."""
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
    """Allow this process enough open files for all connections, as far as the system permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
