"""mcp: the server of tools for coding agents."""

from __future__ import annotations

from thrum_cli.command import App, Group, Option, command, commands


@command(
    "serve",
    "thrum mcp serve",
    "thrum mcp serve --agent-id planner",
    options=(Option("--agent-id", "Act as this agent (default: THRUM_NAME, or the identity file).", "NAME"),),
)
def serve(app: App, agent_id: str | None) -> int:
    """Serve MCP on standard input and output until the client leaves.

    Clients start this themselves: `thrum init --runtime` writes their configuration. If setup is incomplete the server
    still starts, and its tools tell you which command to run.
    """
    from thrum_mcp import main  # `--help` needs none of it

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
