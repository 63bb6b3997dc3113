"""agent delete."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import command, pass_app
from thrum_cli.completion import addresses
from thrum_cli.confirm import agreed
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.text import plural
from thrum_store.errors import NeedsConfirmation, NoIdentity
from thrum_store.service.team import removal
from thrum_store.service.team.removal import AgentDeleted


@command("delete", "thrum agent delete builder", "thrum agent delete builder --force", returns=AgentDeleted)
@click.argument("name", shell_complete=addresses)
@click.option("--force", is_flag=True, help="Do not ask.")
@pass_app
def delete(app: App, name: str, force: bool) -> Outcome:
    """Delete an agent of this machine: registration, identity file, saved context and messages."""
    try:
        return Outcome(removal.delete(app.store, name, by=acting(app), force=force))
    except NeedsConfirmation as error:
        if not agreed(app, f"Really? {error.message}."):
            raise
    return Outcome(removal.delete(app.store, name, by=acting(app), force=True))


def acting(app: App) -> str:
    """Who does it, where anybody says."""
    try:
        return app.caller.name
    except NoIdentity:
        return ""


@human.register(AgentDeleted)
def _deleted(done: AgentDeleted, screen: Screen) -> str:
    del screen
    took = f" with {plural(done.messages, 'message')}" if done.messages else ""
    return f"@{done.agent_id} is deleted{took}."
