"""send: a new message."""

from __future__ import annotations

from thrum_cli.command import BODY, CARRIED, App, Argument, Option, body, command, json_object, sent_words
from thrum_cli.terminal.output import human
from thrum_store.errors import Invalid
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage, Sent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


@command(
    "send",
    'thrum send "Ready for review" --to @reviewer --scope module:auth',
    'thrum send "Stopping for lunch" --everyone',
    "git diff | thrum send --stdin --to @reviewer --ref pr:42",
    options=(
        Argument("message", required=False),
        *BODY,
        Option("--to", "An agent, a role or a group.", "@NAME", multiple=True, complete="addresses"),
        Option("--everyone", "Send to every agent, as `--to @everyone` does; the default without --to."),
        Option("--broadcast -b", "Send to every agent, and to nobody by name."),
        Option(
            "--mention", "An agent to mention, who gets the message, too.", "@NAME", multiple=True, complete="addresses"
        ),
        Option("--scope", "A scope of the message, like module:auth.", "TYPE:VALUE", multiple=True),
        Option("--ref", "Something the message refers to, like pr:42.", "TYPE:VALUE", multiple=True),
        Option("--thread", "The thread to add the message to.", "ID"),
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
    broadcast: bool,
    mention: tuple[str, ...],
    scope: tuple[str, ...],
    ref: tuple[str, ...],
    thread: str | None,
    format_: str,
    structured: str | None,
    idempotency_key: str | None,
) -> Sent:
    """Send a message.

    When this command returns, the message is on disk and in the inbox of each recipient. If a recipient doesn't exist,
    nothing is sent. The text may begin with a dash, as "- item" does; after `--` every word is a text, and `-` reads it
    from standard input.
    """
    if broadcast and to:
        raise Invalid("--broadcast and --to are mutually exclusive", hint=f"for both: `--everyone --to {to[0]}`")
    request = SendMessage(
        content=body(message, stdin, body_file),
        to=(*to, "@everyone") if everyone or broadcast else to,
        mentions=mention,
        scopes=scope,
        refs=ref,
        format=format_,
        structured=json_object(structured),
        thread=thread,
        key=idempotency_key,
    )
    return sending.send(app.store, app.caller, request)


human.report(Sent)(sent_words)
