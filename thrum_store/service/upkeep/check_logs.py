"""Checks of `thrum doctor` on the logs and on the sync, and the repair of damaged logs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from thrum_store.errors import StorageFailed
from thrum_store.identity import short_id
from thrum_store.log.events import fast_parser
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.repository import config
from thrum_store.store import Store
from thrum_store.sync import state
from thrum_store.sync.repair import on_demand
from thrum_store.sync.repair.damage import DamageReport, examine
from thrum_store.sync.state import Repair, extent, shard_of
from thrum_store.values import Record, plural

from .findings import PROBLEM, Check, Finding, fine, note, problem

Progress = Callable[[int], None]
LEFT_OUT = "it is left out, and all else works; look at its owner and its mode, then run `thrum doctor --fix`"
LARGE = 1024 * 1024  # bytes; less is read at once


class Examine(Record):
    """Request for an examination: `fix` repairs what is safe, `deep` reads every byte of large logs and views.

    `give_up` ends damaged logs before their lost events. `progress` is called with the number of events read.
    """

    fix: bool = False
    deep: bool = False
    give_up: bool = False
    progress: Progress | None = None


def logs(store: Store, request: Examine) -> Iterator[Check]:
    """Check the logs, small and suspicious ones line by line: hashes, chain and order; also look for missing ones."""
    refused = _refused(store)
    yield from (problem("logs", f"{_path(store, shard)}: {why}", LEFT_OUT) for shard, why in refused.items())
    shards = [shard for shard in store.log.shards() if shard not in refused]
    size = sum(map(store.purged_log.size, shards))
    skimmed = size > LARGE and not request.deep
    damaged, torn, events = _read(store, (s for s in shards if not (skimmed and _fits(store, s))), request.progress)
    damaged = sorted({*damaged, *on_demand.suspects(store)} - refused.keys())
    for shard, torn_size in torn.items():
        if shard not in damaged:
            message = f"{_path(store, shard)} ends in {torn_size} bytes that were never acknowledged"
            yield note("logs", message, "the next command of that agent sets them aside")
    if not damaged and skimmed:
        message = (
            f"{plural(len(shards), 'log')} of {size / 1e6:.1f} MB: every file exists and is as long as it should be"
        )
        yield fine("logs", f"{message}; `thrum doctor --deep` reads every line")
    elif not damaged:
        yield fine("logs", f"{plural(events, 'event')} in {plural(len(shards), 'log')}, every one of them whole")
    else:
        yield from _damaged(store, damaged, request)


def _refused(store: Store) -> dict[Shard, str]:
    """Return the logs whose files cannot be read, and why."""
    refused: dict[Shard, str] = {}
    for shard in store.log.shards():
        try:
            store.purged_log.size(shard)
            store.log.read(shard, ShardPosition())
        except StorageFailed as error:
            refused[shard] = error.message
    return refused


def _damaged(store: Store, damaged: list[Shard], request: Examine) -> Iterator[Check]:
    untrusted = on_demand.untrusted(store, damaged)
    yield from (_untrusted(store, shard) for shard in sorted(untrusted))
    shards = [shard for shard in damaged if shard not in untrusted]
    if request.fix or request.give_up:
        yield from _repaired(store, shards, request.give_up)
    else:
        reach = on_demand.within_reach(store, shards)
        yield from (_report(store, shard, examine(store, shard), reach[shard]) for shard in shards)


def _fits(store: Store, shard: Shard) -> bool:
    """Return whether headers and lengths of a log agree with the view."""
    return not store.log.grew(shard, store.head(shard)[0]) and not store.purged_log.gap(shard)


def _read(
    store: Store, shards: Iterable[Shard], progress: Progress | None
) -> tuple[list[Shard], dict[Shard, int], int]:
    """Return the damaged logs, the bytes of torn tails by log, and the number of events."""
    damaged: list[Shard] = []
    torn: dict[Shard, int] = {}
    count = 0
    for shard in shards:
        parse, head = fast_parser(), ShardPosition()
        while True:
            reading = store.log.read(shard, head, parse)
            count += len(reading.events)
            if reading.damage or reading.torn or reading.head == head:
                break
            head = reading.head
        if reading.damage or reading.head.seq < store.head(shard)[0].seq:
            damaged.append(shard)
        elif reading.torn:
            torn[shard] = reading.torn
        if progress is not None:
            progress(count)
    return damaged, torn, count


def _where(store: Store, shard: Shard, damage: DamageReport) -> str:
    return f"{_path(store, shard)} after event {damage.head.seq}: {damage.why or 'it was shorter for a time'}"


def _report(store: Store, shard: Shard, damage: DamageReport, reach: int) -> Check:
    message = _where(store, shard, damage)
    if reach > damage.head.seq:
        message += f". The branch has {extent([damage.head.seq + 1, reach])}"
        return problem("logs", message, "`thrum doctor --fix` restores what the branch has")
    if not damage.lost:
        return problem("logs", message, "`thrum doctor --fix` reads it again")
    message += f". {extent(damage.lost).capitalize()} cannot be read, and the branch does not have them"
    return problem("logs", message, _hint(shard))


def _untrusted(store: Store, shard: Shard) -> Check:
    return problem(
        "logs",
        f"{_where(store, shard, examine(store, shard))}. Its store is blocked or not trusted, so nothing is restored",
        f"all else works; to restore it, remove {shard.store} from `thrum.blockedStore` in git's configuration, or"
        " add it to `thrum.knownStore`, then run `thrum doctor --fix`",
    )


def _hint(shard: Shard) -> str:
    return (
        "restore that file from a backup, then run `thrum doctor --fix`; never edit it. Without a backup,"
        f" `thrum doctor --give-up` ends the log there, and @{shard.agent} can write again"
    )


def _repaired(store: Store, damaged: list[Shard], give_up: bool) -> Iterator[Check]:
    repairs = on_demand.repair(store, damaged, ask=not config.local_only(store.paths, store.host))
    if give_up:
        on_demand.abandon(store, [shard for shard in damaged if shard in repairs and repairs[shard].lost])
    for shard in damaged:
        yield _outcome(store, shard, repairs.get(shard), give_up)


def _outcome(store: Store, shard: Shard, repair: Repair | None, give_up: bool) -> Check:
    path = _path(store, shard)
    back = f"{extent(repair.back)} came back from the branch" if repair and repair.back else "read again"
    if repair is None or not repair.lost:
        return _fixed(f"{path}: {back}")
    if give_up:
        return _fixed(f"{path}: {extent(repair.lost)} given up; what is known of them is in .git/thrum-sync/var/lost")
    lost = f"{extent(repair.lost)} cannot be read, and the branch does not have them: {repair.why}"
    return problem("logs", f"{path}: {f'{back}; ' if repair.back else ''}{lost}", _hint(shard))


def _fixed(message: str) -> Check:
    return Check(Finding("logs", PROBLEM, message, fixed=True))


def _path(store: Store, shard: Shard) -> str:
    return os.path.join(store.log.root, short_id(shard.store) + "…", shard.agent)


_OWN_CLONE = "all else works; its own clone repairs it with its next sync"
_COPIED_CLONE = "all else works; our logs stay, and the copied clone takes new keys with its next sync"


def sync(store: Store) -> Iterator[Check]:
    """Report a failed sync, and the logs of other clones that are no longer taken in. Asks no remote."""
    remembered = state.load(store.paths.var, store.host)
    if remembered.last_error is not None:
        yield note("sync", f"the last one failed: {remembered.last_error}", remembered.last_error_hint)
    for key, frozen in sorted(remembered.frozen.items()):
        owner, agent = shard_of(key)
        message = f"the log of @{agent} ({short_id(owner)}) is not taken in after event {frozen.seq}: {frozen.why}"
        yield note("sync", message, _COPIED_CLONE if frozen.code == "diverged" else _OWN_CLONE)
