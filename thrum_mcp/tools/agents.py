"""The tool about the team."""

from __future__ import annotations

from typing import Annotated

from mcp_types import CallToolResult
from pydantic import Field

from thrum_mcp.caller import Call, CallerContext, context_of
from thrum_store.service.team import agents

from . import render, results
from .registration import reads


async def list_agents(
    call: Call, include_offline: Annotated[bool, Field(description="Also those not active now")] = True
) -> Annotated[CallToolResult, results.Agents]:
    """List the registered agents: their names, roles, modules and whether they are active now."""
    team = await registered(context_of(call), include_offline)
    return results.tool_result(team, render.agents(team))


async def registered(context: CallerContext, include_offline: bool) -> results.Agents:
    """Return the agents, with the caller marked. The caller need not be registered."""
    request = agents.ListAgents(include_offline=include_offline)
    listed, name = await context.with_store(
        lambda store: (agents.list_agents(store, request), context.caller_name(store.paths))
    )
    team = [results.Agent.of(agent) for agent in listed.agents]
    marked = [agent.model_copy(update={"you": True}) if agent.name == name else agent for agent in team]
    return results.Agents(agents=marked, count=listed.count)


TOOLS = (reads(list_agents, "List the agents"),)
