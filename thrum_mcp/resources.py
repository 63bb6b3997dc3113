"""What a client may attach by itself: the inbox, the team, one message. Reading is looking: nothing is marked."""

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
from thrum_store.service.messages import editing, receipts

from .caller import CallerContext, sentence
from .tools import render, sanitize
from .tools.agents import team

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
    """The resources without a variable."""
    return ListResourcesResult(resources=_RESOURCES)


async def list_templates(_: _Context, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
    """The resources with one."""
    return ListResourceTemplatesResult(resource_templates=_TEMPLATES)


async def read(context: _Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    """The text of one resource."""
    uri = str(params.uri)
    try:
        text = await _text(context.lifespan_context, uri)
    except ThrumError as error:
        raise MCPError(INVALID_PARAMS, sentence(error), {"uri": uri}) from error
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, text=text, mime_type=_PLAIN)])


async def _text(door: CallerContext, uri: str) -> str:
    if uri == INBOX:
        request = receipts.ReadInbox(page_size=_NEWEST)
        page = await door.act(lambda store, caller: receipts.inbox(store, caller, request))
        return render.inbox([sanitize.listed(message) for message in page.messages], page.unread, page.total)
    if uri == TEAM:
        return render.agents(await team(door, include_offline=True))
    if uri.startswith(MESSAGE):
        detail = await door.look(lambda store: editing.get(store, uri.removeprefix(MESSAGE)))
        return render.fenced([sanitize.single(detail.message)])
    raise NotFound(f"there is no resource {uri!r}", hint=f"there are {INBOX}, {TEAM} and {MESSAGE}ID")
