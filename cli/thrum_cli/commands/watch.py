"""watch: the messages of the subscriptions, as they arrive."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import bold, dim, shorten, tell, warn
from thrum_store import values
from thrum_store.service.messages import subscriptions as service
from thrum_store.service.messages.feeds import Notification
from thrum_store.service.messages.subscriptions import Follow
from thrum_store.values import safe_line, safe_text


@command(
    "watch",
    "thrum subscribe --all && thrum watch",
    "thrum --json watch",
    "thrum watch --count 1",
    options=(Option("--count", "Stop after this many messages.", "N", kind="integer", least=1),),
)
def watch(app: App, count: int | None) -> None:
    """Print the messages you subscribed to as they arrive.

    It runs until Ctrl-C or the end of your session. With --json it prints one document per line. It marks nothing as
    read, and needs no daemon.
    """
    if not service.list_subscriptions(app.store, app.caller).subscriptions:
        warn("this session has no subscriptions; add one in another terminal: `thrum subscribe --all`")
    with Follow(app.paths, app.caller) as follow:
        left = count
        while left is None or left > 0:
            for notification in follow.wait()[:left]:
                tell(values.escaped(values.as_json(notification)) if app.json else _line(notification))
                left = None if left is None else left - 1
    app.json = False  # every document is written; there is no result beside them


def _line(notification: Notification) -> str:
    header = notification.header
    scopes = safe_line("".join(f" {scope.type}:{scope.value}" for scope in header.scopes))
    to = ", ".join(f"@{address.value}" for address in header.to)
    heading = f"{bold(f'@{header.author}')} to {to}{dim(scopes)}  {header.sent_at[11:19]}  {dim(header.id)}"
    return f"{heading}\n  {shorten(safe_text(notification.preview), 110)}"
