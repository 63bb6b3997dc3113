"""The Unix socket: one line per frame, for processes of this user only, as the kernel says who they are."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import anyio

from thrum_mcp.daemon.limits import Limits
from thrum_mcp.daemon.parts.supervisor import guarded
from thrum_mcp.daemon.process import file_names
from thrum_mcp.daemon.rpc import jsonrpc
from thrum_mcp.daemon.rpc.jsonrpc import RpcError
from thrum_mcp.lines import LineSplitter
from thrum_store.errors import StorageFailed, Unsupported
from thrum_store.machine.host import Host
from thrum_store.repository.paths import Paths

from .connections import Connections

logger = logging.getLogger(__name__)

_CHUNK = 64 * 1024
_WAITING = 128  # connections that the kernel holds until we take them
_NO_SOCKETS = {errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL, errno.ENAMETOOLONG}


class _Overlong(Exception):
    """Raised after a line that is longer than a frame may be."""


class SocketListener:
    """The part that listens on the Unix socket."""

    name = "socket"

    def __init__(self, paths: Paths, host: Host, reception: Connections, limits: Limits) -> None:
        self._paths, self._host, self._reception, self._limits = paths, host, reception, limits
        self.path = ""

    async def run(self, running: Callable[[], None]) -> None:
        """Serves until it is cancelled. Raises Unsupported or StorageFailed where there can be no socket."""
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
                if open_now >= self._limits.connections or not same_user(writer.get_extra_info("socket")):
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
        connection = SocketConnection(writer)
        try:
            await self._reception.serve(connection, self._frames(connection, reader))
        except _Overlong:
            sentence = f"a request has at most {self._limits.frame:,} bytes"
            connection.post(jsonrpc.error(None, RpcError(jsonrpc.INVALID_REQUEST, sentence, "too_long")))
            with anyio.move_on_after(self._limits.token), suppress(ConnectionError):
                await writer.drain()
        except ConnectionError as error:
            logger.info("a client left: %s", error)

    async def _frames(self, connection: SocketConnection, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        """A client's lines, until it leaves or is silent for too long."""
        lines = LineSplitter(self._limits.frame)
        begun = None
        while True:
            begun = (begun or anyio.current_time()) if lines.unfinished else None
            data = b""
            with anyio.CancelScope(deadline=self._deadline(connection, begun)):
                data = await reader.read(_CHUNK)
            if not data:  # it left, or took too long
                return
            for line in lines.feed(data):
                yield line
            if lines.overlong:
                raise _Overlong

    def _deadline(self, connection: SocketConnection, begun: float | None) -> float:
        if begun is not None:
            return begun + self._limits.unfinished
        return math.inf if self._reception.listens(connection) else anyio.current_time() + self._limits.idle

    def _bind(self) -> socket.socket:
        """A socket that listens; only we may be here, because we hold the lease."""
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
    """A socket at this path, for us alone: nobody can connect before its mode is set, because only then it listens."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        host.storage.remove(path)  # what is there is stale
        listening.bind(path)
        os.chmod(path, 0o600)
        listening.listen(_WAITING)
    except BaseException:
        listening.close()
        raise
    return listening


def same_user(peer: socket.socket) -> bool:
    """Whether the process at the other end belongs to our user, by the kernel's word where it gives it."""
    if sys.platform == "linux":
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", credentials)
        return bool(uid == os.getuid())
    if sys.platform == "darwin":
        told = peer.getsockopt(0, 1, 76)  # SOL_LOCAL, LOCAL_PEERCRED: struct xucred, version and uid first
        return bool(struct.unpack_from("2I", told)[1] == os.getuid())
    return True  # the socket's mode decides alone


class SocketConnection:
    """A client of the Unix socket."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._transport = writer.transport

    @property
    def backlog(self) -> int:
        """Bytes that the client has not taken yet."""
        return self._transport.get_write_buffer_size()

    def post(self, frame: bytes) -> None:
        """Sends a frame as a line, without waiting."""
        if not self._transport.is_closing():
            self._writer.write(frame + b"\n")

    async def drained(self) -> None:
        """Waits until most is taken. Raises ConnectionError where nobody is there any more."""
        await self._writer.drain()

    def cut(self, reason: str) -> None:
        """Ends the connection at once."""
        logger.warning("a client of the socket was cut off: %s", reason)
        self._transport.abort()
