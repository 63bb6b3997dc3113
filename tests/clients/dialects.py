"""The four ways in which clients ask a model: what stands in a request, and how an answer has to look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from thrum_cli.clients.jsontext import mapping, sequence

Json = dict[str, Any]
Event = tuple[str, Json | str]  # of a server-sent stream: its name, empty where it has none, and its data


@dataclass(frozen=True)
class Call:
    """The model calls a tool, by the name that the client offers; `NAMESPACE/NAME` where it has namespaces. `text` is
    for a tool that takes plain text instead of arguments, as Codex's apply_patch does.
    """

    tool: str
    arguments: Json = field(default_factory=dict[str, Any])
    text: str = ""


@dataclass(frozen=True)
class Say:
    """The model answers with text, which ends its turn."""

    text: str


Turn = Call | Say


@dataclass(frozen=True)
class Said:
    """One message of a prompt: who said it, and all text in it."""

    role: str
    text: str


class Dialect(Protocol):
    """One interface of a model. `number` tells this answer from the others."""

    def prompt(self, body: Json) -> list[Said]:
        """Return the turns that the model reads, in order."""
        ...

    def answer(self, body: Json, turn: Turn, number: int) -> Json:
        """Return the answer as one document."""
        ...

    def stream(self, body: Json, turn: Turn, number: int) -> Iterator[Event]:
        """Return the answer as a stream of events."""
        ...


def text_of(value: Any) -> str:
    """Return all text inside a value, one part per line."""
    if isinstance(value, str):
        return value
    parts = [part for key, part in mapping(value).items() if key not in _NO_TEXT] or sequence(value)
    return "\n".join(text for text in map(text_of, parts) if text)


_NO_TEXT = {"type", "role", "id", "call_id", "tool_use_id", "tool_call_id", "cache_control", "signature", "status"}


class Messages:
    """Anthropic's `/v1/messages`, as Claude Code asks."""

    def prompt(self, body: Json) -> list[Said]:
        system = [Said("system", text_of(body.get("system")))]
        return system + [Said(part["role"], text_of(part["content"])) for part in body["messages"]]

    def answer(self, body: Json, turn: Turn, number: int) -> Json:
        block: Json = {"type": "text", "text": turn.text} if isinstance(turn, Say) else {
            "type": "tool_use", "id": f"toolu_{number}", "name": turn.tool, "input": turn.arguments,
        }  # fmt: skip
        stop = "end_turn" if isinstance(turn, Say) else "tool_use"
        return {**self._head(body, number), "content": [block], "stop_reason": stop, "usage": self._usage}

    def stream(self, body: Json, turn: Turn, number: int) -> Iterator[Event]:
        whole = self.answer(body, turn, number)
        yield _event("message_start", message={**self._head(body, number), "usage": self._usage})
        if isinstance(turn, Say):
            block: Json = {"type": "text", "text": ""}
            delta: Json = {"type": "text_delta", "text": turn.text}
        else:
            block = {**whole["content"][0], "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(turn.arguments)}
        yield _event("content_block_start", index=0, content_block=block)
        yield _event("content_block_delta", index=0, delta=delta)
        yield _event("content_block_stop", index=0)
        stop = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        yield _event("message_delta", delta=stop, usage={"output_tokens": 5})
        yield _event("message_stop")

    _usage: Json = {
        "input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
    }  # fmt: skip

    def _head(self, body: Json, number: int) -> Json:
        return {
            "id": f"msg_{number}", "type": "message", "role": "assistant", "model": body["model"], "content": [],
            "stop_reason": None, "stop_sequence": None,
        }  # fmt: skip


class Responses:
    """OpenAI's `/v1/responses`, as Codex asks; it always streams."""

    def prompt(self, body: Json) -> list[Said]:
        system = [Said("system", text_of(body.get("instructions")))]
        return system + [Said(part.get("role", part["type"]), text_of(part)) for part in body["input"]]

    def answer(self, body: Json, turn: Turn, number: int) -> Json:
        if isinstance(turn, Say):
            content: list[Json] = [{"type": "output_text", "text": turn.text, "annotations": []}]
            item: Json = {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": content}
        elif turn.text:
            item = {"type": "custom_tool_call", "call_id": f"call_{number}", "name": turn.tool, "input": turn.text}
        else:
            space, _, name = turn.tool.rpartition("/")
            item = {
                "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": name,
                "arguments": json.dumps(turn.arguments), **({"namespace": space} if space else {}),
            }  # fmt: skip
        usage = {
            "input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15,
        }  # fmt: skip
        return {
            "id": f"resp_{number}", "object": "response", "created_at": 0, "status": "completed",
            "model": body["model"], "output": [{**item, "status": "completed"}], "usage": usage,
        }  # fmt: skip

    def stream(self, body: Json, turn: Turn, number: int) -> Iterator[Event]:
        whole = self.answer(body, turn, number)
        (item,) = whole["output"]
        yield _event("response.created", response={**whole, "status": "in_progress", "output": []})
        yield _event("response.output_item.added", output_index=0, item=item)
        yield _event("response.output_item.done", output_index=0, item=item)
        yield _event("response.completed", response=whole)


class Completions:
    """OpenAI's `/v1/chat/completions`, as opencode asks."""

    def prompt(self, body: Json) -> list[Said]:
        return [Said(part["role"], text_of(part.get("content"))) for part in body["messages"]]

    def answer(self, body: Json, turn: Turn, number: int) -> Json:
        choice = {"index": 0, "message": self._message(turn, number), "finish_reason": self._reason(turn)}
        return {**self._head(body, number, "chat.completion"), "choices": [choice], "usage": self._usage}

    def stream(self, body: Json, turn: Turn, number: int) -> Iterator[Event]:
        head = self._head(body, number, "chat.completion.chunk")
        yield "", {**head, "choices": [{"index": 0, "delta": self._message(turn, number), "finish_reason": None}]}
        last: Json = {"index": 0, "delta": {}, "finish_reason": self._reason(turn)}
        yield "", {**head, "choices": [last], "usage": self._usage}
        yield "", "[DONE]"

    _usage: Json = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}

    def _head(self, body: Json, number: int, kind: str) -> Json:
        return {"id": f"chat_{number}", "object": kind, "created": 0, "model": body["model"]}

    def _message(self, turn: Turn, number: int) -> Json:
        if isinstance(turn, Say):
            return {"role": "assistant", "content": turn.text}
        called = {"name": turn.tool, "arguments": json.dumps(turn.arguments)}
        return {
            "role": "assistant",
            "tool_calls": [{"index": 0, "id": f"call_{number}", "type": "function", "function": called}],
        }

    def _reason(self, turn: Turn) -> str:
        return "stop" if isinstance(turn, Say) else "tool_calls"


class Contents:
    """Gemini's `generateContent`, as Gemini CLI asks."""

    def prompt(self, body: Json) -> list[Said]:
        system = [Said("system", text_of(body.get("systemInstruction")))]
        return system + [Said(part.get("role", "user"), text_of(part["parts"])) for part in body["contents"]]

    def answer(self, body: Json, turn: Turn, number: int) -> Json:
        del number
        part: Json = {"text": turn.text} if isinstance(turn, Say) else {
            "functionCall": {"name": turn.tool, "args": turn.arguments}
        }  # fmt: skip
        read = len(json.dumps(body)) // 4  # Gemini CLI compresses only what was longer than its summary
        usage = {"promptTokenCount": read, "candidatesTokenCount": 5, "totalTokenCount": read + 5}
        content = {"role": "model", "parts": [part]}
        return {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}

    def stream(self, body: Json, turn: Turn, number: int) -> Iterator[Event]:
        yield "", self.answer(body, turn, number)


def _event(name: str, **data: Any) -> Event:
    return name, {"type": name, **data}


def dialect(path: str) -> Dialect | None:
    """Return the dialect at this path, or None if it is not a model's."""
    place = path.partition("?")[0]
    if place.endswith("enerateContent"):
        return Contents()
    ends: dict[str, Dialect] = {
        "/messages": Messages(), "/responses": Responses(), "/chat/completions": Completions(),
    }  # fmt: skip
    return next((part for end, part in ends.items() if place.endswith(end)), None)


def offered(body: Json) -> int:
    """Return the number of tools that the model may call; a request for a title offers almost none."""
    tools: list[Json] = body.get("tools") or []
    return sum(len(part.get("functionDeclarations") or part.get("tools") or [part]) for part in tools)
