"""`thrum mcp`: the tools that a coding agent gets."""

from __future__ import annotations

from thrum_cli.command import App, Group, Option, command, commands


@command(
    "serve",
    "thrum mcp serve",
    "thrum mcp serve --agent-id planner",
    options=(Option("--agent-id", "Act as this agent; else THRUM_NAME, else the identity file.", "NAME"),),
)
def serve(app: App, agent_id: str | None) -> int:
    """Serve MCP on standard input and output until the client leaves.

    A client starts this by itself: `thrum init` writes its configuration. It starts in any state of the repository;
    each tool says what is missing.
    """
    # Not at the top: the front must be on its feet before a client gives up, and `--help` needs none of it.
    from thrum_mcp import main  # see above

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
