"""team: the active agents and their work."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.layout import inside, panel
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.text import ago, bold, dim, green, plural, shorten
from thrum_store.service.team import team as teams
from thrum_store.service.team.team import Team, TeamMember

_FILES = 6  # of one member


@command(
    "team",
    "thrum team",
    "thrum team --all --json",
    returns=Team,
    options=(Option("--all", "Show who is offline as well.", name="everybody"),),
)
def team(app: App, everybody: bool) -> Outcome:
    """Show the active agents and their work."""
    found = teams.team(app.store, everybody)
    hidden = f"{found.offline} offline: `thrum team --all`" if found.offline else ""
    if not found.members:
        hidden = f"Nobody is active. {hidden or '`thrum quickstart` registers an agent and starts its session.'}"
    return Outcome(found, note=hidden)


@human.register(Team)
def _team(found: Team, screen: Screen) -> str:
    blocks = [_member(one, screen) for one in found.members]
    shared = found.shared_messages
    counts = [f"@{group.name} {group.total}" for group in shared.groups]
    if shared.broadcast_total:
        counts.insert(0, f"@everyone {shared.broadcast_total}")
    if counts:
        blocks.append(dim(f"Messages to many: {', '.join(counts)}"))
    return ("\n" if screen.terminal else "\n\n").join(blocks)


def _member(one: TeamMember, screen: Screen) -> str:
    mark = green("●") if one.status == "active" else "○"
    state = "waiting for mail" if one.waiting else one.status
    seen = "" if one.waiting else f", seen {ago(one.last_seen, screen.now_ms)}"
    known = " ".join(part for part in (one.role, one.module) if part)
    head = f"{mark} {bold('@' + one.address)}  {dim(known)}  {state}{seen}"
    rows = [
        ("Intent", one.intent),
        ("Task", one.current_task),
        ("Session", f"since {ago(one.session_start, screen.now_ms)}" if one.session_start else "none"),
        ("Inbox", f"{one.inbox_unread} unread of {one.inbox_total}" if one.inbox_total else "empty"),
        ("Branch", _branch(one)),
        ("Where", f"{one.worktree} on {one.hostname}"),
    ]
    width = inside(screen).width
    lines = [f"  {dim(name.ljust(8))} {shorten(value, width - 11)}" for name, value in rows if value]
    body = "\n".join([*lines, *_files(one, width)])
    return panel(head, body, screen) if screen.terminal else f"{head}\n{body}"


def _branch(one: TeamMember) -> str:
    told = [plural(one.unmerged_commits, "unmerged commit")] if one.unmerged_commits else []
    told += [f"{one.uncommitted_files} uncommitted"] if one.uncommitted_files else []
    return f"{one.branch} ({', '.join(told)})" if told else one.branch


def _files(one: TeamMember, width: int) -> list[str]:
    shown = [
        f"  {' ':8} {shorten(f'{change.path} +{change.additions} -{change.deletions}', width - 11)}"
        for change in one.file_changes[:_FILES]
    ]
    more = len(one.file_changes) - _FILES
    return [*shown, dim(f"  {' ':8} and {more} more")] if more > 0 else shown
