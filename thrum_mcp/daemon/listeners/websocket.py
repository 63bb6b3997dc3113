"""The WebSocket on loopback: for programs and web pages of this user on this machine.

Any user can connect to a TCP port, and any web page can make a browser connect. So a client must send the right Host
and Origin headers and the token from a file that only its owner can read, before its first call is answered.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import http
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence

import anyio
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from thrum_mcp.daemon.limits import LIMITS, Limits
from thrum_mcp.daemon.process import file_names
from thrum_mcp.daemon.rpc import jsonrpc
from thrum_mcp.daemon.rpc.jsonrpc import RpcError
from thrum_store.errors import StorageFailed
from thrum_store.machine.host import Host
from thrum_store.repository.paths import Paths

from .connections import Connections

logger = logging.getLogger(__name__)

PROTOCOL = "thrum"
PREFIX = "thrum.token."  # of a token that is sent as a subprotocol
_TRIES = 100  # ports after the wanted one
_LAST_PORT = 65535
_TOKEN_LENGTH = 64
_FAREWELL = 2.0  # seconds for clients to close their connections when the daemon stops
_LOOPBACK, _LOOPBACK_6 = "127.0.0.1", "::1"
_NO_IPV6 = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_NAMES = ("localhost", "127.0.0.1", "[::1]")
_POLICY, _LATER = 1008, 1013
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class _Client(ServerConnection):
    """A connection; `known` once the client has shown the token."""

    known = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or drop it if there are too many."""
        super().connection_made(transport)
        if len(self.server.handler_tasks) > LIMITS.connections:
            self.transport.abort()


class WebSocketListener:
    """The part of the daemon that listens on loopback."""

    name = "websocket"

    def __init__(self, paths: Paths, host: Host, connections: Connections, limits: Limits, wanted_port: int) -> None:
        self._paths, self._host, self._connections, self._limits = paths, host, connections, limits
        self._wanted, self._path = wanted_port, file_names.token_file(paths)
        self._token = b""
        self.port: int | None = None

    async def run(self, running: Callable[[], None]) -> None:
        """Serve until cancelled. Raises StorageFailed if no port is free."""
        self._token = token(self._paths, self._host).encode()
        bound, self.port = listening(self._wanted)
        servers = [await self._server(listener) for listener in bound]
        try:
            self._host.storage.replace(file_names.port_file(self._paths), b"%d\n" % self.port)
            running()
            await anyio.sleep_forever()
        finally:
            self.port = None
            self._host.storage.remove(file_names.port_file(self._paths))
            with anyio.move_on_after(_FAREWELL, shield=True):
                for server in servers:
                    server.close()
                for server in servers:
                    await server.wait_closed()

    def _server(self, bound: socket.socket) -> Server:
        return serve(
            self._serve,
            sock=bound,
            compression=None,
            process_request=self._check,
            select_subprotocol=_select,
            server_header=None,
            open_timeout=self._limits.handshake,
            close_timeout=1,
            max_size=self._limits.frame,
            create_connection=_Client,
        )

    def _check(self, client: ServerConnection, request: Request) -> Response | None:
        """Return the answer that ends a handshake, or None to continue it."""
        assert isinstance(client, _Client)
        refused = refusal(request, self.port)
        if refused is not None:
            return _respond(*refused)
        if "Upgrade" not in request.headers:
            return _plain(request.path)
        offered = _tokens(request)
        if offered and not (len(offered) == 1 and hmac.compare_digest(offered[0], self._token)):
            return _respond(http.HTTPStatus.UNAUTHORIZED, f"wrong token; {self._where()}\n")
        client.known = bool(offered)
        return None

    async def _serve(self, client: ServerConnection) -> None:
        assert isinstance(client, _Client)
        connection = WebConnection(client)
        try:
            if not client.known and not await self._authenticates(client):
                await client.close(_POLICY, f"show the token first; it is in {os.path.basename(self._path)}")
                return
            with connection.scope:
                await self._connections.serve(connection, _frames(client))
            if connection.reason:
                await client.close(_LATER, connection.reason)
        except ConnectionClosed as closed:
            logger.info("a client left: %s", closed)

    async def _authenticates(self, client: ServerConnection) -> bool:
        """Return whether the first message comes within the limit and shows the token."""
        with anyio.move_on_after(self._limits.token):
            frame = jsonrpc.parse(await client.recv(decode=False), 1)
            call = frame.calls[0]
            given = str(call.params.get("token", "")).encode("utf-8", "replace")
            if call.method == "auth" and hmac.compare_digest(given, self._token):
                broadcast([client], jsonrpc.result(call.id, {"status": "ok"}), text=True)
                return True
            problem = "wrong token" if call.method == "auth" else "show the token first"
            hint = f'{self._where()}: send {{"jsonrpc": "2.0", "id": 1, "method": "auth", "params": {{"token": "…"}}}}'
            refused = RpcError(jsonrpc.REFUSED, problem, "refused", hint)
            broadcast([client], jsonrpc.error(call.id, refused), text=True)
        return False

    def _where(self) -> str:
        """Return where the token lies. No page of the web gets to know: its Origin is refused before."""
        return f"it is in {self._path}"


