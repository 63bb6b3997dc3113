"""The Unix socket: one frame per line, only for processes of this user; the kernel tells who they are."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import os
import socket
from collections.abc import AsyncIterator, Callable

import anyio

from thrum_mcp.daemon.limits import Limits
from thrum_mcp.daemon.parts.supervisor import guarded
from thrum_mcp.daemon.process import facts, file_names
from thrum_mcp.daemon.rpc import jsonrpc
from thrum_mcp.daemon.rpc.jsonrpc import RpcError
from thrum_mcp.lines import LineSplitter
from thrum_store.errors import StorageFailed, Unsupported
from thrum_store.machine.host import Host
from thrum_store.repository.paths import Paths

from .connections import Connections

logger = logging.getLogger(__name__)

_CHUNK = 64 * 1024
_QUEUE = 128  # connections that the kernel holds until the daemon accepts them
_NO_SOCKETS = {errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL, errno.ENAMETOOLONG}


class _Overlong(Exception):
    """Raised after a line that is longer than a frame may be."""


class SocketListener:
    """The part that listens on the Unix socket."""

    name = "socket"

    def __init__(self, paths: Paths, host: Host, connections: Connections, limits: Limits) -> None:
        self._paths, self._host, self._connections, self._limits = paths, host, connections, limits
        self.path = ""

    async def run(self, running: Callable[[], None]) -> None:
        """Serve until cancelled. Raises Unsupported or StorageFailed if there can be no socket."""
        listening = self._bind()
        open_now = 0
        async with anyio.create_task_group() as group:

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal open_now
                try:
                    await guarded("a connection", self._serve(reader, writer))
                finally:
                    open_now -= 1
                    writer.transport.abort()

            def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal open_now
                if open_now >= self._limits.connections or not facts.is_same_user(writer.get_extra_info("socket")):
                    writer.transport.abort()
                else:
                    open_now += 1
                    group.start_soon(serve, reader, writer)

            server = await asyncio.start_unix_server(accepted, sock=listening, limit=_CHUNK)
            running()
            try:
                await anyio.sleep_forever()
            finally:
                server.close()
                self._unbind()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(SocketConnection(writer), reader)
        except ConnectionError as error:
            logger.info("a client left: %s", error)

    async def _answer(self, connection: SocketConnection, reader: asyncio.StreamReader) -> None:
        try:
            await self._connections.serve(connection, self._frames(connection, reader))
        except _Overlong:
            sentence = f"a request has at most {self._limits.frame:,} bytes"
            connection.post(jsonrpc.error(None, RpcError(jsonrpc.INVALID_REQUEST, sentence, "too_long")))
            with anyio.move_on_after(self._limits.token):
                await connection.drained()

    async def _frames(self, connection: SocketConnection, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        """Yield a client's lines until it leaves or is silent for too long. Raises _Overlong."""
        lines = LineSplitter(self._limits.frame)
        begun = None
        while True:
            begun = (begun or anyio.current_time()) if lines.unfinished else None
            data = b""
            with anyio.CancelScope(deadline=self._deadline(connection, begun)):
                data = await reader.read(_CHUNK)
            if not data:  # the client left, or took too long
                return
            for line in lines.feed(data):
                yield line
            if lines.overlong:
                raise _Overlong

    def _deadline(self, connection: SocketConnection, begun: float | None) -> float:
        """Return the time by which the next bytes must come; `begun` is when an unfinished request began."""
        if begun is not None:
            return begun + self._limits.unfinished
        return math.inf if self._connections.listens(connection) else anyio.current_time() + self._limits.idle

    def _bind(self) -> socket.socket:
        """Return a listening socket. Only the holder of the lease gets to this point, so an old file is stale."""
        usual = file_names.usual_socket(self._paths)
        if file_names.fits(usual):
            try:
                listening = _bound(usual, self._host)
            except OSError as error:
                if error.errno not in _NO_SOCKETS:
                    raise StorageFailed(f"cannot listen on {usual}: {error.strerror}") from error
            else:
                self._host.storage.remove(file_names.pointer_file(self._paths))
                self.path = usual
                return listening
        self.path = file_names.short_socket(self._paths, self._host)
        try:
            listening = _bound(self.path, self._host)
        except OSError as error:
            raise Unsupported(f"cannot listen on {self.path}: {error.strerror}", hint="set XDG_RUNTIME_DIR") from error
        self._host.storage.replace(file_names.pointer_file(self._paths), os.fsencode(self.path) + b"\n")
        return listening

    def _unbind(self) -> None:
        for path in (self.path, file_names.pointer_file(self._paths)):
            self._host.storage.remove(path)


def _bound(path: str, host: Host) -> socket.socket:
    """Return a socket at this path, for our user alone: it listens only once its mode is set."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        host.storage.remove(path)  # left by a daemon that crashed
        listening.bind(path)
        os.chmod(path, 0o600)
        listening.listen(_QUEUE)
    except BaseException:
        listening.close()
        raise
    return listening


class SocketConnection:
    """A client of the Unix socket."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._transport = writer.transport

    @property
    def backlog(self) -> int:
        """The bytes that the client has not taken yet."""
        return self._transport.get_write_buffer_size()

    def post(self, frame: bytes) -> None:
        """Send a frame as a line, without waiting."""
        if not self._transport.is_closing():
            self._writer.write(frame + b"\n")

    async def drained(self) -> None:
        """Wait until the client has taken most of the backlog. Raises ConnectionError if it left."""
        await self._writer.drain()

    def disconnect(self, reason: str) -> None:
        """End the connection at once."""
        logger.warning("disconnected a client of the socket: %s", reason)
        self._transport.abort()
