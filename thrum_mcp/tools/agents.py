"""Who is there."""

from __future__ import annotations

from typing import Annotated

from mcp_types import CallToolResult
from pydantic import Field

from thrum_mcp.caller import Call, CallerContext, door
from thrum_store.service.team import agents

from . import render, results, sanitize
from .registration import reads


async def list_agents(
    call: Call, include_offline: Annotated[bool, Field(description="Also those not active now")] = True
) -> Annotated[CallToolResult, results.Agents]:
    """List the registered agents: their names, roles, modules and whether they are active now."""
    result = await team(door(call), include_offline)
    return results.said(result, render.agents(result))


async def team(here: CallerContext, include_offline: bool) -> results.Agents:
    """The agents, the one who asks marked as such; answered to anybody, registered or not."""
    request = agents.ListAgents(include_offline=include_offline)
    listed, own = await here.look(lambda store: (agents.list_agents(store, request), here.name(store.paths)))
    return results.Agents(agents=[sanitize.agent(info, own) for info in listed.agents], count=listed.count)


TOOLS = (reads(list_agents, "List the agents"),)
