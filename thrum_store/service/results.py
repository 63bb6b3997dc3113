"""Parts that several results share, and the one function that makes JSON of a result.

A result whose JSON keys are not its fields names them in `JSON`, a text of items `key=field`: `key` alone stands for a
field of that name, `outer.key=field` for a key inside an object. Fields of the result's header count as its own.
Without `JSON`, only a field `address` has another key: `agent_id`.
"""

from __future__ import annotations

from thrum_store.values import fields_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Protocol

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
