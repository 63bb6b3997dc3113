"""who-has: the agents that are editing a file."""

from __future__ import annotations

import os

from thrum_cli.command import App, Argument, command
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.text import ago, bold, dim
from thrum_store.service.team import work
from thrum_store.service.team.work import WhoHas, WorkContext


@command("who-has", "thrum who-has auth.go", "thrum who-has src/auth", returns=WhoHas, options=(Argument("file"),))
def who_has(app: App, file: str) -> Outcome:
    """Show who is editing a file.

    Git is asked now, in every worktree of this machine; agents elsewhere are known by their last heartbeat.
    """
    found = work.who_has(app.store, file, os.getcwd() if app.repo == "." else app.paths.root)
    return Outcome(found, note="" if found.contexts else f"Nobody is editing {file}.")


@human.register(WhoHas)
def _who_has(found: WhoHas, screen: Screen) -> str:
    return "\n".join(line for one in found.contexts for line in _holder(one, screen))


def _holder(one: WorkContext, screen: Screen) -> list[str]:
    asked = ago(one.git_updated_at, screen.now_ms)
    fresh = "" if asked in ("just now", "") else f", as of {asked}"
    where = f"on {one.branch}" if one.branch else f"in {one.worktree}"
    lines = [f"{bold('@' + one.address)} ({one.status}) {where}{fresh}" + (f": {one.intent}" if one.intent else "")]
    lines += [f"  {path}  {dim('uncommitted')}" for path in one.uncommitted_files]
    lines += [
        f"  {change.path}  {dim(f'{change.status}, +{change.additions} -{change.deletions}, not merged')}"
        for change in one.file_changes
    ]
    return lines
