"""agent cleanup: find agents that nobody uses any more, and delete them."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.text import ago, fields, listing, plural
from thrum_store.service.team import removal
from thrum_store.service.team.removal import CleanedUp, Cleanup, Orphan

from .delete import acting


@command(
    "cleanup",
    "thrum agent cleanup --dry-run",
    "thrum agent cleanup --threshold 7 --force",
    returns=CleanedUp,
    options=(
        Option("--force", "Delete them without asking."),
        Option("--dry-run", "Only show them."),
        Option("--threshold", "Days without a sign of life (default 30).", "DAYS", default=30, kind="integer"),
    ),
)
def cleanup(app: App, force: bool, dry_run: bool, threshold: int) -> Outcome:
    """Find agents that nobody uses any more, and delete them.

    Those whose worktree is gone, and those of this worktree that were not seen for long. Never one that is active, or
    that works in another worktree that exists.
    """
    found = removal.cleanup(app.store, Cleanup(threshold, force, dry_run), by=acting(app))
    if not found.orphans:
        return Outcome(found, note="No orphaned agents.")
    if force or dry_run:
        return Outcome(found)
    names = listing([one.address for one in found.orphans])
    if not app.confirmed(f"Delete {plural(len(found.orphans), 'agent')} ({names}) and their messages?"):
        return Outcome(found, note="Nothing was deleted. `thrum agent cleanup --force` deletes them without asking.")
    return Outcome(removal.cleanup(app.store, Cleanup(threshold, force=True), by=acting(app)))


@human.register(CleanedUp)
def _cleaned(found: CleanedUp, screen: Screen) -> str:
    blocks = [_orphan(one, screen.now_ms) for one in found.orphans]
    if found.deleted:
        blocks.append(f"Deleted: {listing(found.deleted)}.")
    return "\n\n".join(blocks)


def _orphan(one: Orphan, now_ms: int) -> str:
    gone = " (gone)"
    return fields(
        [
            ("Agent", f"@{one.address} ({one.role}, {one.module})"),
            ("Worktree", one.worktree + (gone if one.worktree_missing else "")),
            ("Branch", one.branch and one.branch + (gone if one.branch_missing else "")),
            ("Last seen", f"{ago(one.last_seen_at, now_ms)} ({plural(one.days_since_last_seen, 'day')})"),
            ("Messages", str(one.message_count)),
        ]
    )
