"""migrate: import the data of an older thrum."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Outcome, human
from thrum_cli.terminal.progress import Counting
from thrum_store.service.import_go.migration import Migrated
from thrum_store.service.import_go.migration import migrate as migrating
from thrum_store.values import plural


@command(
    "migrate",
    "thrum migrate",
    "thrum migrate --dry-run",
    "thrum migrate --repo ../old",
    returns=Migrated,
    options=(Option("--dry-run", "Only show what would be imported."),),
)
def migrate(app: App, dry_run: bool) -> Outcome:
    """Import messages from an older thrum.

    It imports agents, sessions, groups, messages, receipts and contexts that the Go program or an older layout stored
    in .thrum or in the branch a-sync. It changes none of those logs. Each agent belongs to the worktree with its
    identity file. Old ids of messages and threads go on working. Running it again imports what is new, also after an
    interruption. It also sets thrum up, if needed. Stop the daemon of the Go program before.
    """
    with Counting(quiet=app.quiet) as counting:
        result = migrating(app.repo, dry_run=dry_run, progress=counting)
    return Outcome(result, note="" if result.sources else "No migration needed: there are no logs of an older layout.")


@human.report(Migrated)
def _migrated(result: Migrated) -> str:
    if not result.sources:
        return ""
    lines = ["Found:", *(f"  {name}" for name in result.sources)]
    lines += ["Setup:", *(f"  {step}" for step in result.steps)] if result.steps else []
    counts = [plural(result.agents, "agent"), plural(result.groups, "group"), plural(result.messages, "message")]
    counts.append(plural(result.sessions, "session"))
    if result.dry_run:
        return "\n".join([*lines, f"Would import {_listed(counts)}."])
    lines.append(f"Imported {_listed([*counts, plural(result.receipts, 'receipt')])}.")
    if result.contexts:
        lines.append(f"{plural(result.contexts, 'agent')} with a saved context.")
    if result.known:
        lines.append(f"{plural(result.known, 'message')} had been imported before.")
    return "\n".join(lines)


def _listed(counts: list[str]) -> str:
    return f"{', '.join(counts[:-1])} and {counts[-1]}"
