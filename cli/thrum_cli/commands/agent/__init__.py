"""agent: register agents, list them, and delete them."""

from __future__ import annotations

from thrum_cli.command import Entry, group

_SECTIONS = {
    "Commands": {
        "register": Entry("commands.agent.register:register", "Register an agent in this worktree."),
        "list": Entry("commands.agent.list:list_", "List the registered agents."),
        "whoami": Entry("commands.whoami:whoami", "Show your identity and where it comes from."),
        "start": Entry("commands.session:start", "Start a work session."),
        "end": Entry("commands.session:end", "End your work session."),
        "heartbeat": Entry("commands.session:heartbeat", "Say that you are there and what you changed."),
        "set-intent": Entry("commands.session:set_intent", "Say what you are doing."),
        "set-task": Entry("commands.session:set_task", "Say which task you are at."),
        "context": Entry("commands.agent.context:context", "Show what agents work on."),
        "delete": Entry("commands.agent.delete:delete", "Delete an agent of this machine."),
        "cleanup": Entry("commands.agent.cleanup:cleanup", "Find and delete agents that nobody uses any more."),
    }
}


@group("agent", _SECTIONS, "thrum agent list", "thrum agent register --name builder --role implementer --module auth")
def agent() -> None:
    """Register agents and see who is here."""
