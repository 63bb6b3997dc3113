"""What `thrum doctor` finds in the logs, each read from its first line on, and what becomes of what is damaged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from thrum_store.log.events import fast_parser
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.repository import config
from thrum_store.store import Store
from thrum_store.sync.repair import on_demand
from thrum_store.sync.repair.damage import DamageReport, examine
from thrum_store.sync.state import extent

from .findings import Found, fine, note, problem

Progress = Callable[[int], None]
LARGE = 1024 * 1024  # bytes that are read in a blink


class Examine(NamedTuple):
    """What to look at and to do: `fix` does what is safe, `deep` reads every byte of large logs and of a large view.

    With `give_up`, logs whose rest is lost end there. `progress` is told how many events were read.
    """

    fix: bool = False
    deep: bool = False
    give_up: bool = False
    progress: Progress | None = None


def logs(store: Store, how: Examine) -> Iterator[Found]:
    """Small logs and suspicious ones line by line: hashes, chain, order; and the logs that are not there any more."""
    shards = store.log.shards()
    size = sum(map(store.purged_log.size, shards))
    outside = size > LARGE and not how.deep
    damaged, torn, read = _read(store, [one for one in shards if not (outside and _fits(store, one))], how.progress)
    damaged = sorted({*damaged, *on_demand.suspects(store)})
    for shard, size in torn.items():
        if shard not in damaged:
            what = f"{_where(store, shard)} ends in {size} bytes that were never acknowledged"
            yield note("logs", what, "the next command of that agent sets them aside")
    unheard = on_demand.untrusted(store, damaged) if damaged else set[Shard]()
    yield from (_unheard(store, shard) for shard in sorted(unheard))
    mendable = [shard for shard in damaged if shard not in unheard]
    if not damaged and outside:
        what = f"{len(shards)} logs of {size / 1e6:.1f} MB have all their files, as long as they should be"
        yield fine("logs", f"{what}; `thrum doctor --deep` reads every line")
    elif not damaged:
        yield fine("logs", f"{read:,} events in {len(shards)} logs, every one of them whole")
    elif how.fix or how.give_up:
        yield from _mended(store, mendable, how.give_up)
    else:
        reach = on_demand.within_reach(store, mendable)
        yield from (_told(store, shard, examine(store, shard), reach[shard]) for shard in mendable)


def _fits(store: Store, shard: Shard) -> bool:
    """Whether headers and lengths say that all of a log is there that the view knows."""
    return not store.log.grew(shard, store.head(shard)[0]) and not store.purged_log.gap(shard)


def _read(store: Store, shards: list[Shard], progress: Progress | None) -> tuple[list[Shard], dict[Shard, int], int]:
    """The logs that are damaged, those that end in bytes that do not count, and how many events there are."""
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


def _told(store: Store, shard: Shard, damage: DamageReport, reach: int) -> Found:
    what = f"{_where(store, shard)} after event {damage.head.seq}: {damage.why or 'it was shorter for a time'}"
    if reach > damage.head.seq:
        what += f". The branch has {extent([damage.head.seq + 1, reach])}"
        return problem("logs", what, "`thrum doctor --fix` brings back what the branch has")
    if not damage.lost:
        return problem("logs", what, "`thrum doctor --fix` reads it again")
    what += f". {extent(damage.lost).capitalize()} cannot be read, and the branch does not have them"
    return problem("logs", what, _hint(shard))


def _unheard(store: Store, shard: Shard) -> Found:
    damage = examine(store, shard)
    what = f"{_where(store, shard)} after event {damage.head.seq}: {damage.why or 'it was shorter for a time'}."
    return problem(
        "logs",
        f"{what} Its store is blocked here, or not trusted, so nothing of it is brought back",
        f"all else goes on; to have it back, take {shard.store} out of `thrum.blockedStore` in git's configuration, or"
        " add it to `thrum.knownStore`, then `thrum doctor --fix`",
    )


def _hint(shard: Shard) -> str:
    return (
        "restore that file from a backup, then `thrum doctor --fix`; never edit it. Without one,"
        f" `thrum doctor --give-up` ends the log there, and @{shard.agent} can speak again"
    )


def _mended(store: Store, damaged: list[Shard], give_up: bool) -> Iterator[Found]:
    repairs = on_demand.repair(store, damaged, ask=not config.local_only(store.paths, store.host))
    lost = [shard for shard in damaged if shard in repairs and repairs[shard].lost]
    if give_up:
        on_demand.abandon(store, lost)
    for shard in damaged:
        repair, where = repairs.get(shard), _where(store, shard)
        back = f"{extent(repair.back)} came back from the branch" if repair and repair.back else "read again"
        if repair is None or not repair.lost:
            yield _fixed(problem("logs", f"{where}: {back}", ""))
        elif give_up:
            yield _fixed(
                problem("logs", f"{where}: {extent(repair.lost)} given up; what is known of them is in {_LOST}", "")
            )
        else:
            gone = f"{extent(repair.lost)} cannot be read, and the branch does not have them: {repair.why}"
            yield problem("logs", f"{where}: {f'{back}; ' if repair.back else ''}{gone}", _hint(shard))


_LOST = ".thrum/var/lost"


def _fixed(found: Found) -> Found:
    return found._replace(finding=replace(found.finding, hint=None, fixed=True))


def _where(store: Store, shard: Shard) -> str:
    return os.path.join(store.log.root, shard.store[:8] + "…", shard.agent)
