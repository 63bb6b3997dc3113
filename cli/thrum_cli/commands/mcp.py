"""mcp: the server of tools for coding agents."""

from __future__ import annotations

import os

from thrum_cli.command import App, Group, Option, command, commands
from thrum_cli.terminal import output


@command(
    "serve",
    "thrum mcp serve",
    "thrum mcp serve --agent-id planner",
    options=(Option("--agent-id", "Act as this agent, unless THRUM_NAME names one.", "NAME"),),
)
def serve(app: App, agent_id: str | None) -> int:
    """Serve MCP on standard input and output until the client leaves.

    Clients start this themselves: `thrum init --runtime` writes their configuration. If setup is incomplete the server
    still starts, and its tools tell you which command to run. THRUM_NAME wins over --agent-id, as over every name.
    """
    from thrum_mcp import main  # `--help` needs none of it

    forced = os.environ.get("THRUM_NAME")
    if forced and agent_id and forced != agent_id:
        output.warn(f"this server acts as @{forced}, by THRUM_NAME, not as @{agent_id}, by --agent-id")
    return main.serve(app.repo, agent_id)


mcp = Group(
    "mcp",
    "Serve MCP to a coding agent.",
    commands(serve),
    (
        "thrum mcp serve",
        "thrum mcp serve --agent-id planner",
    ),
)
