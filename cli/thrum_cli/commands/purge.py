"""purge: old messages, sessions and events go for good."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Outcome, human
from thrum_cli.terminal.progress import Counting
from thrum_cli.terminal.text import dim, fields, plural
from thrum_store.service.upkeep import purge as purging
from thrum_store.service.upkeep.purge import Purge, Purged

_HISTORY = "What was synced before stays in git's history; a secret that got there must be changed."


@command(
    "purge",
    "thrum purge --before 2d",
    "thrum purge --before 2026-03-15 --confirm",
    "thrum purge --all --confirm",
    returns=Purged,
    options=(
        Option("--before", "What is older: 2d, 24h, a date, or RFC 3339.", "TIME"),
        Option("--all", "Everything said so far.", name="everything"),
        Option("--confirm", "Do it. Without this, see what would go."),
    ),
)
def purge(app: App, before: str | None, everything: bool, confirm: bool) -> Outcome:
    """Delete old messages permanently.

    Agents, groups, memberships and open sessions stay. Without --confirm nothing is removed.
    """
    with Counting(quiet=app.quiet) as counting:
        done = purging.purge(app.store, Purge(before, everything, confirm), counting)
    if not done.events_deleted:
        return Outcome(done, note="There is nothing to purge.")
    return Outcome(done, note=_HISTORY if confirm else "Run it again with --confirm to do it.")


@human.register(Purged)
def _purged(done: Purged) -> str:
    if not done.events_deleted:
        return ""
    head = "Would purge" if done.dry_run else "Purged"
    size = f"{plural(done.sync_message_files, 'log file')}, {_size(done.bytes_freed)}"
    pairs = [
        ("Messages", f"{done.messages_deleted:,}"),
        ("Sessions", f"{done.sessions_deleted:,}"),
        ("Events", f"{done.events_deleted:,} in all; what stays true is said again"),
        ("On disk", size),
    ]
    return f"{head} what was said before {done.before} {dim('(this machine)')}\n{fields(pairs)}"


def _size(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB" if count >= 1_000_000 else f"{count / 1000:.1f} kB"
