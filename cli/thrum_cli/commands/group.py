"""group: named sets of agents, roles and other groups."""

from __future__ import annotations

from thrum_cli.command import App, Argument, Group, Option, command, commands
from thrum_cli.terminal.layout import panel, table
from thrum_cli.terminal.output import Outcome, Screen, ago, fields, human, listing, wrap
from thrum_store.errors import Invalid
from thrum_store.service.team import groups
from thrum_store.service.team.groups import (
    CreateGroup,
    GroupCreated,
    GroupDeleted,
    GroupInfo,
    GroupList,
    GroupMember,
    GroupMembers,
    Membership,
    MembershipChanged,
)
from thrum_store.values import plural


@command(
    "create",
    'thrum group create backend --description "Backend developers"',
    options=(
        Argument("name"),
        Option("--description", "The purpose of the group.", "TEXT", default=""),
    ),
)
def create(app: App, name: str, description: str) -> GroupCreated:
    """Create a group."""
    return groups.create(app.store, app.caller, CreateGroup(name, description))


@command("delete", "thrum group delete backend", options=(Argument("name"),))
def delete(app: App, name: str) -> GroupDeleted:
    """Delete a group.

    The messages sent to it stay.
    """
    return groups.delete(app.store, app.caller, name)


@command(
    "add",
    "thrum group add backend @alice",
    "thrum group add backend --role implementer",
    options=(
        Argument("group_name", metavar="GROUP"),
        Argument("member", required=False, complete="addresses"),
        Option("--role", "Add all agents with this role.", "ROLE", name="member_role"),
        Option("--group", "Add another group.", "GROUP", name="member_group"),
    ),
)
def add(
    app: App, group_name: str, member: str | None, member_role: str | None, member_group: str | None
) -> MembershipChanged:
    """Add an agent, a role or another group to a group."""
    kind, value = _member(member, member_role, member_group)
    return groups.add(app.store, app.caller, Membership(group_name, kind, value))


@command(
    "remove",
    "thrum group remove backend @alice",
    "thrum group remove backend --role implementer",
    options=(
        Argument("group_name", metavar="GROUP"),
        Argument("member", required=False, complete="addresses"),
        Option("--role", "Remove this role.", "ROLE", name="member_role"),
        Option("--group", "Remove this group.", "GROUP", name="member_group"),
    ),
)
def remove(
    app: App, group_name: str, member: str | None, member_role: str | None, member_group: str | None
) -> MembershipChanged:
    """Remove a member from a group."""
    kind, value = _member(member, member_role, member_group)
    return groups.remove(app.store, app.caller, Membership(group_name, kind, value))


def _member(agent: str | None, role: str | None, inner: str | None) -> tuple[str, str]:
    given = [(kind, value) for kind, value in (("agent", agent), ("role", role), ("group", inner)) if value]
    if len(given) != 1:
        problem = "more than one member is named" if given else "no member is named"
        raise Invalid(problem, hint="name an agent, or use --role ROLE or --group GROUP")
    return given[0]


@command("list", "thrum group list", returns=GroupList)
def list_(app: App) -> Outcome:
    """List all groups."""
    result = groups.list_groups(app.store)
    return Outcome(result, note="" if result.count > 1 else "Create a group: `thrum group create NAME`")


@command("info", "thrum group info backend", options=(Argument("name"),))
def info(app: App, name: str) -> GroupInfo:
    """Show a group and its members."""
    return groups.info(app.store, name)


@command(
    "members",
    "thrum group members backend",
    "thrum group members backend --expand",
    returns=GroupMembers,
    options=(
        Argument("name"),
        Option("--expand", "Resolve roles and nested groups to agents."),
    ),
)
def members(app: App, name: str, expand: bool) -> Outcome:
    """List the members of a group."""
    result = groups.members(app.store, name, expand)
    return Outcome(result, note="" if result.members else f"No members yet. Add one: `thrum group add {name} @NAME`")


group = Group(
    "group",
    "Manage groups of agents.",
    commands(create, delete, add, remove, list_, info, members),
    (
        "thrum group create backend",
        "thrum group add backend @alice",
    ),
)


@human.report(GroupCreated)
def _created(created: GroupCreated) -> str:
    return f"Group created: @{created.name}. Add members: thrum group add {created.name} @NAME"


@human.report(GroupDeleted)
def _deleted(deleted: GroupDeleted) -> str:
    return f"Group deleted: @{deleted.name}."


@human.report(MembershipChanged)
def _changed(changed: MembershipChanged) -> str:
    member = _member_name(changed.member_type, changed.member_value)
    verbs = {"added": f"Added {member} to", "removed": f"Removed {member} from", "unchanged": f"{member} is already in"}
    return f"{verbs[changed.status]} @{changed.group}."


def _member_name(kind: str, value: str) -> str:
    if (kind, value) == ("role", "*"):
        return "every agent"
    return f"@{value}" if kind == "agent" else f"{kind}:{value}"


@human.register(GroupList)
def _list(listed: GroupList, screen: Screen) -> str:
    rows = [(f"@{group.name}", plural(group.member_count, "member"), group.description) for group in listed.groups]
    return table(("group", "members", "description"), rows, screen)


@human.register(GroupInfo)
def _info(group: GroupInfo, screen: Screen) -> str:
    by = f" by @{group.created_by}" if group.created_by else ""
    created = f"{ago(group.created_at, screen.now_ms)}{by}" if group.created_at else None
    about = fields((("About", group.description), ("Created", created), ("Id", group.id)))
    head = panel(f"Group: @{group.name}", about, screen)
    return f"{head}\n\n{_rows(group.members, screen)}".rstrip()


@human.register(GroupMembers)
def _members(group: GroupMembers, screen: Screen) -> str:
    rows = _rows(group.members, screen)
    if group.expanded is None:
        return rows
    agents = f"Expanded ({plural(len(group.expanded), 'agent')}): {listing(group.expanded, len(group.expanded))}"
    return "\n\n".join(part for part in (rows, "\n".join(wrap(agents, screen.width))) if part)


def _rows(members: tuple[GroupMember, ...], screen: Screen) -> str:
    rows = [
        (
            _member_name(member.member_type, member.member_value),
            f"@{member.added_by}" if member.added_by else "",
            ago(member.added_at, screen.now_ms),
        )
        for member in members
    ]
    return f"Members ({len(rows)}):\n{table(('member', 'added by', 'added'), rows, screen)}" if rows else ""
