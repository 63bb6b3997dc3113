"""Groups: named sets of agents, roles and other groups."""

from __future__ import annotations

from thrum_store import identity
from thrum_store.errors import GroupCycle, GroupExists, Invalid, NameTaken, ProtectedGroup, UnknownGroup, UnknownMember
from thrum_store.identity import EVERYONE, Caller
from thrum_store.log.events import Draft
from thrum_store.service import message_parts
from thrum_store.service.message_parts import acting
from thrum_store.store import Store, use_case
from thrum_store.values import Record, rfc3339
from thrum_store.view.queries import groups, lookup
from thrum_store.view.queries.groups import Group

TYPES = ("agent", "role", "group")


class CreateGroup(Record):
    """Request to create a group."""

    name: str
    description: str = ""


class GroupCreated(Record):
    """A group that was created."""

    id: str
    name: str
    created_at: str

    JSON = "* group_id=id"


class GroupDeleted(Record):
    """A group that was deleted; messages to it stay."""

    name: str
    deleted_at: str


class Membership(Record):
    """A member of a group: an agent, a role or a group."""

    group: str
    member_type: str
    member_value: str


class MembershipChanged(Record):
    """The result of changing a membership. `status`: added, removed or unchanged."""

    group: str
    member_type: str
    member_value: str
    status: str


class GroupSummary(Record):
    """A group in a list."""

    id: str
    name: str
    description: str
    member_count: int
    created_at: str

    JSON = "* group_id=id"


class GroupList(Record):
    """All groups, by name; `everyone` first."""

    groups: tuple[GroupSummary, ...]
    count: int


class GroupMember(Record):
    """A direct member."""

    member_type: str
    member_value: str
    added_at: str | None
    added_by: str | None


class GroupInfo(Record):
    """A group with its direct members; `expanded` holds the agents that they stand for, if requested."""

    id: str
    name: str
    description: str
    created_at: str | None
    created_by: str | None
    members: tuple[GroupMember, ...]
    expanded: tuple[str, ...] | None = None

    JSON = "* group_id=id"


class GroupMembers(Record):
    """A group's direct members; `expanded` as in GroupInfo."""

    members: tuple[GroupMember, ...]
    expanded: tuple[str, ...] | None = None


@use_case
def create(store: Store, caller: Caller, request: CreateGroup) -> GroupCreated:
    """Create a group. Raises Invalid, GroupExists, or NameTaken if an agent or a role has the name."""
    name = _bare(request.name)
    if name == EVERYONE:
        raise GroupExists(name)
    name = identity.valid_name(name, "group name")
    description = message_parts.label(request.description, "description")
    agent = acting(store, caller)
    with store.writing(agent.name) as shard:
        if groups.group(store.view, name) is not None:
            raise GroupExists(name)
        if lookup.named(store.view, name) or name in lookup.roles(store.view):
            raise NameTaken(f"{name!r} is the name of an agent or a role", hint="choose another group name")
        (event,) = shard.append(Draft("group.create", {"group": name, "description": description}))
    return GroupCreated(event.id, name, rfc3339(event.ms))


@use_case
def delete(store: Store, caller: Caller, name: str) -> GroupDeleted:
    """Delete a group. Raises UnknownGroup, ProtectedGroup."""
    group = _changeable(store, name)
    agent = acting(store, caller)
    with store.writing(agent.name) as shard:
        additions = groups.additions(store.view, group.name)
        (event,) = shard.append(Draft("group.delete", {"group": group.name, "added": additions}))
    return GroupDeleted(group.name, rfc3339(event.ms))


@use_case
def add(store: Store, caller: Caller, request: Membership) -> MembershipChanged:
    """Add a member. Raises UnknownGroup, UnknownMember, GroupCycle, ProtectedGroup, Invalid."""
    group = _changeable(store, request.group)
    member = _member(store, request)
    if member[0] == "group":
        _refuse_cycle(store, group.name, member[1])
    agent = acting(store, caller)
    with store.writing(agent.name) as shard:
        if groups.additions(store.view, group.name, member):
            return MembershipChanged(group.name, *member, "unchanged")
        data = {"group": group.name, "member_type": member[0], "member_value": member[1]}
        shard.append(Draft("group.member.add", data))
    return MembershipChanged(group.name, *member, "added")


