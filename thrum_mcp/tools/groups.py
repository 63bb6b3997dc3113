"""The tools about groups: named collections of agents, roles and other groups."""

from __future__ import annotations

from typing import Annotated, Literal

from mcp_types import CallToolResult
from pydantic import Field

from thrum_mcp.caller import Call, context_of
from thrum_store.service.team import groups

from . import render, results
from .registration import reads, writes
from .results import tool_result

Name = Annotated[str, Field(description="Group name")]
MemberType = Annotated[Literal["agent", "role", "group"], Field(description="What the member is")]
MemberValue = Annotated[str, Field(description="Agent, role or group name")]


async def create_group(
    call: Call,
    name: Name,
    description: Annotated[str | None, Field(description="What the group is for")] = None,
) -> Annotated[CallToolResult, results.GroupCreated]:
    """Create a group; @name then addresses all its members at once."""
    request = groups.CreateGroup(name, description or "")
    created = await context_of(call).as_caller(lambda store, caller: groups.create(store, caller, request))
    result = results.GroupCreated(group_id=created.id, name=created.name)
    return tool_result(result, render.group_created(result))


async def delete_group(call: Call, name: Name) -> Annotated[CallToolResult, results.GroupDeleted]:
    """Delete a group. The messages sent to it stay; @everyone cannot be deleted."""
    deleted = await context_of(call).as_caller(lambda store, caller: groups.delete(store, caller, name))
    result = results.GroupDeleted.of(deleted)
    return tool_result(result, render.group_deleted(result))


async def add_group_member(
    call: Call, group: Name, member_type: MemberType, member_value: MemberValue
) -> Annotated[CallToolResult, results.Membership]:
    """Add an agent, all agents with a role, or another group to a group."""
    request = groups.Membership(group, member_type, member_value)
    return _changed(await context_of(call).as_caller(lambda store, caller: groups.add(store, caller, request)))


async def remove_group_member(
    call: Call, group: Name, member_type: MemberType, member_value: MemberValue
) -> Annotated[CallToolResult, results.Membership]:
    """Remove a direct member from a group."""
    request = groups.Membership(group, member_type, member_value)
    return _changed(await context_of(call).as_caller(lambda store, caller: groups.remove(store, caller, request)))


def _changed(change: groups.MembershipChanged) -> CallToolResult:
    result = results.Membership.of(change)
    return tool_result(result, render.membership(result))


async def list_groups(call: Call) -> Annotated[CallToolResult, results.Groups]:
    """List all groups with how many direct members each has."""
    result = results.Groups.of(await context_of(call).with_store(groups.list_groups))
    return tool_result(result, render.groups(result))


async def get_group(
    call: Call,
    name: Name,
    expand: Annotated[bool, Field(description="Resolve roles and nested groups to agents")] = False,
) -> Annotated[CallToolResult, results.Group]:
    """Show a group's direct members; with expand, the agents that a message to it reaches."""
    result = results.Group.of(await context_of(call).with_store(lambda store: groups.info(store, name, expand)))
    return tool_result(result, render.group(result))


TOOLS = (
    writes(create_group, "Create a group"),
    writes(delete_group, "Delete a group", destroys=True),
    writes(add_group_member, "Add to a group", repeatable=True),
    writes(remove_group_member, "Remove from a group", repeatable=True),
    reads(list_groups, "List the groups"),
    reads(get_group, "Show a group"),
)
