"""`thrum migrate`: import of the Go program's data into this store; its files are only read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from thrum_store import setup, store
from thrum_store.machine.host import REAL, Host, failpoint
from thrum_store.repository import go_daemon, paths
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import Paths
from thrum_store.setup import Initialize
from thrum_store.values import Record, plural

from . import already, go_audience, go_contexts, go_database, go_places, go_rules
from .appending import Import
from .go_logs import GoLogs

Progress = Callable[[int], None]
_SHOWN = 5  # lines or ids in a warning


class Migrated(Record):
    """The result of an import. `known` messages had been imported before; `steps` are sentences, in order."""

    sources: tuple[str, ...]
    agents: int
    groups: int
    messages: int
    known: int
    receipts: int
    dry_run: bool
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    sessions: int = 0
    contexts: int = 0


def migrate(start: str, *, dry_run: bool = False, host: Host = REAL, progress: Progress | None = None) -> Migrated:
    """Set the repository up, and import agents, sessions, groups, messages, receipts and contexts of the old layouts.

    A repetition imports what is new, also after an interruption. Old files stay; those that git tracks are removed from
    its index. Raises NotARepository, Invalid, GoDaemonRunning.
    """
    repository = paths.find(start)
    places = go_places.roots(repository, host)
    go_daemon.check(repository, places.values(), host, then="thrum migrate")
    databases, refused = go_database.lines(repository, places.values(), host)
    files = [*go_places.logs(repository, host), *databases]
    if not files:
        return Migrated((), 0, 0, 0, 0, 0, dry_run, ())
    identities = go_places.identities(repository, host)
    old = go_rules.parse(files)
    left_out = go_audience.settle(old, [old.names.holder(identity.id) for identity in identities])
    sources, warnings = tuple(name for name, _ in files), (*refused, *_warnings(old, left_out))
    if dry_run:
        counts = len(old.agents), len(old.groups), sum(not message.deleted for message in old.messages.values())
        return Migrated(sources, *counts, 0, 0, True, (), warnings, len(old.sessions))
    setup.check(repository, Initialize(), host, tracked=True)
    homes = go_places.homes(old, identities, repository, host)
    shared = go_places.shared_contexts(repository, host)
    steps = [*_untrack(repository), *setup.initialize(repository, Initialize(), host).steps]
    failpoint("migrate.prepared")
    with store.open_store(paths.find(start), host) as opened:
        taken = Import(opened, old, homes, identities)
        taken.run(progress)
        contexts, renamed = go_contexts.bring(opened, old, places)
        contexts |= go_contexts.share(opened, old, shared, taken.made)
        already.note(opened, taken.made)
        failpoint("migrate.noted")
    counts = taken.counts["agents"], taken.counts["groups"], taken.counts["messages"]
    if taken.shortened:
        cut = _were(len(taken.shortened), "text", "did not fit and")
        warnings += (f"{cut} cut: {_some(taken.shortened)}",)
    return Migrated(
        sources, *counts, taken.counts["known"], taken.counts["receipts"], False, (*steps, *renamed), warnings,
        taken.counts["sessions"], len(contexts),
    )  # fmt: skip


def _warnings(old: GoLogs, left_out: Counter[str]) -> list[str]:
    warnings: list[str] = []
    if old.unreadable:
        warnings.append(f"{_were(len(old.unreadable), 'invalid line')} left out: {_some(old.unreadable)}")
    if old.unknown:
        left = _were(old.unknown.total(), "event", "of unknown types")
        warnings.append(f"{left} left out: {_some(sorted(old.unknown))}")
    for reason, count in sorted(left_out.items()):
        along = "with their agents" if reason == "deleted" else "by a purge"
        warnings.append(f"{_were(count, 'message', f'that the Go program removed {along}')} left out")
    return warnings


def _were(count: int, noun: str, which: str = "") -> str:
    """Return the beginning of a sentence about so many things: `2 lines, which …, were`."""
    return " ".join(filter(None, (plural(count, noun), which, "was" if count == 1 else "were")))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _untrack(repository: Paths) -> list[str]:
    """Remove .thrum from git's index; the files themselves stay."""
    git = GitRunner(repository.root)
    tracked = [name for name in git.run("ls-files", "-z", "--", ".thrum").split("\0") if name]
    if not tracked:
        return []
    git.run("rm", "--cached", "--quiet", "-r", "--", ".thrum")
    failpoint("migrate.untracked")
    return [f"git no longer tracks {len(tracked)} files in .thrum; commit that"]
