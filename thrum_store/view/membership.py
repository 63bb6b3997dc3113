"""Pure functions for audiences: the role of an agent and the members of a group at a time, in any order of arrival.

Most events concern only their own shard, and a shard is read in order. Groups and audiences cross shards: a group is an
observed-remove set, and the audience of a role, a group or everyone is taken as of the message's own time. Times only
decide who belongs to it, never which of two events comes first.
"""

from __future__ import annotations

from thrum_store.identity import EVERYONE
from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Set


class Registration(NamedTuple):
    """The role of an agent from `ms` on; None: deleted."""

    seq: int
    ms: int
    role: str | None


class Added(NamedTuple):
    """A member of a group, under the id of the event that added it."""

    id: str
    member_type: str  # agent | role | group, or ITSELF
    member_value: str
    ms: int


ITSELF = ""  # the member type of a group's own creation


def role_at(registrations: Iterable[Registration], ms: int) -> str | None:
    """Return the role of an agent at `ms`, or None where it was not registered then."""
    then = [registration for registration in registrations if registration.ms <= ms]
    return max(then).role if then else None


def alive(adds: Iterable[Added], removed: Mapping[str, int], ms: int) -> list[Added]:
    """Return the members that were added by `ms` and not removed by then; `removed`: id -> when."""
    return [add for add in adds if add.ms <= ms < removed.get(add.id, ms + 1)]


class Members(NamedTuple):
    """The members of a group once nested groups are resolved: agents by name, and roles."""

    agents: Set[str]
    roles: Set[str]
    groups: Set[str]


def expanded(group: str, members: Callable[[str], Iterable[Added]]) -> Members:
    """Return all members of `group`, nested groups resolved. A cycle that two machines made together is harmless."""
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
    """Return whether a wide address means an agent with this name and role (None: not registered then)."""
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
