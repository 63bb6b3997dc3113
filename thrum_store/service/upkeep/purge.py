"""Purge: old messages, sessions and events go for good, from the view and from the disk. Agents and groups stay."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from thrum_store import carry_forward, times
from thrum_store.errors import Invalid
from thrum_store.log import purge_marks
from thrum_store.log.events import Event, fast_parser
from thrum_store.log.purged_log import PurgePrefix
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.storage import failpoint
from thrum_store.repository.paths import SYNC_LOCK
from thrum_store.store import Store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import purge as queries
from thrum_store.view.queries import shards
from thrum_store.view.rows import SegmentStats

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Purge:
    """What to purge: what is older than `before` (2d, 24h, 2026-03-15, RFC 3339), or `everything` said so far.

    Only with `confirm` it happens; otherwise it is counted.
    """

    before: str | None = None
    everything: bool = False
    confirm: bool = False


@dataclass(frozen=True)
class Purged:
    """What is gone, or with `dry_run` would be.

    `events_deleted` are lines of the logs; what stays true among them is said again. `sync_message_files` are log files
    removed or shortened.
    """

    before: str
    dry_run: bool
    messages_deleted: int
    sessions_deleted: int
    events_deleted: int
    sync_message_files: int
    bytes_freed: int
    warnings: tuple[str, ...] = ()


class _Cut(NamedTuple):
    """What goes of one shard: all events up to `seq`, and what that is."""

    shard: Shard
    seq: int = 0
    files: int = 0
    events: int = 0
    messages: int = 0
    bytes: int = 0
    sessions: int = 0


@use_case
def purge(store: Store, request: Purge, progress: Progress | None = None) -> Purged:
    """Counts or removes what this store's own agents said before a time; no rebuild and no sync brings it back.

    Of each agent the longest beginning of its log goes in which everything is older. Agents, groups, memberships and
    open sessions stay. Messages of other machines are theirs to purge. Raises Invalid, StoreBusy while a sync runs.
    """
    now = store.host.clock.wall_ms()
    before = _before(request, now)
    if not request.confirm:
        return _result(store, request, _chosen(store, before), now if before is None else before)
    with store.host.lock(store.paths.in_var(SYNC_LOCK)):
        chosen = _chosen(store, before)
        result = _result(store, request, chosen, now if before is None else before)
        if chosen or carry_forward.pending(store):
            _execute(store, chosen, progress)
    return result


def _result(store: Store, request: Purge, chosen: list[_Cut], before: int) -> Purged:
    return Purged(
        before=rfc3339(before),
        dry_run=not request.confirm,
        messages_deleted=sum(cut.messages for cut in chosen),
        sessions_deleted=sum(cut.sessions for cut in chosen),
        events_deleted=sum(cut.events for cut in chosen),
        sync_message_files=sum(cut.files for cut in chosen),
        bytes_freed=sum(cut.bytes for cut in chosen),
        warnings=tuple(f"the log of {one.agent!r} is left alone: {one.why}" for one in shards.frozen(store.view)),
    )


def _before(request: Purge, now_ms: int) -> int | None:
    """The first moment that stays; None where all goes."""
    if (request.before is None) != request.everything:
        raise Invalid("say what to purge", hint="either --before 2d (or a date), or --all")
    return None if request.before is None else times.moment(request.before, now_ms)


def _chosen(store: Store, before: int | None) -> list[_Cut]:
    """What goes, shard by shard; without those of which all would have to be said again. Few logs are read for it."""
    ended = queries.ended_sessions(store.view, store.own)
    found: list[_Cut] = []
    for agent, told in queries.segments_by_agent(store.view, store.own).items():
        cut = _cut(store, Shard(store.own, agent), told, before)
        if cut.seq:
            found.append(cut._replace(sessions=bisect_right(ended.get(agent, []), cut.seq)))
    stays = _staying(store, found)
    return [cut for cut in found if cut.messages or cut.sessions or _anything_goes(store, cut, stays)]


def _cut(store: Store, shard: Shard, told: list[SegmentStats], before: int | None) -> _Cut:
    """The longest beginning of a shard in which everything is older; only the segment it ends in is looked into."""
    cut = _Cut(shard)
    for one in told:
        if before is None or one.latest_ms < before:
            cut = _longer(cut, one)
            continue
        older = store.purged_log.older(shard, one.segment, before, one.seq)
        return _longer(cut, older) if older else cut
    return cut


def _longer(cut: _Cut, more: SegmentStats | PurgePrefix) -> _Cut:
    messages, size = cut.messages + more.messages, cut.bytes + more.bytes
    return _Cut(cut.shard, more.seq, cut.files + 1, cut.events + more.events, messages, size)


def _staying(store: Store, chosen: list[_Cut]) -> Callable[[str], bool]:
    limits = {cut.shard: cut.seq for cut in chosen}

    def stays(message_id: str) -> bool:
        place = queries.place(store.view, message_id)
        return place is not None and place[2] > limits.get(Shard(*place[:2]), 0)

    return stays


def _anything_goes(store: Store, cut: _Cut, stays: Callable[[str], bool]) -> bool:
    """Whether some event of a cut is not said again; it has no messages, so they are few."""
    below = list(takewhile(lambda event: event.seq <= cut.seq, _events(store, cut.shard)))
    deleted = any(event.type == "agent.delete" for event in below)  # and perhaps registered since
    above = _parted(store, cut)[1] if deleted else []
    again = [one for one in carry_forward.carried(store, below, above, stays) if one.data["again"][0] <= cut.seq]
    return len(again) < len(below)


def _parted(store: Store, cut: _Cut) -> tuple[list[Event], list[Event]]:
    """What goes and what stays of a shard."""
    below: list[Event] = []
    above: list[Event] = []
    for event in _events(store, cut.shard):
        (below if event.seq <= cut.seq else above).append(event)
    return below, above


def _events(store: Store, shard: Shard) -> Iterator[Event]:
    """The events of a shard without what messages say, so that those of a large log fit into memory."""
    parse, head = fast_parser(), ShardPosition()
    while True:
        reading = store.log.read(shard, head, parse)
        for event in reading.events:
            yield event._replace(data={}) if event.type == "message.create" else event
        if reading.head == head:
            return
        head = reading.head


def _execute(store: Store, chosen: list[_Cut], progress: Progress | None) -> None:
    """Says again what stays true, behind the cut; then cuts. Interrupted anywhere, nothing is lost that should stay."""
    stays = _staying(store, chosen)
    for cut in chosen:
        _say_again(store, cut, stays)
    failpoint("purge.said")
    purge_marks.raise_to(store.paths.var, store.host, {cut.shard: cut.seq for cut in chosen})
    failpoint("purge.cut")
    carry_forward.remove_purged(store, progress)


def _say_again(store: Store, cut: _Cut, stays: Callable[[str], bool]) -> None:
    """In a new segment, so that the old ones can go as a whole."""
    with store.shard_lock(cut.shard):
        store.log.begin_segment(cut.shard, store.end(cut.shard))
        store.absorb(cut.shard)
    with store.writing(cut.shard.agent) as writing:
        drafts = carry_forward.carried(store, *_parted(store, cut), stays)
        if drafts:
            writing.append(*drafts)
