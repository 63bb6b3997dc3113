"""`thrum mcp`: the tools that a coding agent gets."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import Entry, command, group, pass_app

_SECTIONS = {"Commands": {"serve": Entry("commands.mcp:serve", "Serve MCP on standard input and output.")}}


@group("mcp", _SECTIONS, "thrum mcp serve", "thrum mcp serve --agent-id planner")
def mcp() -> None:
    """Serve the Model Context Protocol to a coding agent."""


@command("serve", "thrum mcp serve", "thrum mcp serve --agent-id planner")
@click.option("--agent-id", metavar="NAME", help="Act as this agent; else THRUM_NAME, else the identity file.")
@pass_app
@click.pass_context
def serve(context: click.Context, app: App, agent_id: str | None) -> None:
    """Serve MCP on standard input and output until the client leaves.

    A client starts this by itself: `thrum init` writes its configuration. It starts in any state of the repository;
    each tool says what is missing.
    """
    # Not at the top: the front must be on its feet before a client gives up, and `--help` needs none of it.
    from thrum_mcp import main  # see above

    context.exit(main.serve(app.repo, agent_id))
