"""From what was said to what is: pure functions that do not care in which order things arrived.

Most events concern only their own shard, and a shard is read in order. What crosses shards is folded here: groups are
observed-remove sets, and who a role, group or everyone address reached is worked out as of the message's own time.
Times only decide who was there, never what comes first (reliability §6.4; design §4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import NamedTuple

from thrum_store.model import EVERYONE


class Registration(NamedTuple):
    """One registration of an agent: what it was from `ms` on."""

    seq: int
    ms: int
    role: str | None  # None: deleted


class Added(NamedTuple):
    """A member that was added to a group, under the id of the event that did it."""

    id: str
    member_type: str  # agent | role | group, or `group itself` for the group's own creation
    member_value: str
    ms: int


ITSELF = ""  # the member type of a group's own creation


def role_at(registrations: Iterable[Registration], ms: int) -> str | None:
    """The role of an agent at `ms`, or None where it was not registered yet."""
    then = [registration for registration in registrations if registration.ms <= ms]
    return max(then).role if then else None


def alive(adds: Iterable[Added], removed: Mapping[str, int], ms: int | None = None) -> list[Added]:
    """What is in the set now, or was at `ms`: added by then, and not removed by then."""
    if ms is None:
        return [add for add in adds if add.id not in removed]
    return [add for add in adds if add.ms <= ms < removed.get(add.id, ms + 1)]


class Members(NamedTuple):
    """Who a group holds once nested groups are resolved: agents by name, and roles."""

    agents: Set[str]
    roles: Set[str]
    groups: Set[str]


def expanded(group: str, members: Callable[[str], Iterable[Added]]) -> Members:
    """Everybody in `group`, nested groups resolved; a cycle that two machines made together is harmless."""
    agents: set[str] = set()
    roles: set[str] = set()
    seen = {group}
    waiting = [group]
    while waiting:
        for add in members(waiting.pop()):
            if add.member_type == "agent":
                agents.add(add.member_value)
            elif add.member_type == "role":
                roles.add(add.member_value)
            elif add.member_type == "group" and add.member_value not in seen:
                seen.add(add.member_value)
                waiting.append(add.member_value)
    return Members(agents, roles, seen - {group})


def reached(
    addresses: Iterable[tuple[str, str]], name: str, role: str | None, members: Callable[[str], Members]
) -> bool:
    """Whether an agent with this name and role (None: not registered then) is meant by one of the wide addresses."""
    if role is None:
        return False
    for kind, value in addresses:
        if kind == EVERYONE or (kind == "role" and value == role):
            return True
        if kind == "group":
            inside = members(value)
            if name in inside.agents or role in inside.roles:
                return True
    return False