@use_case
def remove(store: Store, caller: Caller, request: Membership) -> MembershipChanged:
    """Remove a member. Raises UnknownGroup, UnknownMember if it is none, ProtectedGroup, Invalid."""
    group = _changeable(store, request.group)
    kind, value = _type(request.member_type), _bare(request.member_value)
    agent = acting(store, caller)
    with store.writing(agent.name) as shard:
        additions = groups.additions(store.view, group.name, (kind, value))
        if not additions:
            raise UnknownMember(f"{kind} in {group.name}:", value)
        data = {"group": group.name, "member_type": kind, "member_value": value, "added": additions}
        shard.append(Draft("group.member.remove", data))
    return MembershipChanged(group.name, kind, value, "removed")


@use_case
def list_groups(store: Store) -> GroupList:
    """List all groups with their number of direct members."""
    known = [groups.group(store.view, name) for name in groups.names(store.view)]
    listed = [_summary(store, group) for group in known if group is not None]
    everyone = GroupSummary(_EVERYONE_ID, EVERYONE, _EVERYONE, len(lookup.addressed(store.view)), "")
    return GroupList((everyone, *listed), 1 + len(listed))


@use_case
def info(store: Store, name: str, expand: bool = False) -> GroupInfo:
    """Return one group. Raises UnknownGroup."""
    if _bare(name) == EVERYONE:
        names = tuple(sorted(name for _, name, _ in lookup.addressed(store.view)))
        member = GroupMember("role", "*", None, None)
        return GroupInfo(_EVERYONE_ID, EVERYONE, _EVERYONE, None, None, (member,), names if expand else None)
    group = _group(store, name)
    members = tuple(
        GroupMember(m.member_type, m.member_value, rfc3339(m.ms), m.author)
        for m in groups.members(store.view, group.name)
    )
    expanded = _expanded(store, group.name) if expand else None
    return GroupInfo(group.id, group.name, group.description, rfc3339(group.ms), group.author, members, expanded)


@use_case
def members(store: Store, name: str, expand: bool = False) -> GroupMembers:
    """Return the members of a group. Raises UnknownGroup."""
    group = info(store, name, expand)
    return GroupMembers(group.members, group.expanded)


_EVERYONE_ID = "grp_everyone"
_EVERYONE = "every registered agent; built in"


def _bare(text: str) -> str:
    return identity.agent_name(text)


def _group(store: Store, name: str) -> Group:
    bare = _bare(name)
    group = groups.group(store.view, bare)
    if group is None:
        raise UnknownGroup(bare)
    return group


def _changeable(store: Store, name: str) -> Group:
    if _bare(name) == EVERYONE:
        raise ProtectedGroup(EVERYONE)
    return _group(store, name)


def _type(text: str) -> str:
    if text not in TYPES:
        raise Invalid(f"{text!r} is not a member type", hint="use agent, role or group")
    return text


def _member(store: Store, request: Membership) -> tuple[str, str]:
    kind, value = _type(request.member_type), _bare(request.member_value)
    known = {
        "agent": lambda: bool(lookup.named(store.view, value)),
        "role": lambda: value in lookup.roles(store.view),
        "group": lambda: groups.group(store.view, value) is not None,
    }
    if not known[kind]():
        raise UnknownMember(kind, value)
    return kind, value


def _refuse_cycle(store: Store, group: str, member: str) -> None:
    if member == group or group in groups.inside(store.view, member).groups:
        raise GroupCycle(group, member)


def _expanded(store: Store, name: str) -> tuple[str, ...]:
    inside = groups.inside(store.view, name)
    names = {agent for _, agent, _ in lookup.addressed(store.view) if agent in inside.agents}
    for role in inside.roles:
        names |= {agent for _, agent, _ in lookup.addressed(store.view, role=role)}
    return tuple(sorted(names))


def _summary(store: Store, group: Group) -> GroupSummary:
    count = len(groups.members(store.view, group.name))
    return GroupSummary(group.id, group.name, group.description, count, rfc3339(group.ms))
