"""reply: an answer to a message."""

from __future__ import annotations

from typing import BinaryIO

import click

from thrum_cli.app import App
from thrum_cli.command import command, pass_app
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import Reply, Sent

from ._shared.composing import body, body_options, format_options, object_of


@command(
    "reply",
    'thrum reply msg_01KAR… "Looks good, merging now"',
    "thrum reply msg_01KAR… --body-file review.md",
)
@click.argument("msg_id")
@click.argument("text", required=False)
@body_options
@format_options
@pass_app
def reply(
    app: App,
    msg_id: str,
    text: str | None,
    stdin: bool,
    body_file: BinaryIO | None,
    format_: str,
    structured: str | None,
    idempotency_key: str | None,
) -> Sent:
    """Reply to a message.

    It goes to everyone who got that message and to its author. The message you reply to is marked as read.
    """
    request = Reply(
        message_id=msg_id,
        content=body(text, stdin, body_file),
        format=format_,
        structured=object_of(structured),
        key=idempotency_key,
    )
    return sending.reply(app.store, app.caller, request)
