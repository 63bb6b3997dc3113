"""unsubscribe: remove a subscription."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import command, pass_app
from thrum_cli.terminal.output import Screen, human
from thrum_store.service.messages import subscriptions as service
from thrum_store.service.messages.subscriptions import (
    Unsubscribed,
)


@command("unsubscribe", "thrum unsubscribe 3")
@click.argument("subscription_id", type=click.IntRange(min=1))
@pass_app
def unsubscribe(app: App, subscription_id: int) -> Unsubscribed:
    """Remove a subscription of your session."""
    return service.unsubscribe(app.store, app.caller, subscription_id)


@human.register(Unsubscribed)
def _unsubscribed(unsubscribed: Unsubscribed, screen: Screen) -> str:
    del screen
    return f"✓ Subscription #{unsubscribed.subscription_id} removed"
