"""who-has: the agents that are editing a file."""

from __future__ import annotations

import os

from thrum_cli.command import App, Argument, command
from thrum_cli.commands._shared.git_answers import not_asked
from thrum_cli.terminal.output import Outcome, Screen, ago, bold, dim, human
from thrum_store.service.team import work
from thrum_store.service.team.work import WhoHas, WorkContext


@command("who-has", "thrum who-has auth.go", "thrum who-has src/auth", returns=WhoHas, options=(Argument("file"),))
def who_has(app: App, file: str) -> Outcome:
    """Show who is editing a file.

    Any spelling of its path will do. On this machine thrum asks git in every worktree; for agents on other machines it
    uses their last heartbeat.
    """
    holders = work.who_has(app.store, file, os.getcwd() if app.repo == "." else app.paths.root)
    return Outcome(holders, answer=_note(holders))


def _note(holders: WhoHas) -> str:
    """Return the sentence for people: nobody is editing a file only if git answered in every worktree."""
    if holders.unanswered:
        first = (
            "" if holders.contexts else f"No agent is known to edit {holders.file}, but not every worktree answered.\n"
        )
        return first + not_asked(holders.unanswered)
    return "" if holders.contexts else f"No agents are currently editing {holders.file}."


@human.register(WhoHas)
def _who_has(holders: WhoHas, screen: Screen) -> str:
    return "\n".join(line for context in holders.contexts for line in _holder(holders.file, context, screen))


def _holder(file: str, context: WorkContext, screen: Screen) -> list[str]:
    age = ago(context.git_updated_at, screen.now_ms)
    as_of = "" if age in ("just now", "") else f", as of {age}"
    place = f"on {context.branch}" if context.branch else f"in {context.worktree}"
    intent = f": {context.intent}" if context.intent else ""
    lines = [f"{bold('@' + context.address)} is editing {file} ({context.status}) {place}{as_of}{intent}"]
    lines += [f"  {path}  {dim('uncommitted')}" for path in context.uncommitted_files]
    lines += [
        f"  {change.path}  {dim(f'{change.status}, +{change.additions} -{change.deletions}, not merged')}"
        for change in context.file_changes
    ]
    return lines
