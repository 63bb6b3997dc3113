"""MCP over two pipes, as the pair of streams that the SDK's `Server.run` asks for.

The SDK's own stdio transport sends every line through worker threads. Here the event loop waits for the descriptors
itself, which halves a call, and tells each exchange when the last byte of its answer was written, which is what makes
a handover safe (exchange.py). Frames that the light front answered already come first, by replay (front.py).
"""

from __future__ import annotations

import logging
import os
from collections import deque
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

import anyio
import anyio.lowlevel
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)
from mcp_types.jsonrpc import jsonrpc_message_adapter
from pydantic import ValidationError

from thrum_store.machine.storage import failpoint

from . import early_answers, pipes
from .handoff import Frame, Handoff
from .pending_requests import PendingRequests

logger = logging.getLogger(__name__)


class _Stream:
    """What both directions share: they are context managers that `aclose` ends."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Says that this direction is not used any more."""


class Writer(_Stream):
    """Answers and notifications to the client, one whole line each, never torn by a cancellation."""

    def __init__(self, fd: int, exchanges: PendingRequests) -> None:
        self._fd = fd
        self._exchanges = exchanges
        self._turn = anyio.Lock(fast_acquire=True)
        self._writing = anyio.CancelScope()
        self._abandoned = False
        self._replayed: dict[RequestId, early_answers.Result] = {}
        if pipes.is_pipe(fd):
            os.set_blocking(fd, False)

    def expect(self, result: early_answers.Result) -> RequestId:
        """An id for a request that was answered already; what the SDK says to it is compared and dropped."""
        request_id = f"replayed-{os.urandom(8).hex()}"
        self._replayed[request_id] = result
        return request_id

    async def send(self, item: SessionMessage, /) -> None:
        """Writes one message; on return it is out, and if it was an answer, its exchange is settled.

        Raises BrokenResourceError where the client does not read any more.
        """
        message = item.message
        if self._is_replayed(message):
            return
        data = message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
        written = False
        try:
            async with self._turn:
                await self._write(data)
            written = True
        except OSError as error:
            raise anyio.BrokenResourceError from error
        finally:
            await self._settle(message, written=written)

    async def _settle(self, message: JSONRPCMessage, *, written: bool) -> None:
        if isinstance(message, JSONRPCResponse):
            failpoint("mcp.answered")
            good = not message.result.get("isError")
            await self._exchanges.end(message.id, answered=written and good)
        elif isinstance(message, JSONRPCError):
            await self._exchanges.end(message.id, answered=False)

    async def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        with anyio.CancelScope(shield=True) as self._writing:
            while rest and not self._abandoned:
                try:
                    rest = rest[os.write(self._fd, rest) :]
                except BlockingIOError:
                    await anyio.wait_writable(self._fd)
        if rest:
            raise BrokenPipeError("the client does not read")

    def abandon(self) -> None:
        """Gives up on a client that does not read: the process is about to end."""
        self._abandoned = True
        self._writing.cancel()

    def _is_replayed(self, message: object) -> bool:
        if not isinstance(message, JSONRPCResponse | JSONRPCError) or message.id not in self._replayed:
            return False
        said = self._replayed.pop(message.id)
        if isinstance(message, JSONRPCError) or message.result != said:
            logger.warning("an early answer was not what the SDK says; see thrum_mcp/generate.py")
        return True


class Reader(_Stream):
    """Messages from the client: first what the front kept, then what comes."""

    def __init__(self, handed: Handoff, exchanges: PendingRequests, writer: Writer) -> None:
        self._fd = handed.wire.read
        self._waits = pipes.can_wait(self._fd)
        self._lines = handed.lines
        self._frames = deque(handed.frames)
        self._ended = handed.ended
        self._exchanges = exchanges
        self._writer = writer

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def receive(self) -> SessionMessage | Exception:
        """The next message. Raises EndOfStream after the last, once what is in progress had time to finish."""
        await anyio.lowlevel.checkpoint()
        while True:
            while self._frames:
                message = await self._understood(self._frames.popleft())
                if message is not None:
                    return message
            if self._ended:
                await self._exchanges.drain()
                self._writer.abandon()
                raise anyio.EndOfStream
            await self._read()

    async def _read(self) -> None:
        if self._waits:
            await anyio.wait_readable(self._fd)
        data = os.read(self._fd, pipes.CHUNK)
        self._ended = not data
        lines = self._lines.feed(data) if data else self._lines.rest()
        self._frames.extend(Frame(line) for line in lines)

    async def _understood(self, frame: Frame) -> SessionMessage | None:
        try:
            message = jsonrpc_message_adapter.validate_json(frame.line.decode(errors="replace"), by_name=False)
        except ValidationError as error:
            await self._refuse(frame.line, error)
            return None
        if not isinstance(message, JSONRPCRequest):
            return SessionMessage(message)
        if frame.answered is not None:
            message.id = self._writer.expect(frame.answered)
            return SessionMessage(message)
        return self._opened(message)

    def _opened(self, request: JSONRPCRequest) -> SessionMessage | None:
        exchange = self._exchanges.begin(request.id, request.method)
        if exchange is None:
            logger.warning("a second request with an id in progress was ignored")
            return None
        unanswered = partial(self._exchanges.end, request.id, answered=False)
        metadata = ServerMessageMetadata(request_context=exchange, on_request_unanswered=unanswered)
        return SessionMessage(request, metadata)

    async def _refuse(self, line: bytes, error: ValidationError) -> None:
        """Tells a client that waits for an answer why there is none; what names no request is only logged."""
        frame = early_answers.parse(line)
        reason = _reason(error) if frame is None or b"\\ud" not in line.lower() else _SURROGATE
        logger.info("a frame of %d bytes was refused: %s", len(line), reason)
        request_id = None if frame is None else _asked_by(frame)
        if request_id is None or request_id in self._exchanges:
            return
        refusal = ErrorData(code=INVALID_REQUEST, message=f"Invalid request: {reason}")
        with suppress(anyio.BrokenResourceError):
            await self._writer.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=request_id, error=refusal)))


_SURROGATE = "a string holds half of a surrogate pair, which is not valid Unicode"


def _reason(error: ValidationError) -> str:
    return "; ".join(sorted({str(detail["msg"]) for detail in error.errors(include_url=False)}))


def _asked_by(frame: early_answers.Frame) -> RequestId | None:
    """The id that a client waits for an answer under, or None."""
    request_id: RequestId | None = frame.get("id")
    if "method" not in frame or not early_answers.usable_id(request_id) or not str(request_id).isprintable():
        return None
    return request_id
