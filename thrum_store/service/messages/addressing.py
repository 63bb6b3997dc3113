"""From addresses to recipients, at the moment of sending: the event names everyone it goes to (design §4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from thrum_store import model
from thrum_store.errors import Invalid, UnknownRecipient
from thrum_store.model import EVERYONE
from thrum_store.store import Store
from thrum_store.view.queries import agents

Found = tuple[int, str, str]  # id, name, store


class Audience(NamedTuple):
    """Who a message is for: the addresses as (type, value), and the recipients as (id, name, store)."""

    addresses: tuple[tuple[str, str], ...]
    recipients: tuple[Found, ...]
    warnings: tuple[str, ...]


def resolve(store: Store, texts: Iterable[str], sender: int) -> Audience:
    """The audience of these addresses without the sender; no address at all means everyone.

    Raises UnknownRecipient naming every unknown one, with the nearest known names.
    """
    addresses: dict[tuple[str, str], None] = {}
    recipients: dict[int, Found] = {}
    unknown: list[str] = []
    warnings: list[str] = []
    for text in dict.fromkeys(model.address(text) for text in texts) or (EVERYONE,):
        resolved = _resolve(store, text, warnings)
        if resolved is None:
            unknown.append(text)
            continue
        kind, value, found = resolved
        addresses[kind, value] = None
        recipients |= {row[0]: row for row in found}
    if unknown:
        raise UnknownRecipient(unknown, _nearest(store, unknown))
    only_self = list(recipients) == [sender] and {kind for kind, _ in addresses} == {"agent"}
    if only_self:
        raise Invalid("you cannot send a message to yourself", hint="`thrum context save` keeps notes for yourself")
    recipients.pop(sender, None)
    return Audience(tuple(addresses), tuple(sorted(recipients.values())), tuple(warnings))


def exists(store: Store, text: str) -> bool:
    """Whether an address leads to anybody or anything."""
    return _resolve(store, text, []) is not None


def _resolve(store: Store, text: str, warnings: list[str]) -> tuple[str, str, list[Found]] | None:
    if text == EVERYONE:
        return EVERYONE, EVERYONE, agents.addressed(store.view)
    name, _, nick = text.partition("@")
    agent = _agent(store, name, nick, warnings)
    if agent is not None:
        return "agent", text, [agent]
    if nick:
        return None
    if found := agents.addressed(store.view, role=text):
        return "role", text, found
    from thrum_store.view.queries import groups  # 0.8 ms with what it needs, which a message to an agent does not pay

    if groups.group(store.view, text) is not None:
        return "group", text, _in_group(store, text)
    return None


def _agent(store: Store, name: str, nick: str, warnings: list[str]) -> Found | None:
    """An agent by name, this store's first; `nick` is the beginning of another store's id."""
    found = [row for row in agents.addressed(store.view, name) if row[2].startswith(nick)]
    if not found:
        return None
    if len(found) > 1:
        others = ", ".join(f"@{other}@{owner[:8]}" for _, other, owner in found[1:])
        warnings.append(f"@{name} is ambiguous; this went to the one in this store, not to {others}")
    return found[0]


def _in_group(store: Store, group: str) -> list[Found]:
    from thrum_store.view.queries import groups  # as above

    inside = groups.inside(store.view, group)
    found = [row for row in agents.addressed(store.view) if row[1] in inside.agents]
    for role in sorted(inside.roles):
        found += agents.addressed(store.view, role=role)
    return found


def _nearest(store: Store, unknown: list[str]) -> list[str]:
    from difflib import get_close_matches

    from thrum_store.view.queries import groups  # as above

    view = store.view
    names = {*agents.names(view), *agents.roles(view), *groups.names(view), EVERYONE}
    near = [match for name in unknown for match in get_close_matches(name, sorted(names), n=2, cutoff=0.5)]
    return list(dict.fromkeys(near))
