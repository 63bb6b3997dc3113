"""migrate: what the Go program of this name kept, taken over."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Outcome, human
from thrum_cli.terminal.progress import Counting
from thrum_cli.terminal.text import plural
from thrum_store.service.import_go.migration import Migrated
from thrum_store.service.import_go.migration import migrate as migrating


@command(
    "migrate",
    "thrum migrate",
    "thrum migrate --dry-run",
    "thrum migrate --repo ../old",
    returns=Migrated,
    options=(Option("--dry-run", "Only say what would be taken over."),),
)
def migrate(app: App, dry_run: bool) -> Outcome:
    """Import messages from an older thrum.

    Agents, groups, messages and receipts, from .thrum and from the branch a-sync. Those files are only read. Doing it
    again takes over what is new. Also sets thrum up where it is not.
    """
    with Counting(quiet=app.quiet) as counting:
        done = migrating(app.repo, dry_run=dry_run, progress=counting)
    return Outcome(done, note="" if done.sources else "No migration needed: there are no logs of an older layout.")


@human.register(Migrated)
def _migrated(done: Migrated) -> str:
    if not done.sources:
        return ""
    lines = ["Found:", *(f"  {name}" for name in done.sources)]
    lines += ["Set-up:", *(f"  {step}" for step in done.steps)] if done.steps else []
    counts = [plural(done.agents, "agent"), plural(done.groups, "group"), plural(done.messages, "message")]
    if done.dry_run:
        return "\n".join([*lines, f"Would take over {', '.join(counts)}."])
    lines.append(f"Took over {', '.join(counts)} and {plural(done.receipts, 'receipt')}.")
    if done.known:
        lines.append(f"{plural(done.known, 'message')} had been taken over before.")
    return "\n".join(lines)
