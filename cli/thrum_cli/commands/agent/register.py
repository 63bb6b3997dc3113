"""agent register: give this worktree an agent."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.commands._shared.joining import IDENTITY, registrant
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Registered


@command(
    "register",
    "thrum agent register --name builder --role implementer --module auth",
    "thrum agent register --name builder --role implementer --module auth --force",
    options=(*IDENTITY, Option("--re-register", "Register again, even if nothing changed.")),
)
def register(app: App, name: str | None, display: str | None, force: bool, re_register: bool) -> Registered:
    """Register an agent in this worktree.

    Without --name it is this worktree's agent if role and module are that agent's, else a new one that is named after
    its role and module. A template of the role becomes its preamble, unless you edited that. This starts no session;
    `thrum quickstart` does both.
    """
    return agents.register(app.store, registrant(app, app.paths, name, display, force, re_register))
