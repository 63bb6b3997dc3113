"""MCP over two pipes, as the pair of streams that the SDK's `Server.run` needs.

The SDK's own stdio transport sends every line through worker threads. Here the event loop waits for the descriptors
itself, which halves the time of a call. Each pending request learns when the last byte of its answer was written, which
makes a handover safe (`pending_requests.py`). Lines that the light front read come first, by replay (`main.py`).
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

from thrum_store.machine.host import failpoint

from . import early_answers, pipes
from .pending_requests import PendingRequests
from .pipes import Handoff, Line

logger = logging.getLogger(__name__)


class _Stream:
    """A direction of the connection: a context manager that `aclose` ends."""

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
        """Do nothing: the descriptors live as long as the process."""


class Writer(_Stream):
    """Writes answers and notifications, one whole line each; a cancellation never tears one."""

    def __init__(self, fd: int, requests: PendingRequests) -> None:
        self._fd = fd
        self._requests = requests
        self._turn = anyio.Lock(fast_acquire=True)
        self._writing = anyio.CancelScope()
        self._abandoned = False
        self._replayed: dict[RequestId, early_answers.Result] = {}
        if pipes.is_pipe(fd):
            os.set_blocking(fd, False)

    def expect(self, result: early_answers.Result) -> RequestId:
        """Return an id under which to replay an answered request; the SDK's answer is compared and dropped."""
        request_id = f"replayed-{os.urandom(8).hex()}"
        self._replayed[request_id] = result
        return request_id

    async def send(self, item: SessionMessage, /) -> None:
        """Write one message; if it is an answer, settle its request.

        Raises BrokenResourceError if the client does not read any more.
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
            await self._requests.end(message.id, answered=written and good)
        elif isinstance(message, JSONRPCError):
            await self._requests.end(message.id, answered=False)

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
        """Stop writing to a client that may not read: the process is about to end."""
        self._abandoned = True
        self._writing.cancel()

    def _is_replayed(self, message: object) -> bool:
        if not isinstance(message, JSONRPCResponse | JSONRPCError) or message.id not in self._replayed:
            return False
        early = self._replayed.pop(message.id)
        if isinstance(message, JSONRPCError) or message.result != early:
            logger.warning("an early answer differs from the SDK's; run docs/generate/early_answers.py")
        return True


class Reader(_Stream):
    """Reads messages from the client: first those that the front kept, then new ones."""

    def __init__(self, handoff: Handoff, requests: PendingRequests, writer: Writer) -> None:
        self._fd = handoff.pipes.input
        self._can_wait = pipes.can_wait(self._fd)
        self._splitter = handoff.splitter
        self._lines = deque(handoff.lines)
        self._ended = handoff.ended
        self._requests = requests
        self._writer = writer

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message. Raises EndOfStream after the last, once pending requests had time to finish."""
        await anyio.lowlevel.checkpoint()
        while True:
            while self._lines:
                message = await self._parsed(self._lines.popleft())
                if message is not None:
                    return message
            if self._ended:
                await self._requests.drain()
                self._writer.abandon()
                raise anyio.EndOfStream
            await self._read()

    async def _read(self) -> None:
        if self._can_wait:
            await anyio.wait_readable(self._fd)
        data = os.read(self._fd, pipes.CHUNK)
        self._ended = not data
        lines = self._splitter.feed(data) if data else self._splitter.rest()
        self._lines.extend(Line(line) for line in lines)

    async def _parsed(self, line: Line) -> SessionMessage | None:
        try:
            message = jsonrpc_message_adapter.validate_json(line.data.decode(errors="replace"), by_name=False)
        except ValidationError as error:
            await self._refuse(line.data, error)
            return None
        if not isinstance(message, JSONRPCRequest):
            return SessionMessage(message)
        if line.answered is not None:
            message.id = self._writer.expect(line.answered)
            return SessionMessage(message)
        return self._begun(message)

    def _begun(self, request: JSONRPCRequest) -> SessionMessage | None:
        pending = self._requests.begin(request.id, request.method)
        if pending is None:
            logger.warning("ignored a request with the id of a pending request")
            return None
        unanswered = partial(self._requests.end, request.id, answered=False)
        metadata = ServerMessageMetadata(request_context=pending, on_request_unanswered=unanswered)
        return SessionMessage(request, metadata)

    async def _refuse(self, line: bytes, error: ValidationError) -> None:
        """Answer an invalid line with an error if it names a request; else only log it."""
        frame = early_answers.parse(line)
        reason = _reason(error) if frame is None or b"\\ud" not in line.lower() else _SURROGATE
        logger.info("refused a frame of %d bytes: %s", len(line), reason)
        request_id = None if frame is None else _answer_id(frame)
        if request_id is None or request_id in self._requests:
            return
        refusal = ErrorData(code=INVALID_REQUEST, message=f"Invalid request: {reason}")
        with suppress(anyio.BrokenResourceError):
            await self._writer.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=request_id, error=refusal)))


_SURROGATE = "a string holds half of a surrogate pair, which is not valid Unicode"


def _reason(error: ValidationError) -> str:
    return "; ".join(sorted({str(detail["msg"]) for detail in error.errors(include_url=False)}))


def _answer_id(frame: early_answers.Frame) -> RequestId | None:
    """Return the id under which the client waits for an answer, or None."""
    request_id: RequestId | None = frame.get("id")
    if "method" not in frame or not early_answers.usable_id(request_id) or not str(request_id).isprintable():
        return None
    return request_id
