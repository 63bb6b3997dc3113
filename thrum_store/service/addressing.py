"""From names to agents: the agent that a caller speaks as, and the recipients that addresses mean."""

from __future__ import annotations

from thrum_store import model
from thrum_store.errors import Invalid, NotRegistered, UnknownRecipient, WorktreeMismatch
from thrum_store.model import EVERYONE
from thrum_store.records import NamedTuple
from thrum_store.view.queries import agents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from thrum_store.model import Caller
    from thrum_store.store import Store
    from thrum_store.view.queries.agents import Agent, Speaker

    AgentRow = tuple[int, str, str]  # id, name, store

# --- the caller -----------------------------------------------------------------------------------------------------


def acting(store: Store, caller: Caller) -> Agent:
    """Return the caller's own agent. Raises NotRegistered, or WorktreeMismatch if the name is another worktree's.

    That prevents mistakes between agents that mean well. It is no defence against a process of the same user.
    """
    agent = known(store, caller)
    _check_worktree(caller, agent.worktree)
    return agent


def speaking(store: Store, caller: Caller) -> Speaker:
    """Return as much of the caller's agent as a send needs. Raises what `acting` raises."""
    speaker = agents.speaker(store.view, caller.name)
    if speaker is None:
        raise NotRegistered(caller.name)
    _check_worktree(caller, speaker.worktree)
    return speaker


def known(store: Store, caller: Caller) -> Agent:
    """Return the caller's own agent, for reading only. Raises NotRegistered."""
    agent = agents.own(store.view, caller.name)
    if agent is None:
        raise NotRegistered(caller.name)
    return agent


def known_id(store: Store, caller: Caller) -> int:
    """Return the id of the caller's own agent, for a look that happens often. Raises NotRegistered."""
    agent = agents.speaker(store.view, caller.name)
    if agent is None:
        raise NotRegistered(caller.name)
    return agent.id


def worktree(store: Store, name: str) -> str:
    """Return the worktree that an agent of this store works in; empty if there is no such agent."""
    agent = agents.own(store.view, name)
    return agent.worktree if agent is not None else ""


def _check_worktree(caller: Caller, worktree: str) -> None:
    if caller.worktree and worktree and caller.worktree != worktree:
        raise WorktreeMismatch(caller.name, worktree, caller.worktree)


# --- recipients -----------------------------------------------------------------------------------------------------


class Audience(NamedTuple):
    """The addresses of a message as (type, value), and its recipients as (id, name, store)."""

    addresses: tuple[tuple[str, str], ...]
    recipients: tuple[AgentRow, ...]
    warnings: tuple[str, ...]


def resolve(store: Store, texts: Iterable[str], sender: int) -> Audience:
    """Return the audience of these addresses without the sender; no address at all means everyone.

    Raises UnknownRecipient naming every unknown address, with the nearest known names, and Invalid if only the sender
    is left of the addresses.
    """
    addresses: dict[tuple[str, str], None] = {}
    recipients: dict[int, AgentRow] = {}
    unknown: list[str] = []
    warnings: list[str] = []
    for text in dict.fromkeys(model.address(text) for text in texts) or (EVERYONE,):
        resolved = _resolve(store, text, warnings)
        if resolved is None:
            unknown.append(text)
            continue
        kind, value, rows = resolved
        addresses[kind, value] = None
        recipients |= {row[0]: row for row in rows}
    if unknown:
        raise UnknownRecipient(unknown, _nearest(store, unknown))
    only_self = list(recipients) == [sender] and {kind for kind, _ in addresses} == {"agent"}
    if only_self:
        raise Invalid("you cannot send a message to yourself", hint="`thrum context save` keeps notes for yourself")
    recipients.pop(sender, None)
    return Audience(tuple(addresses), tuple(sorted(recipients.values())), tuple(warnings))


def exists(store: Store, text: str) -> bool:
    """Return whether an address means any agent, role or group."""
    return _resolve(store, text, []) is not None


def _resolve(store: Store, text: str, warnings: list[str]) -> tuple[str, str, list[AgentRow]] | None:
    """Return the type and the value of an address, and the agents that it means; None for an unknown address."""
    if text == EVERYONE:
        return EVERYONE, EVERYONE, agents.addressed(store.view)
    name, _, nick = text.partition("@")
    agent = _agent(store, name, nick, warnings)
    if agent is not None:
        return "agent", text, [agent]
    if nick:
        return None
    if rows := agents.addressed(store.view, role=text):
        return "role", text, rows
    from thrum_store.view.queries import groups  # 0.8 ms with what it needs, which a message to an agent does not pay

    if groups.group(store.view, text) is not None:
        return "group", text, _in_group(store, text)
    return None


def _agent(store: Store, name: str, nick: str, warnings: list[str]) -> AgentRow | None:
    """Return the agent of a name, this store's first; `nick` is the beginning of another store's id."""
    rows = [row for row in agents.addressed(store.view, name) if row[2].startswith(nick)]
    if not rows:
        return None
    if len(rows) > 1:
        others = ", ".join(f"@{other}@{owner[:8]}" for _, other, owner in rows[1:])
        warnings.append(f"@{name} is ambiguous; this went to the one in this store, not to {others}")
    return rows[0]


def _in_group(store: Store, group: str) -> list[AgentRow]:
    from thrum_store.view.queries import groups  # as above

    inside = groups.inside(store.view, group)
    rows = [row for row in agents.addressed(store.view) if row[1] in inside.agents]
    for role in sorted(inside.roles):
        rows += agents.addressed(store.view, role=role)
    return rows


def _nearest(store: Store, unknown: list[str]) -> list[str]:
    """Return up to two known names that resemble each unknown one."""
    from difflib import get_close_matches

    from thrum_store.view.queries import groups  # as above

    view = store.view
    names = {*agents.names(view), *agents.roles(view), *groups.names(view), EVERYONE}
    near = [match for name in unknown for match in get_close_matches(name, sorted(names), n=2, cutoff=0.5)]
    return list(dict.fromkeys(near))
