"""subscriptions: the subscriptions of a session."""

from __future__ import annotations

from thrum_cli.command import App, command
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Screen, ago, human
from thrum_store.service.messages import subscriptions as service
from thrum_store.service.messages.subscriptions import SubscriptionInfo, SubscriptionList


@command("subscriptions", "thrum subscriptions")
def subscriptions(app: App) -> SubscriptionList:
    """List your subscriptions."""
    return service.list_subscriptions(app.store, app.caller)


@human.register(SubscriptionList)
def _list(result: SubscriptionList, screen: Screen) -> str:
    if not result.subscriptions:
        if not screen.hints:
            return ""
        return "No active subscriptions.\nSubscribe: thrum subscribe --scope TYPE:VALUE | --mention @NAME | --all"
    rows = [(f"#{info.id}", _wanted(info), ago(info.created_at, screen.now_ms)) for info in result.subscriptions]
    return f"Active subscriptions ({len(rows)}):\n{table(('id', 'messages', 'since'), rows, screen)}"


def _wanted(info: SubscriptionInfo) -> str:
    if info.everything:
        return "all"
    return f"mention @{info.mention}" if info.mention else f"scope {info.scope_type}:{info.scope_value}"
