"""agent context: the branch, commits and files of each agent."""

from __future__ import annotations

import os

from thrum_cli.command import App, Argument, Option, command
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, ago, bold, dim, fields, human, shorten
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
        Argument("name", "[AGENT]", required=False, complete="addresses"),
        Option("--agent", "Only agents with this role or name.", "ROLE", name="role"),
        Option("--branch", "Only agents on this branch.", "NAME"),
        Option("--file", "Only agents that changed this file.", "PATH"),
    ),
)
def context(app: App, name: str | None, role: str | None, branch: str | None, file: str | None) -> Outcome:
    """Show the branch, commits and files of each agent.

    The state is that of the agent's last heartbeat.
    """
    if name and role:
        raise Invalid("an agent was named twice", hint="use either AGENT or --agent")
    works = work.contexts(app.store, WantContexts(name or role, branch, file, directory=os.getcwd()))
    return Outcome(
        works,
        note=""
        if works.contexts
        else "No active work contexts found: no agent matches. `thrum agent list --context` shows all.",
    )


def listed(app: App, role: str | None, module: str | None) -> Outcome:
    """Return the answer of `agent list --context`: a row for each agent of the role and module."""
    works = work.contexts(app.store, WantContexts(role=role, module=module))
    return Outcome(
        works,
        note=""
        if works.contexts
        else "No active work contexts found: no agent matches. `thrum agent list` shows all agents.",
    )


@human.register(WorkContexts)
def _contexts(works: WorkContexts, screen: Screen) -> str:
    if len(works.contexts) == 1:
        return _detail(works.contexts[0], screen)
    if not works.contexts:
        return ""
    head = ("", "agent", "branch", "commits", "files", "as of", "intent")
    return table(head, [_row(context, screen.now_ms) for context in works.contexts], screen)


def _row(context: WorkContext, now_ms: int) -> tuple[str, ...]:
    mark = "●" if context.status == "active" else "○"
    known = context.git_updated_at is not None
    commits = str(len(context.unmerged_commits)) if known else ""
    files = str(len({*context.changed_files, *context.uncommitted_files})) if known else ""
    as_of = ago(context.git_updated_at, now_ms)
    return mark, f"@{context.address}", context.branch, commits, files, as_of, context.intent


def _detail(context: WorkContext, screen: Screen) -> str:
    pairs: list[tuple[str, str | None]] = [
        ("Agent", f"@{context.address} ({context.status})"),
        ("Session", context.session),
        ("Intent", context.intent),
        ("Task", context.current_task),
        ("Branch", context.branch),
        ("Worktree", context.worktree_path or context.worktree),
        ("Git status as of", ago(context.git_updated_at, screen.now_ms) or "never (thrum session heartbeat)"),
    ]
    commits = [f"{commit.sha[:8]} {commit.message}" for commit in context.unmerged_commits]
    changes = [f"{change.path}  +{change.additions} -{change.deletions}" for change in context.file_changes]
    lists = (
        ("Unmerged commits", commits),
        ("Changed files", changes),
        ("Uncommitted files", context.uncommitted_files),
    )
    blocks = [_block(title, lines, screen.width) for title, lines in lists if lines]
    return "\n\n".join([fields(pairs), *blocks])


def _block(title: str, lines: list[str] | tuple[str, ...], width: int) -> str:
    more = [dim(f"  and {len(lines) - _SHOWN} more")] if len(lines) > _SHOWN else []
    shown = [f"  {shorten(line, width - 2)}" for line in lines[:_SHOWN]]
    return "\n".join([bold(f"{title} ({len(lines)})"), *shown, *more])
