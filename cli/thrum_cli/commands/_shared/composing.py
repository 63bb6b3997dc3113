"""What the commands that write a message share: its text, its options, and how it looks once sent."""

from __future__ import annotations

import json
import sys
from typing import Any, BinaryIO, cast

from thrum_cli.command import Option
from thrum_cli.terminal.output import human
from thrum_cli.terminal.text import listing, plural
from thrum_store.errors import Invalid
from thrum_store.model import CONTENT_LIMIT
from thrum_store.service.messages.sending import Sent

BODY = (
    Option("--stdin", "Read the text from standard input."),
    Option("--body-file", "Read the text from a file.", "PATH", kind="file"),
)
CARRIED = (
    Option("--format", "markdown, plain or json (default markdown).", "FORMAT", name="format_", default="markdown"),
    Option("--structured", "A JSON object for programs to read.", "JSON"),
    Option("--idempotency-key", "Send at most once under this key, however often you run it.", "KEY"),
)


def body(text: str | None, stdin: bool, file: BinaryIO | None) -> str:
    """The text from wherever it was given, without the last newline. Raises Invalid unless it is given once."""
    given = [source for source in (text is not None, stdin, file is not None) if source]
    if len(given) != 1:
        problem = "the text is given more than once" if given else "there is no text"
        raise Invalid(problem, hint="give it as an argument, or with --stdin, or with --body-file PATH")
    if stdin:
        return _read(sys.stdin.buffer, "standard input")
    return _read(file, "the file") if file is not None else text or ""


def _read(source: BinaryIO, what: str) -> str:
    data = source.read(CONTENT_LIMIT + 2)  # the limit, a last newline, and one byte that shows there is more
    if len(data) > CONTENT_LIMIT + 1:
        raise Invalid(f"{what} has more than {CONTENT_LIMIT:,} bytes", hint="send the path of a file instead")
    try:
        return data.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise Invalid(f"{what} is not valid UTF-8", hint="convert it, for example with iconv") from None


def object_of(text: str | None) -> dict[str, Any] | None:
    """A JSON object, or Invalid."""
    if text is None:
        return None
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Invalid("--structured is not a JSON object", hint="write it like --structured '{\"pr\": 42}'")
    return cast("dict[str, Any]", value)


_SHOWN = 6  # recipients that are named one by one


@human.register(Sent)
def _sent(sent: Sent) -> str:
    names = [recipient.address for recipient in sent.recipients]
    addresses = [address.value for address in sent.to]
    if not names:
        return f"Sent {sent.message_id}."
    if addresses == names:
        return f"Sent {sent.message_id} to {listing(names)}."
    whom = listing(names) if len(names) <= _SHOWN else plural(len(names), "agent")
    return f"Sent {sent.message_id} to {listing(addresses)}: {whom}."
