"""JSON-RPC 2.0 without any I/O: frames in, calls out; results and errors in, frames out.

A frame is one call or a batch of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeGuard

import orjson

from thrum_store.errors import ThrumError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
UNKNOWN_METHOD = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603
REFUSED = -32000  # the store said no; `data.code` says why

Id = str | int | float | None


class RpcError(Exception):
    """A call that gets an error as its answer: the JSON-RPC code, a sentence, a stable code, what to do next."""

    def __init__(self, number: int, message: str, code: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.number, self.message, self.code, self.hint = number, message, code, hint


class Call(NamedTuple):
    """One call. `wants_answer` is False for a notification; `fault` says why it cannot even be tried."""

    id: Id = None
    method: str = ""
    params: dict[str, Any] = {}
    wants_answer: bool = True
    fault: RpcError | None = None


class Frame(NamedTuple):
    """The calls of one frame; a batch is answered by an array."""

    calls: tuple[Call, ...]
    batch: bool = False


def parse(data: bytes, batch_limit: int) -> Frame:
    """The calls in a frame. Never raises: what is wrong is in the `fault` of the call concerned."""
    try:
        told: object = orjson.loads(data)
    except (orjson.JSONDecodeError, RecursionError):
        return Frame((Call(fault=RpcError(PARSE_ERROR, "this is not JSON", "parse_error")),))
    if not _is_array(told):
        return Frame((_call(told),))
    if not told:
        return Frame((Call(fault=_invalid("an empty batch asks nothing")),))
    if len(told) > batch_limit:
        return Frame((Call(fault=_invalid(f"a batch has at most {batch_limit} calls, not {len(told)}")),))
    return Frame(tuple(_call(one) for one in told), batch=True)


def _is_array(told: object) -> TypeGuard[list[object]]:
    return isinstance(told, list)


def _is_object(told: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(told, dict)


def _call(told: object) -> Call:
    if not _is_object(told):
        return Call(fault=_invalid("a call is a JSON object"))
    identifier = told.get("id")
    if isinstance(identifier, bool | dict | list):
        return Call(fault=_invalid("an id is a string, a number or null"))
    method, params = told.get("method"), told.get("params", {})
    if told.get("jsonrpc") != "2.0" or not isinstance(method, str):
        return Call(identifier, fault=_invalid('a call has "jsonrpc": "2.0" and a "method"'))
    call = Call(identifier, method, wants_answer="id" in told)
    if params is None or _is_object(params):
        return call._replace(params=params or {})
    return call._replace(fault=RpcError(INVALID_PARAMS, "params are an object with names", "invalid"))


def _invalid(message: str) -> RpcError:
    return RpcError(INVALID_REQUEST, message, "invalid_request")


def result(identifier: Id, value: object) -> bytes:
    """The answer to a call that went well; `value` is a dataclass or plain JSON."""
    return orjson.dumps({"jsonrpc": "2.0", "id": identifier, "result": value})


def error(identifier: Id, fault: RpcError) -> bytes:
    """The answer to a call that did not."""
    data = {"code": fault.code, "hint": fault.hint}
    told = {"code": fault.number, "message": fault.message, "data": data}
    return orjson.dumps({"jsonrpc": "2.0", "id": identifier, "error": told})


def notification(method: str, params: object) -> bytes:
    """Something the server says unasked."""
    return orjson.dumps({"jsonrpc": "2.0", "method": method, "params": params})


def batch(answers: list[bytes]) -> bytes:
    """Several answers in one frame."""
    return b"[" + b",".join(answers) + b"]"


def refusal(cause: ThrumError) -> RpcError:
    """An error of the store, as the client sees it."""
    return RpcError(REFUSED, cause.message, cause.code, cause.hint)
