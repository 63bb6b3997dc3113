"""JSON-RPC 2.0 without I/O: frames to calls, results and errors to frames.

A frame is a call or a batch of calls.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeGuard, cast

import orjson

from thrum_store.errors import ThrumError
from thrum_store.values import as_json

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
UNKNOWN_METHOD = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603
REFUSED = -32000  # an error of the store; `data.code` names it

Id = str | int | float | None


class RpcError(Exception):
    """An error answer: the JSON-RPC code, a sentence, a stable code, a hint."""

    def __init__(self, number: int, message: str, code: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.number, self.message, self.code, self.hint = number, message, code, hint


class Call(NamedTuple):
    """A call. `wants_answer` is False for a notification; `fault` is the reason why it cannot be tried."""

    id: Id = None
    method: str = ""
    params: dict[str, Any] = {}
    wants_answer: bool = True
    fault: RpcError | None = None


class Frame(NamedTuple):
    """The calls of a frame; a batch is answered with an array."""

    calls: tuple[Call, ...]
    batch: bool = False


def parse(data: bytes, batch_limit: int) -> Frame:
    """Return the calls in a frame. Never raises: an error is the `fault` of its call."""
    try:
        document: object = orjson.loads(data)
    except (orjson.JSONDecodeError, RecursionError):
        return Frame((Call(fault=RpcError(PARSE_ERROR, "this is not JSON", "parse_error")),))
    if not _is_array(document):
        return Frame((_call(document),))
    if not document:
        return Frame((Call(fault=_invalid("an empty batch asks nothing")),))
    if len(document) > batch_limit:
        return Frame((Call(fault=_invalid(f"a batch has at most {batch_limit} calls, not {len(document)}")),))
    return Frame(tuple(_call(part) for part in document), batch=True)


def _is_array(document: object) -> TypeGuard[list[object]]:
    return isinstance(document, list)


def _is_object(document: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(document, dict)


def _call(document: object) -> Call:
    """Return the call that a JSON document describes."""
    if not _is_object(document):
        return Call(fault=_invalid("a call is a JSON object"))
    identifier = document.get("id")
    if isinstance(identifier, bool | dict | list):
        return Call(fault=_invalid("an id is a string, a number or null"))
    method, params = document.get("method"), document.get("params", {})
    if document.get("jsonrpc") != "2.0" or not isinstance(method, str):
        return Call(identifier, fault=_invalid('a call has "jsonrpc": "2.0" and a "method"'))
    call = Call(identifier, method, wants_answer="id" in document)
    if params is None or _is_object(params):
        return call._replace(params=params or {})
    return call._replace(fault=RpcError(INVALID_PARAMS, "params are an object with names", "invalid"))


def _invalid(message: str) -> RpcError:
    return RpcError(INVALID_REQUEST, message, "invalid_request")


def result(identifier: Id, value: object) -> bytes:
    """Return the answer to a call that succeeded; `value` is a record or plain JSON."""
    return encoded({"jsonrpc": "2.0", "id": identifier, "result": value})


def error(identifier: Id, fault: RpcError) -> bytes:
    """Return the answer to a call that failed."""
    data = {"code": fault.code, "hint": fault.hint}
    failure = {"code": fault.number, "message": fault.message, "data": data}
    return encoded({"jsonrpc": "2.0", "id": identifier, "error": failure})


def batch(answers: list[bytes]) -> bytes:
    """Return several answers as one frame."""
    return b"[" + b",".join(answers) + b"]"


def refusal(cause: ThrumError) -> RpcError:
    """Return an error of the store as clients see it."""
    return RpcError(REFUSED, cause.message, cause.code, cause.hint)


def encoded(value: object) -> bytes:
    """Return a value as JSON; results become objects. Bytes of a path that are no UTF-8 are written as `\\udcXX`."""
    document = as_json(value)
    try:
        return orjson.dumps(document)
    except TypeError:
        return orjson.dumps(_as_unicode(document))


def _as_unicode(document: Any) -> Any:
    """Return plain JSON in which every text can be written as UTF-8."""
    if isinstance(document, str):
        return document.encode("utf-8", "backslashreplace").decode()
    if isinstance(document, dict):
        members = cast("dict[str, Any]", document)
        return {_as_unicode(name): _as_unicode(member) for name, member in members.items()}
    if document.__class__ is list:
        return [_as_unicode(item) for item in document]
    return document
