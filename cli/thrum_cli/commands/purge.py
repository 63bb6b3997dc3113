"""purge: delete old messages, sessions and events permanently."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Outcome, dim, fields, human
from thrum_cli.terminal.progress import Counting
from thrum_store.service.upkeep import purge as purging
from thrum_store.service.upkeep.purge import Purge, Purged
from thrum_store.values import plural

_HISTORY = "Messages that were already synced stay in git's history; if one contained a secret, change it."


@command(
    "purge",
    "thrum purge --before 2d",
    "thrum purge --before 2026-03-15 --confirm",
    "thrum purge --all --confirm",
    returns=Purged,
    options=(
        Option("--before", "Purge everything older: 2d, 24h, a date, or RFC 3339.", "TIME"),
        Option("--all", "Purge everything so far.", name="everything"),
        Option("--confirm", "Delete them. Without this, only show what would be deleted."),
    ),
)
def purge(app: App, before: str | None, everything: bool, confirm: bool) -> Outcome:
    """Delete old messages permanently.

    It deletes messages, sessions and events of this clone's agents, from the view and from the disk. Other clones
    delete the same events with their next sync. Older messages of other clones' agents are hidden in this clone; their
    logs stay, and sync goes on to carry them. Agents, groups, memberships and open sessions stay. Without --confirm
    nothing is deleted.
    """
    with Counting(quiet=app.quiet) as counting:
        result = purging.purge(app.store, Purge(before, everything, confirm), counting)
    if not result.events_deleted and not result.messages_hidden:
        return Outcome(result, note="There is nothing to purge.")
    if not confirm:
        return Outcome(result, note="Run with --confirm to execute.")
    return Outcome(result, note=_HISTORY if result.events_deleted else "")


@human.report(Purged)
def _purged(result: Purged) -> str:
    if not result.events_deleted and not result.messages_hidden:
        return ""
    head = "Purge preview: would purge" if result.dry_run else "Purged"
    size = f"{plural(result.sync_message_files, 'log file')}, {_size(result.bytes_freed)}"
    pairs = [
        ("Messages", f"{result.messages_deleted:,}"),
        ("Sessions", f"{result.sessions_deleted:,}"),
        ("Events", f"{result.events_deleted:,} (current agents and groups are kept)"),
        ("On disk", size),
    ]
    if result.messages_hidden:
        pairs.append(("Hidden", _hidden(result)))
    return f"{head} everything before {result.before} {dim('(this machine)')}\n{fields(pairs)}"


def _hidden(result: Purged) -> str:
    count = plural(result.messages_hidden, "message")
    verb = "would no longer be shown" if result.dry_run else "no longer shown"
    return f"{count} of other machines {verb} here; their logs stay, and sync carries them on"


def _size(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB" if count >= 1_000_000 else f"{count / 1000:.1f} kB"
