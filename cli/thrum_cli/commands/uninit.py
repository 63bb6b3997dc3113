"""uninit: remove what init wrote for a client."""

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

    Files become what they were; from files that you changed since, only what is ours goes. Messages and identities
    stay in .thrum.
    """
    done = unconfigure(app.paths, dry_run=dry_run)
    return Outcome(done, 1 if any(one.status == REFUSED for one in done.files) else 0)


@human.register(Unconfigured)
def _unconfigured(done: Unconfigured) -> str:
    changed = tuple(one for one in done.files if one.status != UNCHANGED)
    if not changed:
        return "Nothing of ours is in the files of this worktree."
    return "\n".join(["Would take back:" if done.dry_run else "Taken back:", changes(changed, with_diff=done.dry_run)])
