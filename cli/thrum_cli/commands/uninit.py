"""uninit: remove the configuration that init wrote for a client."""

from __future__ import annotations

from thrum_cli.clients.configure import REFUSED, UNCHANGED, Unconfigured, unconfigure
from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Outcome, human

from ._shared.set_up import changes


@command(
    "uninit",
    "thrum uninit --dry-run",
    "thrum uninit",
    returns=Unconfigured,
    options=(Option("--dry-run", "Show what would change, and change nothing."),),
)
def uninit(app: App, dry_run: bool) -> Outcome:
    """Undo what `thrum init` wrote for a client.

    Files are restored to what they were. From files that you changed since, only thrum's own parts are removed.
    Messages and identities stay in .thrum.
    """
    result = unconfigure(app.paths, dry_run=dry_run)
    return Outcome(result, 1 if any(file.status == REFUSED for file in result.files) else 0)


@human.report(Unconfigured)
def _unconfigured(result: Unconfigured) -> str:
    changed = tuple(file for file in result.files if file.status != UNCHANGED)
    if not changed:
        return "No client is set up in this worktree."
    return "\n".join(["Would undo:" if result.dry_run else "Undone:", changes(changed, with_diff=result.dry_run)])
