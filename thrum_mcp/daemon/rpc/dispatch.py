"""The one table of methods, and how a frame is answered from it. Everything here runs on one worker thread.

The methods are the use cases of the command line and of MCP under the names of JSON-RPC; `docs/rpc.md` is made from
this table.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import ValidationError

from thrum_mcp.daemon.limits import Limits
from thrum_mcp.daemon.parts.health import Health
from thrum_store.errors import ThrumError

from . import jsonrpc
from .jsonrpc import Call, RpcError
from .methods import agents, contexts, groups, messages, sessions, subscriptions, sync
from .request_context import Daemon, Listening, Method, Nothing, RequestContext, adapter, method

logger = logging.getLogger(__name__)

CALLER = "caller_agent_id"  # every method takes it; most need it


def _health(desk: RequestContext, _: Nothing) -> Health:
    """How the daemon is."""
    health: Health = desk.daemon.health()
    return health


METHODS: dict[str, Method] = {
    "health": method(_health),
    **agents.METHODS,
    **sessions.METHODS,
    **groups.METHODS,
    **messages.METHODS,
    **subscriptions.METHODS,
    **contexts.METHODS,
    **sync.METHODS,
}


class Answer(NamedTuple):
    """The frame to send back, if any, and what the connection wants to be told from now on, if it said so."""

    frame: bytes | None
    listening: Listening | None = None


@dataclass(frozen=True)
class Dispatcher:
    """Answers frames for one daemon; opens the store for each, as every process does for itself."""

    daemon: Daemon
    limits: Limits

    def answer(self, data: bytes, *, listens: bool) -> Answer:
        """The answer to a frame. Never raises: what goes wrong is an error in the answer."""
        frame = jsonrpc.parse(data, self.limits.batch)
        desk = RequestContext(self.daemon, listens=listens)
        try:
            answers = [_one(call, desk) for call in frame.calls]
        finally:
            desk.close()
        return Answer(_packed(answers, frame.batch), desk.listening)


def _one(call: Call, desk: RequestContext) -> bytes | None:
    """The answer to one call: this door's one boundary for errors."""
    try:
        answer = jsonrpc.result(call.id, _done(call, desk))
    except RpcError as fault:
        return _told(call, fault)
    except ThrumError as error:
        return _told(call, jsonrpc.refusal(error))
    except Exception:
        logger.exception("%s failed", call.method)
        return _told(
            call, RpcError(jsonrpc.INTERNAL, "thrum failed at this", "internal", "`thrum daemon logs` says why")
        )
    return answer if call.wants_answer else None


def _done(call: Call, desk: RequestContext) -> object:
    if call.fault is not None:
        raise call.fault
    method = METHODS.get(call.method)
    if method is None:
        raise RpcError(jsonrpc.UNKNOWN_METHOD, f"there is no method {call.method[:100]!r}", "unknown_method")
    return method.run(desk, _params(call, method))


def _params(call: Call, method: Method) -> object:
    given = dict(call.params)
    if CALLER not in method.parameters:
        given.pop(CALLER, None)
    unknown = sorted(set(given) - method.parameters)
    if unknown:
        raise RpcError(jsonrpc.INVALID_PARAMS, f"{call.method} takes no {unknown[0][:100]!r}", "invalid")
    try:
        return adapter(method.params).validate_python(given)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in detail["loc"])
        raise RpcError(jsonrpc.INVALID_PARAMS, f"{place}: {detail['msg']}", "invalid") from None


def _told(call: Call, fault: RpcError) -> bytes | None:
    """An error; a notification gets none, except where nobody can know whether it was one."""
    return jsonrpc.error(call.id, fault) if call.wants_answer else None


def _packed(answers: list[bytes | None], batch: bool) -> bytes | None:
    said = [answer for answer in answers if answer is not None]
    if not said:
        return None
    return jsonrpc.batch(said) if batch else said[0]
