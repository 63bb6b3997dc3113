"""Early answers: the handshake, `ping` and the lists, sent before the SDK is loaded, with exactly the SDK's words.

`docs/generate/early_answers.py` asks the SDK for the answers and writes them to `early_answers.json`; a test compares
the two. An answer is given only to a request that plainly means one thing: everything odd, new or malformed waits for
the SDK. Every request is replayed to the SDK later, so both reach the same state (`main.py`). No I/O, no heavy import.

This folder and `main.py` can go when the SDK answers its first request within 0.1 seconds of the start and tells a
server when the last byte of an answer was written. Then its own stdio transport serves.
"""

from __future__ import annotations

import os

from thrum_mcp.wait_limits import TOOL, fitted, most_seconds
from thrum_store import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeGuard

    Frame = dict[str, Any]
    Result = dict[str, Any]

ENVELOPE_VERSION = "io.modelcontextprotocol/protocolVersion"
ENVELOPE_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
ENVELOPE_CLIENT = "io.modelcontextprotocol/clientInfo"
ENVELOPE_LOG_LEVEL = "io.modelcontextprotocol/logLevel"

DATA = os.path.join(os.path.dirname(__file__), "early_answers.json")


class EarlyAnswers:
    """Answers to the first requests of one connection, in its protocol era, as the SDK decides it.

    The first request decides the era for good: a request with the 2026-07-28 envelope opens a modern connection. Any
    other opens the handshake era, in which the lists are answered only after `initialize`.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self._hellos: dict[str, Result] = data["handshake"]["initialize"]
        self.lists: dict[str, Result] = data["handshake"]["lists"]
        self._modern: dict[str, dict[str, Result]] = data["modern"]
        self._era: str | None = None
        self._introduced = False
        self._client: str | None = None

    @classmethod
    def load(cls) -> EarlyAnswers:
        """Load the answers that were generated for this version."""
        with open(DATA, encoding="utf-8") as file:
            return cls(values.loads(file.read()))

    @property
    def instructions(self) -> str:
        """The instructions that every client gets in the handshake."""
        return str(next(iter(self._hellos.values()))["instructions"])

    def answer(self, frame: Frame) -> Result | None:
        """Return the result for a request, or None if the SDK must answer."""
        if "method" in frame and not frame.keys().isdisjoint({"result", "error"}):
            self._era = "unclear"  # request or response: the SDK decides, and also answers all that follows
        if not is_request(frame) or self._era == "unclear":
            return None
        params = frame.get("params")
        if self._era is None:
            modern = frame["method"] != "initialize" and _has_envelope(params)
            self._era = "modern" if modern else "handshake"
        if self._era == "modern":
            return self._answer_modern(frame["method"], params)
        return self._answer_handshake(frame["method"], params)

    def _answer_modern(self, method: str, params: object) -> Result | None:
        if not _is_object(params) or set(params) != {"_meta"} or not _is_envelope(params["_meta"]):
            return None
        meta = params["_meta"]
        self._client = meta.get(ENVELOPE_CLIENT, {}).get("name")
        return self._for_client(method, self._modern.get(meta[ENVELOPE_VERSION], {}).get(method))

    def _answer_handshake(self, method: str, params: object) -> Result | None:
        if method == "initialize":
            return self._initialize(params)
        if not _is_bare(params):
            return None
        if method == "ping":
            return {}
        return self._for_client(method, self.lists.get(method)) if self._introduced else None

    def _for_client(self, method: str, result: Result | None) -> Result | None:
        """Return a result that names the longest wait of this connection's client."""
        if method != "tools/list" or result is None:
            return result
        most = most_seconds(self._client)
        tools = [
            tool | {"inputSchema": fitted(tool["inputSchema"], most)} if tool["name"] == TOOL else tool
            for tool in result["tools"]
        ]
        return result | {"tools": tools}

    def _initialize(self, params: object) -> Result | None:
        if not _is_introduction(params):
            self._introduced = False
            return None
        hello = self._hellos.get(params["protocolVersion"])
        self._introduced = hello is not None
        self._client = params["clientInfo"]["name"]
        return hello


def decode(line: bytes) -> Frame | None:
    """Return the JSON object in a line; None if it is none, or holds an escaped surrogate, paired or not."""
    return None if b"\\ud" in line.lower() else parse(line)


def parse(line: bytes) -> Frame | None:
    """Return the JSON object in a line, or None."""
    try:
        frame: object = values.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return frame if _is_object(frame) else None


def is_request(frame: Frame) -> bool:
    """Return True if this frame is a request, which needs an answer."""
    named = frame.get("jsonrpc") == "2.0" and isinstance(frame.get("method"), str)
    return named and usable_id(frame.get("id")) and isinstance(frame.get("params"), dict | None)


def usable_id(value: object) -> bool:
    """Return True for a valid request id: a string or an integer."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _has_envelope(params: object) -> bool:
    meta = params.get("_meta") if _is_object(params) else None
    return _is_object(meta) and ENVELOPE_VERSION in meta


def _is_bare(params: object) -> bool:
    """Return True for no parameters but a progress token: then a list request means the whole list."""
    if params is None or params == {}:
        return True
    if not _is_object(params) or set(params) != {"_meta"}:
        return False
    meta = params["_meta"]
    return _is_object(meta) and set(meta) <= {"progressToken"} and all(usable_id(v) for v in meta.values())


def _is_envelope(meta: object) -> bool:
    if not _is_object(meta) or not set(meta) <= _ENVELOPE or not isinstance(meta.get(ENVELOPE_VERSION), str):
        return False
    if not _are_capabilities(meta.get(ENVELOPE_CAPABILITIES)):
        return False
    return all(right(meta[key]) for key, right in _OPTIONAL.items() if key in meta)


def _is_introduction(params: object) -> TypeGuard[dict[str, Any]]:
    if not _is_object(params) or not set(params) <= {"protocolVersion", "capabilities", "clientInfo"}:
        return False
    versioned = isinstance(params.get("protocolVersion"), str)
    return versioned and _are_capabilities(params.get("capabilities")) and _is_client(params.get("clientInfo"))


# The SDK checks these: each is an object of objects, `roots` one of booleans. It ignores other names.
_CHECKED = {"elicitation", "experimental", "extensions", "roots", "sampling", "tasks"}


def _are_capabilities(value: object) -> bool:
    return _is_object(value) and all(_is_capability(name, value[name]) for name in _CHECKED & set(value))


def _is_capability(name: str, entry: object) -> bool:
    if not _is_object(entry):
        return False
    if name == "roots":
        return set(entry) <= {"listChanged"} and all(isinstance(value, bool) for value in entry.values())
    return all(_is_object(value) and not (name == "tasks" and value) for value in entry.values())


def _is_client(value: object) -> bool:
    if not _is_object(value) or not {"name", "version"} <= set(value):
        return False
    known = {"name", "version", "title", "description", "websiteUrl"}
    return set(value) <= known and all(isinstance(text, str) for text in value.values())


_LEVELS = {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}
_OPTIONAL: dict[str, Callable[[object], bool]] = {
    ENVELOPE_CLIENT: _is_client,
    ENVELOPE_LOG_LEVEL: lambda level: isinstance(level, str) and level in _LEVELS,
    "progressToken": usable_id,
}
_ENVELOPE = {ENVELOPE_VERSION, ENVELOPE_CAPABILITIES, *_OPTIONAL}
