"""Limits on the clients of the daemon."""

from __future__ import annotations

from thrum_store.values import Record


class Limits(Record):
    """Limits on a client: sizes in bytes, times in seconds."""

    frame: int = 1024 * 1024  # a request or a batch
    batch: int = 64  # calls in a batch
    connections: int = 512  # for each listener
    workers: int = 16  # calls that run at the same time
    handshake: float = 5.0  # from connecting to a WebSocket
    token: float = 2.0  # from then on to the token
    unfinished: float = 30.0  # from the first byte of a request to its last
    idle: float = 300.0  # without a request, for a client that gets no notifications
    backlog: int = 256 * 1024  # bytes that wait for a slow reader before it gets no more
    patience: float = 30.0  # for a reader that takes nothing, before it is disconnected; the kernel buffers some


LIMITS = Limits()
