"""subscribe, unsubscribe, subscriptions, and watch, which shows in a terminal what they bring."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import command, pass_app
from thrum_cli.completion import addresses
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Screen, human, plain, tell, warn
from thrum_cli.terminal.text import ago, bold, cut, dim
from thrum_store.printable import safe_line, safe_text
from thrum_store.service.messages import subscriptions as service
from thrum_store.service.messages.feeds import Notification
from thrum_store.service.messages.following import Follow
from thrum_store.service.messages.subscriptions import (
    Subscribe,
    Subscribed,
    SubscriptionInfo,
    SubscriptionList,
    Unsubscribed,
)


@command(
    "subscribe", "thrum subscribe --scope module:auth", "thrum subscribe --mention @reviewer", "thrum subscribe --all"
)
@click.option("--scope", metavar="TYPE:VALUE", help="Messages with this scope.")
@click.option("--mention", metavar="@NAME", help="Messages that mention this agent or role.", shell_complete=addresses)
@click.option("--all", "everything", is_flag=True, help="Every message.")
@pass_app
def subscribe(app: App, scope: str | None, mention: str | None, everything: bool) -> Subscribed:
    """Be told of messages as they arrive, until your session ends.

    `thrum watch` shows them; programs get them from the daemon's socket.
    """
    return service.subscribe(app.store, app.caller, Subscribe(scope, mention, everything))


@command("unsubscribe", "thrum unsubscribe 3")
@click.argument("subscription_id", type=click.IntRange(min=1))
@pass_app
def unsubscribe(app: App, subscription_id: int) -> Unsubscribed:
    """Remove a subscription of your session."""
    return service.unsubscribe(app.store, app.caller, subscription_id)


@command("subscriptions", "thrum subscriptions")
@pass_app
def subscriptions(app: App) -> SubscriptionList:
    """List the subscriptions of your session."""
    return service.list_subscriptions(app.store, app.caller)


@command("watch", "thrum subscribe --all && thrum watch", "thrum --json watch", "thrum watch --count 1")
@click.option("--count", type=click.IntRange(min=1), help="End after so many messages.")
@pass_app
def watch(app: App, count: int | None) -> None:
    """Show what you subscribed to as it arrives, until Ctrl-C or the end of your session.

    With --json one document per line. Marks nothing as read, and needs no daemon.
    """
    if not service.list_subscriptions(app.store, app.caller).subscriptions:
        warn("this session subscribed to nothing yet; subscribe in another terminal, like `thrum subscribe --all`")
    with Follow(app.paths, app.caller) as follow:
        left = count
        while left is None or left > 0:
            for one in follow.wait()[:left]:
                tell(_document(one) if app.json else _line(one))
                left = None if left is None else left - 1
    app.json = False  # every document is written; there is no result beside them


def _document(one: Notification) -> str:
    import json

    return json.dumps(plain(one), ensure_ascii=True)


def _line(one: Notification) -> str:
    scopes = safe_line("".join(f" {pair.type}:{pair.value}" for pair in one.scopes))
    to = ", ".join(f"@{pair.value}" for pair in one.audiences)
    head = f"{bold(f'@{one.author.agent_id}')} to {to}{dim(scopes)}  {one.timestamp[11:19]}  {dim(one.message_id)}"
    return f"{head}\n  {cut(safe_text(one.preview), 110)}"


@human.register(Subscribed)
def _subscribed(subscribed: Subscribed, screen: Screen) -> str:
    del screen
    return (
        f"✓ Subscription #{subscribed.subscription_id}, until session {subscribed.session_id} ends"
        "\n  Follow it: thrum watch"
    )


@human.register(Unsubscribed)
def _unsubscribed(unsubscribed: Unsubscribed, screen: Screen) -> str:
    del screen
    return f"✓ Subscription #{unsubscribed.subscription_id} removed"


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
