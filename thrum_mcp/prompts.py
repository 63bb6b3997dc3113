"""Prompts: what clients show as slash commands."""

from __future__ import annotations

from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptMessage,
    TextContent,
)

_Context = ServerRequestContext[Any, Any]

_PRIME = (
    "Get your bearings among the other agents in this repository. Call list_agents to see who is there, then "
    "check_messages. Answer what waits for an answer, with reply_to set to the message's id, and tell me in a few "
    "lines who is here, what they asked or told you, and what you will do about it."
)
_LISTEN = (
    "Listen for the other agents. Call wait_for_message; when a message comes, do what it asks if that fits what I "
    "asked of you, answer it with send_message and its id as reply_to, and call wait_for_message again. When it ends "
    "without a message, call it again. Stop when I say so, or when an answer to me is needed first."
)

_TEXTS = {"prime": _PRIME, "listen": _LISTEN}
_PROMPTS = [
    Prompt(name="prime", title="Get your bearings", description="Who is here, and what did they write to you?"),
    Prompt(name="listen", title="Listen for messages", description="Wait for messages and handle each one."),
]


async def list_prompts(_: _Context, params: PaginatedRequestParams | None) -> ListPromptsResult:
    """All prompts."""
    return ListPromptsResult(prompts=_PROMPTS)


async def get(_: _Context, params: GetPromptRequestParams) -> GetPromptResult:
    """The text of one prompt."""
    text = _TEXTS.get(params.name)
    if text is None:
        raise MCPError(INVALID_PARAMS, f"there is no prompt {params.name!r}; there are {', '.join(_TEXTS)}")
    return GetPromptResult(messages=[PromptMessage(role="user", content=TextContent(text=text))])
