"""agent register."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import command, pass_app
from thrum_cli.commands._shared.joining import identity_options, wanted
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Registered


@command(
    "register",
    "thrum agent register --name builder --role implementer --module auth",
    "thrum agent register --name builder --role implementer --module auth --force",
)
@identity_options
@click.option("--re-register", is_flag=True, help="Register again, even if nothing changed.")
@pass_app
def register(app: App, name: str | None, display: str | None, force: bool, re_register: bool) -> Registered:
    """Register an agent in this worktree.

    Without --name it is named after its role and module. Starts no session: `thrum quickstart` does both.
    """
    return agents.register(app.store, wanted(app, app.paths, name, display, force, re_register=re_register))
