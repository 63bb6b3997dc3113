"""Groups: named collections of agents, roles and other groups."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from mcp_types import CallToolResult
from pydantic import Field

from thrum_mcp.caller import Call, door
from thrum_store.printable import safe_line
from thrum_store.service.team import groups

from . import render, results
from .registration import reads, writes

Group = Annotated[str, Field(description="Group name")]
MemberType = Annotated[Literal["agent", "role", "group"], Field(description="What the member is")]
MemberValue = Annotated[str, Field(description="Agent, role or group name")]


async def create_group(
    call: Call,
    name: Group,
    description: Annotated[str | None, Field(description="What the group is for")] = None,
) -> Annotated[CallToolResult, results.GroupCreated]:
    """Create a group; @name then addresses all its members at once."""
    request = groups.CreateGroup(name, description or "")
    created = await door(call).act(lambda store, caller: groups.create(store, caller, request))
    result = results.GroupCreated(group_id=created.group_id, name=created.name)
    return results.said(result, render.group_created(result))


async def delete_group(call: Call, name: Group) -> Annotated[CallToolResult, results.GroupDeleted]:
    """Delete a group. What was sent to it stays; @everyone cannot be deleted."""
    deleted = await door(call).act(lambda store, caller: groups.delete(store, caller, name))
    result = results.GroupDeleted(name=deleted.name)
    return results.said(result, render.group_deleted(result))


async def add_group_member(
    call: Call, group: Group, member_type: MemberType, member_value: MemberValue
) -> Annotated[CallToolResult, results.Membership]:
    """Add an agent, all agents with a role, or another group to a group."""
    request = groups.Membership(group, member_type, member_value)
    return _changed(await door(call).act(lambda store, caller: groups.add(store, caller, request)))


async def remove_group_member(
    call: Call, group: Group, member_type: MemberType, member_value: MemberValue
) -> Annotated[CallToolResult, results.Membership]:
    """Remove a direct member from a group."""
    request = groups.Membership(group, member_type, member_value)
    return _changed(await door(call).act(lambda store, caller: groups.remove(store, caller, request)))


def _changed(change: groups.MembershipChanged) -> CallToolResult:
    result = results.Membership.model_validate(asdict(change))
    return results.said(result, render.membership(result))


async def list_groups(call: Call) -> Annotated[CallToolResult, results.Groups]:
    """List all groups with how many direct members each has."""
    listed = await door(call).look(groups.list_groups)
    lines = [
        results.GroupLine(
            name=group.name, description=safe_line(group.description) or None, member_count=group.member_count
        )
        for group in listed.groups
    ]
    result = results.Groups(groups=lines, count=listed.count)
    return results.said(result, render.groups(result))


async def get_group(
    call: Call,
    name: Group,
    expand: Annotated[bool, Field(description="Resolve roles and nested groups to agents")] = False,
) -> Annotated[CallToolResult, results.Group]:
    """Show a group's direct members; with expand, the agents that a message to it reaches."""
    info = await door(call).look(lambda store: groups.info(store, name, expand))
    result = results.Group(
        name=info.name,
        description=safe_line(info.description) or None,
        members=[_member(member) for member in info.members],
        expanded=None if info.expanded is None else list(info.expanded),
    )
    return results.said(result, render.group(result))


def _member(member: groups.GroupMember) -> results.Member:
    known = {"member_type": member.member_type, "member_value": safe_line(member.member_value)}
    return results.Member.model_validate(known)


TOOLS = (
    writes(create_group, "Create a group"),
    writes(delete_group, "Delete a group", destroys=True),
    writes(add_group_member, "Add to a group", repeatable=True),
    writes(remove_group_member, "Remove from a group", repeatable=True),
    reads(list_groups, "List the groups"),
    reads(get_group, "Show a group"),
)
