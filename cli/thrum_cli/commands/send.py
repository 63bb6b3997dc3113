"""send: a new message."""

from __future__ import annotations

from typing import BinaryIO

import click

from thrum_cli.app import App
from thrum_cli.command import command, pass_app
from thrum_cli.completion import addresses
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage, Sent

from ._shared.composing import body, body_options, format_options, object_of


@command(
    "send",
    'thrum send "Ready for review" --to @reviewer --scope module:auth',
    'thrum send "Stopping for lunch" --everyone',
    "git diff | thrum send --stdin --to @reviewer --ref pr:42",
)
@click.argument("message", required=False)
@body_options
@click.option(
    "--to",
    multiple=True,
    metavar="@NAME",
    help="An agent, a role or a group; repeat it for several.",
    shell_complete=addresses,
)
@click.option("--everyone", is_flag=True, help="To every agent; the same as --to @everyone, or no --to at all.")
@click.option(
    "--mention",
    multiple=True,
    metavar="@NAME",
    help="Somebody to mention; they get it as well.",
    shell_complete=addresses,
)
@click.option("--scope", multiple=True, metavar="TYPE:VALUE", help="Where it belongs, like module:auth.")
@click.option("--ref", multiple=True, metavar="TYPE:VALUE", help="What it refers to, like pr:42.")
@click.option("--thread", metavar="ID", help="The thread it belongs to.")
@format_options
@pass_app
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
