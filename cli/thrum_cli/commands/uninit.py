"""uninit: remove what init wrote for a client."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.clients.configure import REFUSED, UNCHANGED, Unconfigured, unconfigure
from thrum_cli.command import command, pass_app
from thrum_cli.terminal.output import Outcome, Screen, human

from ._shared.set_up import changes


@command("uninit", "thrum uninit --dry-run", "thrum uninit", returns=Unconfigured)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@pass_app
def uninit(app: App, dry_run: bool) -> Outcome:
    """Take back what `thrum init --runtime` wrote into this worktree.

    Files become what they were; from files that you changed since, only what is ours goes. Messages and identities
    stay in .thrum.
    """
    done = unconfigure(app.paths, dry_run=dry_run)
    return Outcome(done, 1 if any(one.status == REFUSED for one in done.files) else 0)


@human.register(Unconfigured)
def _unconfigured(done: Unconfigured, screen: Screen) -> str:
    del screen
    changed = tuple(one for one in done.files if one.status != UNCHANGED)
    if not changed:
        return "Nothing of ours is in the files of this worktree."
    return "\n".join(["Would take back:" if done.dry_run else "Taken back:", changes(changed, with_diff=done.dry_run)])
