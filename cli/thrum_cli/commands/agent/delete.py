"""agent delete: remove one agent and everything it wrote."""

from __future__ import annotations

from thrum_cli.command import App, Argument, Option, command
from thrum_cli.terminal.output import Outcome, human
from thrum_store.errors import NeedsConfirmation, NoIdentity
from thrum_store.service.team import removal
from thrum_store.service.team.removal import AgentDeleted
from thrum_store.values import plural


@command(
    "delete",
    "thrum agent delete builder",
    "thrum agent delete builder --force",
    returns=AgentDeleted,
    options=(Argument("name", complete="addresses"), Option("--force", "Delete without asking.")),
)
def delete(app: App, name: str, force: bool) -> Outcome:
    """Delete an agent of this machine.

    Its registration, identity file, saved context and messages are deleted.
    """
    try:
        return Outcome(removal.delete(app.store, name, by=acting(app), force=force))
    except NeedsConfirmation as error:
        if not app.confirmed(f"Really? {error.message}."):
            raise
    return Outcome(removal.delete(app.store, name, by=acting(app), force=True))


def acting(app: App) -> str:
    """Return the name of the caller, or an empty text if there is none."""
    try:
        return app.caller.name
    except NoIdentity:
        return ""


@human.register(AgentDeleted)
def _deleted(deleted: AgentDeleted) -> str:
    messages = f" with {plural(deleted.messages, 'message')}" if deleted.messages else ""
    return f"Deleted @{deleted.address}{messages}."
