"""The text and the options of a new message, and how a sent message is shown."""

from __future__ import annotations

import sys

from thrum_cli.command import Option
from thrum_cli.terminal.output import human
from thrum_cli.terminal.text import listing, plural
from thrum_store import json_codec
from thrum_store.errors import Invalid
from thrum_store.model import CONTENT_LIMIT
from thrum_store.service.messages.sending import Sent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

BODY = (
    Option("--stdin", "Read the text from standard input."),
    Option("--body-file", "Read the text from a file.", "PATH", kind="file"),
)
CARRIED = (
    Option("--format", "markdown, plain or json (default markdown).", "FORMAT", name="format_", default="markdown"),
    Option("--structured", "A JSON object for programs to read.", "JSON"),
    Option("--idempotency-key", "Send at most once under this key, however often you run it.", "KEY"),
)
_NAMED = 6  # recipients listed by name


def body(text: str | None, stdin: bool, file: BinaryIO | None) -> str:
    """Return the text of a message without its last newline. Raises Invalid unless exactly one source is given."""
    given = sum(source is not None and source is not False for source in (text, stdin, file))
    if given != 1:
        problem = "the text is given more than once" if given else "there is no text"
        raise Invalid(problem, hint="give it as an argument, or with --stdin, or with --body-file PATH")
    if stdin:
        return _read(sys.stdin.buffer, "standard input")
    return _read(file, "the file") if file is not None else text or ""


def _read(source: BinaryIO, name: str) -> str:
    data = source.read(CONTENT_LIMIT + 2)  # the limit, a last newline, and one byte that shows there is more
    if len(data) > CONTENT_LIMIT + 1:
        raise Invalid(f"{name} has more than {CONTENT_LIMIT:,} bytes", hint="send the path of a file instead")
    try:
        return data.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise Invalid(f"{name} is not valid UTF-8", hint="convert it, for example with iconv") from None


def json_object(text: str | None) -> dict[str, Any] | None:
    """Return the value of --structured. Raises Invalid if it is not a JSON object."""
    if text is None:
        return None
    try:
        fields: dict[str, Any] = json_codec.loads(text)
        if text.lstrip().startswith("{"):
            return fields
    except (ValueError, RecursionError):
        pass
    raise Invalid("--structured is not a JSON object", hint="write it like --structured '{\"pr\": 42}'")


@human.register(Sent)
def _sent(sent: Sent) -> str:
    names = [recipient.address for recipient in sent.recipients]
    addresses = [address.value for address in sent.to]
    if not names:
        return f"Sent {sent.message_id}."
    if addresses == names:
        return f"Sent {sent.message_id} to {listing(names)}."
    recipients = listing(names) if len(names) <= _NAMED else plural(len(names), "agent")
    return f"Sent {sent.message_id} to {listing(addresses)}: {recipients}."
