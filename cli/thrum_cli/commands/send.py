"""send: a new message."""

from __future__ import annotations

from typing import BinaryIO

from thrum_cli.command import App, Argument, Option, command
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage, Sent

from ._shared.composing import BODY, CARRIED, body, object_of


@command(
    "send",
    'thrum send "Ready for review" --to @reviewer --scope module:auth',
    'thrum send "Stopping for lunch" --everyone',
    "git diff | thrum send --stdin --to @reviewer --ref pr:42",
    options=(
        Argument("message", required=False),
        *BODY,
        Option(
            "--to", "An agent, a role or a group; repeat it for several.", "@NAME", multiple=True, complete="addresses"
        ),
        Option("--everyone", "To every agent; the same as --to @everyone, or no --to at all."),
        Option("--mention", "Somebody to mention; they get it as well.", "@NAME", multiple=True, complete="addresses"),
        Option("--scope", "Where it belongs, like module:auth.", "TYPE:VALUE", multiple=True),
        Option("--ref", "What it refers to, like pr:42.", "TYPE:VALUE", multiple=True),
        Option("--thread", "The thread it belongs to.", "ID"),
        *CARRIED,
    ),
)
def send(
    app: App,
    message: str | None,
    stdin: bool,
    body_file: BinaryIO | None,
    to: tuple[str, ...],
    everyone: bool,
    mention: tuple[str, ...],
    scope: tuple[str, ...],
    ref: tuple[str, ...],
    thread: str | None,
    format_: str,
    structured: str | None,
    idempotency_key: str | None,
) -> Sent:
    """Send a message.

    It is durable, and in every recipient's inbox, when this command returns. An address that means nobody fails the
    whole send.
    """
    request = SendMessage(
        content=body(message, stdin, body_file),
        to=(*to, "@everyone") if everyone else to,
        mentions=mention,
        scopes=scope,
        refs=ref,
        format=format_,
        structured=object_of(structured),
        thread_id=thread,
        key=idempotency_key,
    )
    return sending.send(app.store, app.caller, request)
