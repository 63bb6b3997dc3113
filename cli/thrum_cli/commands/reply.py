"""reply: an answer to a message."""

from __future__ import annotations

from thrum_cli.command import BODY, CARRIED, App, Argument, body, command, json_object, sent_words
from thrum_cli.terminal.output import human
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import Reply, Sent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


@command(
    "reply",
    'thrum reply msg_01KAR… "Looks good, merging now"',
    "thrum reply msg_01KAR… --body-file review.md",
    options=(Argument("msg_id"), Argument("text", required=False), *BODY, *CARRIED),
)
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

    The reply goes to the author of the message and to all its recipients. The message is marked as read.
    """
    request = Reply(
        id=msg_id,
        content=body(text, stdin, body_file),
        format=format_,
        structured=json_object(structured),
        key=idempotency_key,
    )
    return sending.reply(app.store, app.caller, request)


human.report(Sent)(sent_words)
