"""The names that the Go program's agents have here: no two agents get one name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from thrum_store import identity
from thrum_store.errors import Invalid
from thrum_store.identity import NAME_LIMIT

from .go_lines import GoEvent

_KEYS = ("agent_id", "created_by", "added_by", "removed_by", "deleted_by")


class Names:
    """Our name of each agent, by its id in the Go program: a name, `agent:role:hash`, `role_hash` or `user:name`."""

    def __init__(self, identifiers: Iterable[str]) -> None:
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        for identifier in sorted(set(identifiers), key=lambda known: (_plain(known) != known, known)):
            self.name(identifier)

    @classmethod
    def of(cls, events: Iterable[GoEvent]) -> Names:
        """Return the names of all agents in these events."""
        return cls(identifier for event in events for identifier in _identifiers(event.fields))

    def known(self, identifier: str) -> bool:
        """Return whether an agent has this id."""
        return identifier in self._names

    def name(self, identifier: str) -> str:
        """Return the name of an agent; one that differs only in letters that no name of ours has gets a number."""
        if identifier not in self._names:
            plain = _plain(identifier)
            numbered = (f"{plain[: NAME_LIMIT - 5]}-{number}" for number in range(2, 9999))
            name = next(name for name in (plain, *numbered) if name not in self._taken)
            self._names[identifier] = name
            self._taken.add(name)
        return self._names[identifier]

    def holder(self, identifier: str) -> str:
        """Return the name of the agent that an identity file is of: it may have our name already."""
        return identifier if identifier in self._taken else self.name(identifier)

    def files(self) -> dict[str, str]:
        """Return our name by the name that files of the agent have in the Go program, where the two differ."""
        named = {identifier.removeprefix("agent:").replace(":", "_"): name for identifier, name in self._names.items()}
        return {file: name for file, name in named.items() if file != name}


def _identifiers(fields: dict[str, Any]) -> Iterator[str]:
    recipients = fields.get("recipients")
    listed: list[Any] = recipients if isinstance(recipients, list) else []  # pyright: ignore[reportUnknownVariableType]
    member = fields.get("member_value") if fields.get("member_type") == "agent" else None
    for value in (*map(fields.get, _KEYS), member, *listed):
        if isinstance(value, str) and value:
            yield value


def _plain(identifier: str) -> str:
    name = identity.migrated_name(identifier) or "agent"
    try:
        return identity.valid_name(name)
    except Invalid:  # a name that is reserved here
        return identity.valid_name(f"{name[: NAME_LIMIT - 2]}-1")


def word(text: str) -> str:
    """Reduce a text to the letters, digits, `-` and `_` of our names."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:NAME_LIMIT]
