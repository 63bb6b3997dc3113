"""agent context: the branch, commits and files of each agent."""

from __future__ import annotations

import os

from thrum_cli.command import App, Argument, Option, command
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.text import ago, bold, dim, fields, shorten
from thrum_store.errors import Invalid
from thrum_store.service.team import work
from thrum_store.service.team.work import WantContexts, WorkContext, WorkContexts

_SHOWN = 10  # commits, and files, of one agent


@command(
    "context",
    "thrum agent context builder",
    "thrum agent context --branch feature/auth",
    returns=WorkContexts,
    options=(
        Argument("name", metavar="[AGENT]", required=False, complete="addresses"),
        Option("--agent", "Only agents of this role or name.", "ROLE", name="role"),
        Option("--branch", "Only agents on this branch.", "NAME"),
        Option("--file", "Only agents that changed this file.", "PATH"),
    ),
)
def context(app: App, name: str | None, role: str | None, branch: str | None, file: str | None) -> Outcome:
    """Show the branch, commits and files of each agent."""
    if name and role:
        raise Invalid("an agent was named twice", hint="use either AGENT or --agent")
    found = work.contexts(app.store, WantContexts(name or role, branch, file, directory=os.getcwd()))
    return Outcome(found, note="" if found.contexts else "Nobody fits. `thrum agent list --context` shows everybody.")


def listed(app: App, role: str | None, module: str | None) -> Outcome:
    """What `agent list --context` answers: a row for each agent of the role and module."""
    found = work.contexts(app.store, WantContexts(role=role, module=module))
    return Outcome(found, note="" if found.contexts else "Nobody fits. `thrum agent list` shows everybody.")


@human.register(WorkContexts)
def _contexts(found: WorkContexts, screen: Screen) -> str:
    if len(found.contexts) == 1:
        return _detail(found.contexts[0], screen)
    if not found.contexts:
        return ""
    head = ("", "agent", "branch", "commits", "files", "told", "intent")
    return table(head, [_row(one, screen.now_ms) for one in found.contexts], screen)


def _row(one: WorkContext, now_ms: int) -> tuple[str, ...]:
    mark = "●" if one.status == "active" else "○"
    told = one.git_updated_at is not None
    commits = str(len(one.unmerged_commits)) if told else ""
    files = str(len({*one.changed_files, *one.uncommitted_files})) if told else ""
    return mark, f"@{one.address}", one.branch, commits, files, ago(one.git_updated_at, now_ms), one.intent


def _detail(one: WorkContext, screen: Screen) -> str:
    asked = ago(one.git_updated_at, screen.now_ms) or "never (thrum session heartbeat)"
    pairs: list[tuple[str, str | None]] = [
        ("Agent", f"@{one.address} ({one.status})"),
        ("Session", one.session_id),
        ("Intent", one.intent),
        ("Task", one.current_task),
        ("Branch", one.branch),
        ("Worktree", one.worktree_path or one.worktree),
        ("Told by git", asked),
    ]
    commits = [f"{commit.sha[:8]} {commit.message}" for commit in one.unmerged_commits]
    changed = [f"{change.path}  +{change.additions} -{change.deletions}" for change in one.file_changes]
    parts = [fields(pairs)]
    for title, lines in (
        ("Unmerged commits", commits),
        ("Changed files", changed),
        ("Uncommitted files", list(one.uncommitted_files)),
    ):
        if lines:
            more = [dim(f"  and {len(lines) - _SHOWN} more")] if len(lines) > _SHOWN else []
            shown = [f"  {shorten(line, screen.width - 2)}" for line in lines[:_SHOWN]]
            parts.append("\n".join([bold(f"{title} ({len(lines)})"), *shown, *more]))
    return "\n\n".join(parts)
