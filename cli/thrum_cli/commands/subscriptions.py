"""subscriptions: the subscriptions of a session."""

from __future__ import annotations

from thrum_cli.command import App, command
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Screen, human
from thrum_cli.terminal.text import ago
from thrum_store.service.messages import subscriptions as service
from thrum_store.service.messages.subscriptions import (
    SubscriptionInfo,
    SubscriptionList,
)


@command("subscriptions", "thrum subscriptions")
def subscriptions(app: App) -> SubscriptionList:
    """List your subscriptions."""
    return service.list_subscriptions(app.store, app.caller)


@human.register(SubscriptionList)
def _list(told: SubscriptionList, screen: Screen) -> str:
    if not told.subscriptions:
        return "No subscriptions.\nSubscribe: thrum subscribe --scope TYPE:VALUE | --mention @NAME | --all"
    rows = [(f"#{one.id}", _what(one), ago(one.created_at, screen.now_ms)) for one in told.subscriptions]
    return table(("id", "messages", "since"), rows, screen)


def _what(one: SubscriptionInfo) -> str:
    if one.all:
        return "all"
    return f"mention @{one.mention_role}" if one.mention_role else f"scope {one.scope_type}:{one.scope_value}"
