"""The tree of commands: `thrum` with its commands by topic. Its help loads none of them."""

from __future__ import annotations

from .command import App, Group, Option, Usage, lazily
from .terminal.output import Outcome

_SECTIONS = {
    "Setup and orientation": {
        "init": "Set thrum up in this repository.",
        "setup": "Set up a worktree, or write instructions into CLAUDE.md.",
        "quickstart": "Register, start a session and set your intent.",
        "prime": "Print everything an agent needs to start or continue.",
        "overview": "Show yourself, the team, your inbox and the sync.",
        "status": "Show your identity, session, work and inbox.",
        "whoami": "Show your identity and where it comes from.",
        "migrate": "Import messages from an older thrum.",
        "config": "Show and change the settings of this clone.",
        "doctor": "Find problems in the setup and repair them.",
        "version": "Show the version, the build and where to read more.",
        "completion": "Print the completion script of a shell.",
        "demo": "Watch two agents talk in a scratch repository.",
    },
    "Messages": {
        "send": "Send a message.",
        "reply": "Reply to a message.",
        "inbox": "List the messages in your inbox.",
        "sent": "List the messages you sent, and who has read them.",
        "wait": "Block until a message arrives.",
        "purge": "Delete old messages permanently.",
        "message": "Show, edit, delete or mark single messages.",
        "search": "Search messages.",
        "subscribe": "Subscribe to new messages.",
        "unsubscribe": "Remove a subscription.",
        "subscriptions": "List your subscriptions.",
        "watch": "Print the messages you subscribed to as they arrive.",
    },
    "Agents and sessions": {
        "agent": "Register, list and delete agents.",
        "session": "Start and end work sessions, and report on your work.",
        "group": "Manage groups of agents.",
    },
    "Coordination": {
        "team": "Show the active agents and their work.",
        "who-has": "Show who is editing a file.",
        "ping": "Check whether an agent is active.",
        "context": "Save notes for your next session, and show them.",
        "roles": "Manage preamble templates for roles.",
    },
    "Data": {
        "query": "Run one SQL query over messages, agents and groups.",
        "export": "Write messages, agents and groups into a SQLite file.",
    },
    "Between machines": {
        "daemon": "Run the background process for sync and notifications.",
        "sync": "Exchange messages with other clones through git.",
    },
    "Clients of coding agents": {
        "mcp": "Serve MCP to a coding agent.",
        "runtime": "List the supported clients, and choose the default.",
        "uninit": "Undo what `thrum init` wrote for a client.",
        "hook": "Answer a client's hook.",
        "listen": "Print one line for each new message.",
    },
}


def _alone(app: App, version: bool) -> object:
    """Show the version or the help. Raises Usage with --json, for which a command must be named."""
    if version:
        from .commands.version import current_version  # loads importlib.metadata

        return current_version()
    if app.json:
        raise Usage("no command is named", hint="`thrum --help`")
    from click import get_current_context  # only here

    return Outcome(None, note=get_current_context().get_help())


thrum = Group(
    "thrum",
    """Durable messaging for coding agents in the worktrees of one repository.

    Two agents need nothing but a repository that is set up: there is no server to start.
    """,
    {heading: lazily("commands", helps) for heading, helps in _SECTIONS.items()},
    (
        "thrum demo",
        "thrum init && thrum quickstart --name planner --role lead --module auth",
        'thrum send "Ready for review" --to @builder',
        "thrum COMMAND --help",
    ),
    function=_alone,
    options=(Option("--version", "Show the version."),),
)
