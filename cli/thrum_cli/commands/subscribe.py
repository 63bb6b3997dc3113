"""subscribe: a subscription to new messages."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import human
from thrum_store.service.messages import subscriptions as service
from thrum_store.service.messages.subscriptions import Subscribe, Subscribed


@command(
    "subscribe",
    "thrum subscribe --scope module:auth",
    "thrum subscribe --mention @reviewer",
    "thrum subscribe --all",
    options=(
        Option("--scope", "Messages with this scope.", "TYPE:VALUE"),
        Option("--mention", "Messages that mention this agent or role.", "@NAME", complete="addresses"),
        Option("--all", "Every message.", name="everything"),
    ),
)
def subscribe(app: App, scope: str | None, mention: str | None, everything: bool) -> Subscribed:
    """Subscribe to new messages.

    `thrum watch` prints them; programs receive them from the daemon's socket. A subscription ends with its session.
    """
    return service.subscribe(app.store, app.caller, Subscribe(scope, mention, everything))


@human.report(Subscribed)
def _subscribed(subscribed: Subscribed) -> str:
    return (
        f"✓ Subscription created: #{subscribed.id}, until session {subscribed.session} ends\n  Follow it: thrum watch"
    )
