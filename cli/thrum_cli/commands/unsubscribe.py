"""unsubscribe: remove a subscription."""

from __future__ import annotations

from thrum_cli.command import App, Argument, command
from thrum_cli.terminal.output import human
from thrum_store.service.messages import subscriptions as service
from thrum_store.service.messages.subscriptions import Unsubscribed


@command("unsubscribe", "thrum unsubscribe 3", options=(Argument("subscription_id", kind="integer", least=1),))
def unsubscribe(app: App, subscription_id: int) -> Unsubscribed:
    """Remove a subscription."""
    return service.unsubscribe(app.store, app.caller, subscription_id)


@human.report(Unsubscribed)
def _unsubscribed(unsubscribed: Unsubscribed) -> str:
    return f"✓ Subscription #{unsubscribed.id} removed"
