"""All tools, by name."""

from __future__ import annotations

from mcp.server.mcpserver.tools import Tool

from . import agents, groups, messages

TOOLS: dict[str, Tool] = {tool.name: tool for tool in (*messages.TOOLS, *agents.TOOLS, *groups.TOOLS)}
