"""Writes early_answers.json: the SDK's own answers to the first requests, in both protocol eras.

    python -m docs.generate.early_answers > thrum_mcp/transport/early_answers.json

Run it after any change of a tool, a text or the SDK; a test compares the file with the SDK's answers.
"""

from __future__ import annotations

import json
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from thrum_mcp.caller import CallerContext
from thrum_mcp.server import build
from thrum_mcp.transport.early_answers import ENVELOPE_CAPABILITIES, ENVELOPE_CLIENT, ENVELOPE_VERSION

if TYPE_CHECKING:
    from thrum_mcp.transport.early_answers import Result
from thrum_store.identity import DISTRIBUTION

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
_CLIENT = {"name": "generate", "version": "1"}
_INITIALIZED = JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")


def ask(*messages: JSONRPCMessage) -> dict[str, Result]:
    """Return the results of these requests on one connection, by method. None of them may fail."""
    return anyio.run(_ask, messages)


async def _ask(messages: tuple[JSONRPCMessage, ...]) -> dict[str, Result]:
    server = build(CallerContext("."), metadata.version(DISTRIBUTION))
    requests = {message.id: message.method for message in messages if isinstance(message, JSONRPCRequest)}
    to_server, requested = anyio.create_memory_object_stream[SessionMessage | Exception](len(messages))
    answers, from_server = anyio.create_memory_object_stream[SessionMessage](len(messages))
    results: dict[str, Result] = {}
    async with anyio.create_task_group() as group, from_server:
        group.start_soon(server.run, requested, answers, server.create_initialization_options())
        for message in messages:
            await to_server.send(SessionMessage(message))
        while len(results) < len(requests):
            answer = (await from_server.receive()).message
            assert isinstance(answer, JSONRPCResponse), answer
            results[requests[answer.id]] = answer.result
        await to_server.aclose()
    return {method: results[method] for method in requests.values()}


def _request(method: str, params: dict[str, Any] | None = None) -> JSONRPCRequest:
    return JSONRPCRequest(jsonrpc="2.0", id=method, method=method, params=params)


def handshake(version: str) -> dict[str, Result]:
    """Return the answers on a connection that opens with `initialize` at this version."""
    hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": _CLIENT}
    return ask(_request("initialize", hello), _INITIALIZED, *map(_request, LISTS))


def modern(version: str) -> dict[str, Result]:
    """Return the answers on a connection that opens with `server/discover` at this version."""
    meta = {ENVELOPE_VERSION: version, ENVELOPE_CAPABILITIES: {}, ENVELOPE_CLIENT: _CLIENT}
    return ask(*(_request(method, {"_meta": meta}) for method in ("server/discover", *LISTS)))


def answers() -> dict[str, Any]:
    """Return the content of early_answers.json. All handshake versions must have the same lists."""
    by_version = {version: handshake(version) for version in HANDSHAKE_PROTOCOL_VERSIONS}
    hellos = {version: results.pop("initialize") for version, results in by_version.items()}
    lists, *others = by_version.values()
    assert all(other == lists for other in others), "the versions differ: early_answers.json needs the lists of each"
    return {
        "handshake": {"initialize": hellos, "lists": lists},
        "modern": {version: modern(version) for version in MODERN_PROTOCOL_VERSIONS},
    }


if __name__ == "__main__":
    json.dump(answers(), sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")
