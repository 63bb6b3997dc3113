"""group.*"""

from __future__ import annotations

from dataclasses import dataclass

from thrum_mcp.daemon.rpc.request_context import Nothing, RequestContext, method
from thrum_store.service.team import groups
from thrum_store.service.team.groups import (
    CreateGroup,
    GroupCreated,
    GroupDeleted,
    GroupInfo,
    GroupList,
    GroupMembers,
    Membership,
    MembershipChanged,
)


@dataclass(frozen=True)
class CreateParams:
    """A group to make."""

    name: str
    description: str = ""
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class GroupParams:
    """One group."""

    name: str
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class MemberParams:
    """A member of a group: `member_type` is agent, role or group."""

    group: str
    member_type: str
    member_value: str
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class ShowParams:
    """One group; `expand` resolves roles and nested groups to agents."""

    name: str
    expand: bool = False


def _create(desk: RequestContext, params: CreateParams) -> GroupCreated:
    """Makes a group."""
    return groups.create(desk.store, desk.caller(params.caller_agent_id), CreateGroup(params.name, params.description))


def _delete(desk: RequestContext, params: GroupParams) -> GroupDeleted:
    """Deletes a group; the messages it got stay."""
    return groups.delete(desk.store, desk.caller(params.caller_agent_id), params.name)


def _add(desk: RequestContext, params: MemberParams) -> MembershipChanged:
    """Adds a member to a group."""
    request = Membership(params.group, params.member_type, params.member_value)
    return groups.add(desk.store, desk.caller(params.caller_agent_id), request)


def _remove(desk: RequestContext, params: MemberParams) -> MembershipChanged:
    """Takes a member out of a group."""
    request = Membership(params.group, params.member_type, params.member_value)
    return groups.remove(desk.store, desk.caller(params.caller_agent_id), request)


def _list(desk: RequestContext, _: Nothing) -> GroupList:
    """All groups."""
    return groups.list_groups(desk.store)


def _info(desk: RequestContext, params: ShowParams) -> GroupInfo:
    """One group with its members."""
    return groups.info(desk.store, params.name, params.expand)


def _members(desk: RequestContext, params: ShowParams) -> GroupMembers:
    """The members of a group."""
    return groups.members(desk.store, params.name, params.expand)


METHODS = {
    "group.create": method(_create),
    "group.delete": method(_delete),
    "group.member.add": method(_add),
    "group.member.remove": method(_remove),
    "group.list": method(_list),
    "group.info": method(_info),
    "group.members": method(_members),
}