class WebConnection:
    """A client of the WebSocket."""

    def __init__(self, client: ServerConnection) -> None:
        self._client = client
        self.scope = anyio.CancelScope()
        self.reason = ""

    @property
    def backlog(self) -> int:
        """The bytes that the client has not taken yet."""
        return self._client.transport.get_write_buffer_size()

    def post(self, frame: bytes) -> None:
        """Send a frame as a text message, without waiting."""
        broadcast([self._client], frame, text=True)

    async def drained(self) -> None:
        """Wait until the client has taken most of the backlog."""
        await self._client.drain()

    def disconnect(self, reason: str) -> None:
        """End the connection with close code 1013: try again later."""
        logger.warning("disconnected a client of the WebSocket: %s", reason)
        self.reason = reason
        self.scope.cancel()


async def _frames(client: ServerConnection) -> AsyncIterator[bytes]:
    """Yield a client's messages, text or binary, until it leaves."""
    try:
        while True:
            yield await client.recv(decode=False)
    except ConnectionClosed:
        return


# --- checks before the handshake ------------------------------------------------------------------------------------


def refusal(request: Request, port: int | None) -> tuple[http.HTTPStatus, str] | None:
    """Return the status and text that refuse a request; None if Host and Origin are ours and given once."""
    if request.method != "GET":
        return http.HTTPStatus.METHOD_NOT_ALLOWED, "only GET\n"
    if request.protocol != "HTTP/1.1":
        return http.HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.1\n"
    if request.headers.get_all("Host") not in [[f"{name}:{port}"] for name in _NAMES]:
        return http.HTTPStatus.FORBIDDEN, "wrong Host\n"
    origins = request.headers.get_all("Origin")
    if origins and origins not in [[f"http://{name}:{port}"] for name in _NAMES]:
        return http.HTTPStatus.FORBIDDEN, "wrong Origin\n"
    return None


def _plain(path: str) -> Response:
    """Return the answer to plain HTTP: that the daemon is alive, and nothing else."""
    if path == "/health":
        return _respond(http.HTTPStatus.OK, '{"status":"ok"}\n', "application/json")
    return _respond(http.HTTPStatus.UPGRADE_REQUIRED, "this is a WebSocket\n")


def _respond(status: http.HTTPStatus, text: str, media_type: str = "text/plain") -> Response:
    body = text.encode()
    fixed = {"Content-Type": f"{media_type}; charset=utf-8", "Content-Length": str(len(body)), "Connection": "close"}
    return Response(status, status.phrase, Headers({**_HEADERS, **fixed}), body)


def _tokens(request: Request) -> list[bytes]:
    """Return the tokens that were sent as subprotocols."""
    offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol")).split(",")
    names = [name.strip() for name in offered]
    return [name.removeprefix(PREFIX).encode("utf-8", "replace") for name in names if name.startswith(PREFIX)]


def _select(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Return our subprotocol if it is offered. A token beside it is never sent back."""
    return Subprotocol(PROTOCOL) if PROTOCOL in offered else None


# --- port and token -------------------------------------------------------------------------------------------------


def listening(wanted: int) -> tuple[list[socket.socket], int]:
    """Return sockets that listen on loopback, IPv4 and if possible IPv6, and their port: the first free one.

    Raises StorageFailed if a hundred ports are taken.
    """
    for port in range(wanted, min(wanted + _TRIES, _LAST_PORT + 1)):
        bound = _bound(port)
        if bound:
            return bound, port
    raise StorageFailed(f"no port is free from {wanted} on")


def _bound(port: int) -> list[socket.socket]:
    """Return a socket for each address family, or none if the port is taken. Raises StorageFailed."""
    bound: list[socket.socket] = []
    for address, family in ((_LOOPBACK, socket.AF_INET), (_LOOPBACK_6, socket.AF_INET6)):
        try:
            bound.append(_socket(family, address, port))
        except OSError as error:
            if error.errno in _NO_IPV6 and family == socket.AF_INET6:
                return bound
            for earlier in bound:
                earlier.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return []
            raise StorageFailed(f"cannot listen on {address}: {error.strerror}") from error
    return bound


def _socket(family: int, address: str, port: int) -> socket.socket:
    """Return a socket that listens on an address. Raises OSError."""
    made = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen()
    except OSError:
        made.close()
        raise
    return made


def token(paths: Paths, host: Host) -> str:
    """Return the secret of this store's WebSocket: 64 hex digits in a file for its owner alone, made once."""
    path = file_names.token_file(paths)
    try:
        if not os.stat(path, follow_symlinks=False).st_mode & 0o077:
            secret = host.storage.read(path).decode("ascii", "replace").strip()
            if len(secret) == _TOKEN_LENGTH:
                return secret
    except FileNotFoundError:
        pass
    secret = host.entropy.token(_TOKEN_LENGTH // 2)
    host.storage.replace(path, secret.encode() + b"\n")
    return secret
