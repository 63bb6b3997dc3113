"""The dispatcher of frames to the methods of the table. It runs on a worker thread."""

from __future__ import annotations

import logging
from typing import NamedTuple

from thrum_mcp.daemon.limits import Limits
from thrum_store.errors import ThrumError
from thrum_store.values import Record

from . import jsonrpc
from .jsonrpc import Call, RpcError
from .methods import METHODS
from .request_context import Daemon, Listening, RequestContext

logger = logging.getLogger(__name__)


class Answer(NamedTuple):
    """The frame to send back, if any, and the notifications that the connection asked for, if it did."""

    frame: bytes | None
    listening: Listening | None = None


class Dispatcher(Record):
    """Answers frames for a daemon. Opens the store for each frame, as every process does."""

    daemon: Daemon
    limits: Limits

    def answer(self, data: bytes, *, listens: bool) -> Answer:
        """Return the answer to a frame. Never raises: errors are part of the answer."""
        frame = jsonrpc.parse(data, self.limits.batch)
        context = RequestContext(self.daemon, listens=listens)
        try:
            answers = [_answer(call, context) for call in frame.calls]
        finally:
            context.close()
        return Answer(_packed(answers, frame.batch), context.listening)


def _answer(call: Call, context: RequestContext) -> bytes | None:
    """Return the answer to a call, an error included; None for a notification."""
    try:
        answer = jsonrpc.result(call.id, _result(call, context))
    except RpcError as error:
        answer = jsonrpc.error(call.id, error)
    except ThrumError as error:
        answer = jsonrpc.error(call.id, jsonrpc.refusal(error))
    except Exception:
        logger.exception("%s failed", call.method)
        failure = RpcError(jsonrpc.INTERNAL, "thrum failed at this", "internal", "`thrum daemon logs` says why")
        answer = jsonrpc.error(call.id, failure)
    return answer if call.wants_answer else None


def _result(call: Call, context: RequestContext) -> object:
    if call.fault is not None:
        raise call.fault
    method = METHODS.get(call.method)
    if method is None:
        raise RpcError(jsonrpc.UNKNOWN_METHOD, f"there is no method {call.method[:100]!r}", "unknown_method")
    return method.run(context, call.method, call.params)


def _packed(answers: list[bytes | None], batch: bool) -> bytes | None:
    """Return the frame that carries the answers; None without any."""
    frames = [answer for answer in answers if answer is not None]
    if not frames:
        return None
    return jsonrpc.batch(frames) if batch else frames[0]
