"""agent delete: remove one agent and everything it wrote."""

from __future__ import annotations

from thrum_cli.command import App, Argument, Option, command
from thrum_cli.terminal.output import human
from thrum_store.errors import NoIdentity
from thrum_store.service.team import removal
from thrum_store.service.team.removal import AgentDeleted
from thrum_store.values import plural


@command(
    "delete",
    "thrum agent delete builder",
    "thrum agent delete builder --yes",
    options=(Argument("name", complete="addresses"), Option("--yes -y --force", "Delete without asking.", name="yes")),
)
def delete(app: App, name: str, yes: bool) -> AgentDeleted:
    """Delete an agent of this machine.

    Its registration, identity file, saved context and messages are deleted. On a terminal it asks first. Elsewhere you
    and agents that nobody uses any more are deleted at once, and another agent only with --yes.
    """
    asks = app.can_ask and not yes
    if asks:
        plan = removal.planned(app.store, name)
        along = f", with {plural(plan.messages, 'message')}" if plan.messages else ""
        if not app.confirmed(f"Delete agent {plan.address!r} and all associated data{along}?"):
            return plan
    return removal.delete(app.store, name, by=acting(app), force=yes or asks)


def acting(app: App) -> str:
    """Return the name of the caller, or an empty text if there is none."""
    try:
        return app.caller.name
    except NoIdentity:
        return ""


@human.report(AgentDeleted)
def _deleted(deletion: AgentDeleted) -> str:
    if not deletion.deleted:
        return "Deletion canceled: nothing was deleted."
    messages = f" with {plural(deletion.messages, 'message')}" if deletion.messages else ""
    return f"Agent @{deletion.address} deleted successfully{messages}."
