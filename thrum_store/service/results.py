"""Parts that several results share, and the one function that makes JSON of a result.

A result whose JSON keys are not its fields names them in `JSON`, a text of items `key=field`: `key` alone stands for a
field of that name, `outer.key=field` for a key inside an object. Fields of the result's header count as its own.
Without `JSON`, only a field `address` has another key: `agent_id`.
"""

from __future__ import annotations

from thrum_store import json_codec
from thrum_store.log.events import thread_of
from thrum_store.records import Record, fields_of
from thrum_store.times import maybe_rfc3339, rfc3339

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Protocol

    from thrum_store.view.queries.messages import Delivery, Row

    class MessageRow(Protocol):
        """The columns that a header is made of."""

        @property
        def id(self) -> str: ...
        @property
        def thread(self) -> str | None: ...
        @property
        def reply_to(self) -> str | None: ...
        @property
        def author_name(self) -> str: ...
        @property
        def author_store(self) -> str: ...
        @property
        def author_own(self) -> bool: ...
        @property
        def audience(self) -> str: ...
        @property
        def scopes(self) -> str | None: ...
        @property
        def sent_ms(self) -> int: ...


class Pair(Record):
    """A scope, a ref or an address: its kind and its value."""

    type: str
    value: str


class MessageHeader(Record):
    """The facts that every result shows of a message; `author` is an address."""

    id: str
    thread: str
    reply_to: str | None
    author: str
    to: tuple[Pair, ...]
    scopes: tuple[Pair, ...]
    sent_at: str


class MessageText(Record):
    """A message with its text as it is now; `updated_at` is None unless it was edited."""

    header: MessageHeader
    format: str
    content: str
    structured: dict[str, object] | None
    updated_at: str | None
    deleted: bool


class Recipient(Record):
    """A recipient of a message, and when it got and read it; `answered` once it replied."""

    address: str
    delivered_at: str
    read_at: str | None
    answered: bool

    @property
    def status(self) -> str:
        """Return `delivered`, `read` or `answered`."""
        if self.answered:
            return "answered"
        return "read" if self.read_at else "delivered"


def header(row: MessageRow) -> MessageHeader:
    """Return the header of a message."""
    author = address_of(row.author_name, row.author_store, own=row.author_own)
    to, scopes = pairs(row.audience), pairs(row.scopes)
    return MessageHeader(row.id, thread(row.thread, row.id), row.reply_to, author, to, scopes, rfc3339(row.sent_ms))


def text(row: Row) -> tuple[MessageHeader, str, str, dict[str, object] | None, str | None, bool]:
    """Return the fields of a `MessageText`."""
    edited_at, deleted = maybe_rfc3339(row.edited_ms), row.deleted_ms is not None
    return header(row), row.format, row.content, structured(row.structured), edited_at, deleted


def pairs(column: str | None) -> tuple[Pair, ...]:
    """Parse tags or addresses as the view keeps them, a JSON array of pairs."""
    return tuple(Pair(kind, value) for kind, value in json_codec.loads(column)) if column else ()


def structured(column: str | None) -> dict[str, Any] | None:
    """Parse the structured data of a message as the view keeps it."""
    return json_codec.loads(column) if column else None


def recipient(delivery: Delivery) -> Recipient:
    """Return a delivery as it is shown."""
    return Recipient(
        address_of(delivery.name, delivery.store, own=delivery.own),
        rfc3339(delivery.delivered_ms),
        maybe_rfc3339(delivery.read_ms),
        bool(delivery.answered),
    )


def address_of(name: str, store: str, *, own: bool) -> str:
    """Return the address of an agent: its name, with the beginning of its store's id if it belongs to another store."""
    return name if own else f"{name}@{store[:8]}"


def thread(column: str | None, message_id: str) -> str:
    """Return the thread of a message; a message outside of any thread begins its own."""
    return column or thread_of(message_id)


# --- JSON -----------------------------------------------------------------------------------------------------------


def as_json(value: Any) -> Any:
    """Return a result as objects, arrays and values that every JSON encoder takes."""
    if value.__class__ is dict:
        return {key: as_json(item) for key, item in value.items()}
    if fields_of(value) is None:
        return [as_json(item) for item in value] if value.__class__ in (list, tuple) else value
    document: dict[str, Any] = {}
    for outer, key, field in json_keys(value.__class__):
        place = document.setdefault(outer, {}) if outer else document
        place[key] = as_json(getattr(value if hasattr(value, field) else value.header, field))
    return document


def json_keys(result: type) -> Iterator[tuple[str, str, str]]:
    """Yield the outer key (or none), the key and the field of each value that a result has in JSON, in order."""
    table = getattr(result, "JSON", None)
    plain = ("agent_id=address" if field == "address" else field for field in fields_of(result) or ())
    for item in table.split() if table else plain:
        path, _, field = item.partition("=")
        outer, _, key = path.rpartition(".")
        yield outer, key.removesuffix("_"), field or key
