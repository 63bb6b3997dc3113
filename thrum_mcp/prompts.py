"""Prompts, which clients show as slash commands."""

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
    "Find out about the other agents in this repository. Call list_agents to see who they are, then check_messages. "
    "Answer each message that needs an answer, with reply_to set to its id. Then tell me in a few lines who is here, "
    "what they asked or told you, and what you will do about it."
)
_LISTEN = (
    "Listen for messages from the other agents. Call wait_for_message. When a message comes, do what it asks if that "
    "fits my instructions, answer it with send_message and its id as reply_to, and call wait_for_message again. If it "
    "ends without a message, call it again. Stop when I say so, or when you need an answer from me."
)

_TEXTS = {"prime": _PRIME, "listen": _LISTEN}
_PROMPTS = [
    Prompt(name="prime", title="Catch up", description="See who is here and what they wrote to you."),
    Prompt(name="listen", title="Listen for messages", description="Wait for messages and handle each one."),
]


async def list_prompts(_: _Context, params: PaginatedRequestParams | None) -> ListPromptsResult:
    """Return all prompts."""
    return ListPromptsResult(prompts=_PROMPTS)


async def get(_: _Context, params: GetPromptRequestParams) -> GetPromptResult:
    """Return the text of one prompt. Raises MCPError for a name that no prompt has."""
    text = _TEXTS.get(params.name)
    if text is None:
        raise MCPError(INVALID_PARAMS, f"no prompt is named {params.name!r}; the prompts are {', '.join(_TEXTS)}")
    return GetPromptResult(messages=[PromptMessage(role="user", content=TextContent(text=text))])
