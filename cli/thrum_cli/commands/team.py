"""team: the active agents and their work."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.commands._shared.git_answers import not_asked
from thrum_cli.terminal.layout import inside, panel
from thrum_cli.terminal.output import Outcome, Screen, ago, bold, dim, green, human, shorten
from thrum_store.service.team import roster
from thrum_store.service.team.roster import Team, TeamMember
from thrum_store.values import plural

_FILES = 6  # of one member


@command(
    "team",
    "thrum team",
    "thrum team --all --json",
    returns=Team,
    options=(Option("--all", "Show offline agents, too.", name="everybody"),),
)
def team(app: App, everybody: bool) -> Outcome:
    """Show the active agents and their work.

    It shows the session, work, branch and inbox of each.
    """
    members = roster.team(app.store, everybody)
    note = f"{members.offline} offline: `thrum team --all`" if members.offline else ""
    if not members.members:
        note = f"No active agents. {note or '`thrum quickstart` registers an agent and starts its session.'}"
    return Outcome(members, note=note, answer=not_asked(members.unanswered))


@human.register(Team)
def _team(team: Team, screen: Screen) -> str:
    blocks = [_member(member, screen) for member in team.members]
    shared = team.shared_messages
    counts = [f"@{group.name} {group.total}" for group in shared.groups]
    if shared.broadcast_total:
        counts.insert(0, f"@everyone {shared.broadcast_total}")
    if counts:
        blocks.append(dim(f"Messages to groups: {', '.join(counts)}"))
    return ("\n" if screen.terminal else "\n\n").join(blocks)


def _member(member: TeamMember, screen: Screen) -> str:
    mark = green("●") if member.status == "active" else "○"
    state = "waiting for messages" if member.waiting else member.status
    seen = "" if member.waiting else f", seen {ago(member.last_seen, screen.now_ms)}"
    known = " ".join(part for part in (member.role, member.module) if part)
    head = f"{mark} {bold('@' + member.address)}  {dim(known)}  {state}{seen}"
    rows = [
        ("Intent", member.intent),
        ("Task", member.current_task),
        ("Session", f"started {ago(member.session_start, screen.now_ms)}" if member.session_start else "none"),
        ("Inbox", f"{member.inbox_unread} unread of {member.inbox_total}" if member.inbox_total else "empty"),
        ("Branch", _branch(member)),
        ("Where", f"{member.worktree} on {member.hostname}"),
    ]
    width = inside(screen).width
    lines = [f"  {dim(name.ljust(8))} {shorten(value, width - 11)}" for name, value in rows if value]
    body = "\n".join([*lines, *_files(member, width)])
    return panel(head, body, screen) if screen.terminal else f"{head}\n{body}"


def _branch(member: TeamMember) -> str:
    counts = [plural(member.unmerged_commits, "unmerged commit")] if member.unmerged_commits else []
    counts += [f"{member.uncommitted_files} uncommitted"] if member.uncommitted_files else []
    return f"{member.branch} ({', '.join(counts)})" if counts else member.branch


def _files(member: TeamMember, width: int) -> list[str]:
    shown = [
        f"  {' ':8} {shorten(f'{change.path} +{change.additions} -{change.deletions}', width - 11)}"
        for change in member.file_changes[:_FILES]
    ]
    more = len(member.file_changes) - _FILES
    return [*shown, dim(f"  {' ':8} and {more} more")] if more > 0 else shown
