"""subscribe: be notified of new messages."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import command, pass_app
from thrum_cli.completion import addresses
from thrum_cli.terminal.output import Screen, human
from thrum_store.service.messages import subscriptions as service
from thrum_store.service.messages.subscriptions import (
    Subscribe,
    Subscribed,
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


@human.register(Subscribed)
def _subscribed(subscribed: Subscribed, screen: Screen) -> str:
    del screen
    return (
        f"✓ Subscription #{subscribed.subscription_id}, until session {subscribed.session_id} ends"
        "\n  Follow it: thrum watch"
    )
