"""agent cleanup: find agents that nobody uses any more, and delete them."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Outcome, Screen, ago, emit, fields, human, listing
from thrum_store.service.team import removal
from thrum_store.service.team.removal import CleanedUp, Cleanup, Orphan
from thrum_store.values import plural, replaced

from .delete import acting


@command(
    "cleanup",
    "thrum agent cleanup --dry-run",
    "thrum agent cleanup --threshold 7 --force",
    returns=CleanedUp,
    options=(
        Option("--force --yes -y", "Delete them without asking."),
        Option("--dry-run", "Only show them."),
        Option(
            "--threshold", "Days an agent must not have been seen (default 30).", "DAYS", default=30, kind="integer"
        ),
    ),
)
def cleanup(app: App, force: bool, dry_run: bool, threshold: int) -> Outcome:
    """Find agents that nobody uses any more, and delete them.

    These are agents of this machine whose worktree is gone, and agents of any worktree that were not seen for a long
    time. They are shown before it asks. You, and agents that are active in an existing worktree, are never deleted.
    """
    cleaned = removal.cleanup(app.store, Cleanup(threshold, force, dry_run), by=acting(app))
    if not cleaned.orphans:
        return Outcome(cleaned, note="No orphaned agents found.")
    if force or dry_run:
        return Outcome(cleaned)
    if not app.can_ask:
        return Outcome(cleaned, note="Nothing was deleted. `thrum agent cleanup --force` deletes them.")
    emit(cleaned, as_json=False, quiet=False)
    if not app.confirmed(f"Delete {plural(len(cleaned.orphans), 'agent')} and their messages?"):
        return Outcome(None, note="Nothing was deleted.")
    listed = tuple(orphan.address for orphan in cleaned.orphans)
    done = removal.cleanup(app.store, Cleanup(threshold, force=True, only=listed), by=acting(app))
    return Outcome(replaced(done, orphans=()))


@human.report(CleanedUp)
def _cleaned(cleaned: CleanedUp, screen: Screen) -> str:
    blocks = [_orphan(orphan, screen.now_ms) for orphan in cleaned.orphans]
    if cleaned.deleted:
        blocks.append(f"Deleted: {listing(cleaned.deleted)}.")
    return "\n\n".join(blocks)


def _orphan(orphan: Orphan, now_ms: int) -> str:
    gone = " (gone)"
    work = ", ".join(filter(None, (orphan.role, orphan.module)))
    return fields(
        [
            ("Agent", f"@{orphan.address}{f' ({work})' if work else ''}"),
            ("Worktree", orphan.worktree + (gone if orphan.worktree_missing else "")),
            ("Branch", orphan.branch and orphan.branch + (gone if orphan.branch_missing else "")),
            ("Last seen", f"{ago(orphan.last_seen_at, now_ms)} ({plural(orphan.days_since_last_seen, 'day')})"),
            ("Messages", str(orphan.message_count)),
        ]
    )
