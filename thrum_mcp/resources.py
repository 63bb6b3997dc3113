"""Resources that a client may attach: the inbox, the team, one message. Reading one marks nothing as read."""

from __future__ import annotations

from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from thrum_store.errors import NotFound, ThrumError
from thrum_store.service.messages import editing, inbox

from .caller import CallerContext, sentence
from .tools import render
from .tools.agents import registered
from .tools.results import EXCERPT, Message

_Context = ServerRequestContext[CallerContext, Any]

INBOX = "thrum://inbox"
TEAM = "thrum://team"
MESSAGE = "thrum://message/"
_NEWEST = 10
_PLAIN = "text/plain"

_RESOURCES = [
    Resource(uri=INBOX, name="inbox", title="Inbox", description="Your newest messages", mime_type=_PLAIN),
    Resource(uri=TEAM, name="team", title="Team", description="The registered agents", mime_type=_PLAIN),
]
_TEMPLATES = [
    ResourceTemplate(
        uri_template=MESSAGE + "{id}", name="message", title="Message", description="One message", mime_type=_PLAIN
    )
]


async def list_resources(_: _Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
    """Return the resources without a variable."""
    return ListResourcesResult(resources=_RESOURCES)


async def list_templates(_: _Context, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
    """Return the resources with a variable."""
    return ListResourceTemplatesResult(resource_templates=_TEMPLATES)


async def read(context: _Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    """Return the text of one resource. Raises MCPError for an unknown URI and any error of the store."""
    uri = str(params.uri)
    try:
        text = await _text(context.lifespan_context, uri)
    except ThrumError as error:
        raise MCPError(INVALID_PARAMS, sentence(error), {"uri": uri}) from error
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, text=text, mime_type=_PLAIN)])


async def _text(context: CallerContext, uri: str) -> str:
    if uri == INBOX:
        request = inbox.ReadInbox(page_size=_NEWEST)
        page = await context.as_caller(lambda store, caller: inbox.inbox(store, caller, request))
        return render.inbox([Message.shown(message, EXCERPT) for message in page.messages], page.unread, page.total)
    if uri == TEAM:
        return render.agents(await registered(context, include_offline=True))
    if uri.startswith(MESSAGE):
        detail = await context.with_store(lambda store: editing.get(store, uri.removeprefix(MESSAGE)))
        return render.fenced([Message.shown(detail.message)])
    raise NotFound(f"no resource has the URI {uri!r}", hint=f"read {INBOX}, {TEAM} or {MESSAGE}ID")
