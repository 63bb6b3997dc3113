"""Purge: old messages, sessions and events go for good, from the view and from the disk. Agents and groups stay."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .. import cuts, purging, times
from ..errors import Invalid
from ..events import Event, fast_parser
from ..log import Head, Shard
from ..queries import restating, shards
from ..restating import still_true
from ..storage import failpoint
from ..store import Store, use_case
from ..times import rfc3339

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
    """What is gone, or with `dry_run` would be. `sync_message_files` are log files removed or shortened."""

    before: str
    dry_run: bool
    messages_deleted: int
    sessions_deleted: int
    events_deleted: int
    sync_message_files: int
    bytes_freed: int
    warnings: tuple[str, ...] = ()


class _Cut(NamedTuple):
    """What goes of one shard: the events `below`, up to `seq`, and how many bytes they take. `above` stays."""

    shard: Shard
    seq: int
    size: int
    below: list[Event]
    above: list[Event]


class _Count(NamedTuple):
    """What of a cut is not said again."""

    cut: _Cut
    messages: int
    sessions: int
    events: int


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
    with store.host.lock(os.path.join(store.paths.var, "sync.lock")):
        chosen = _chosen(store, before)
        result = _result(store, request, chosen, now if before is None else before)
        if chosen or purging.pending(store):
            _execute(store, chosen, progress)
    return result


def _result(store: Store, request: Purge, chosen: list[_Count], before: int) -> Purged:
    return Purged(
        before=rfc3339(before),
        dry_run=not request.confirm,
        messages_deleted=sum(one.messages for one in chosen),
        sessions_deleted=sum(one.sessions for one in chosen),
        events_deleted=sum(one.events for one in chosen),
        sync_message_files=sum(store.log.files_up_to(one.cut.shard, one.cut.seq) for one in chosen),
        bytes_freed=sum(one.cut.size for one in chosen),
        warnings=tuple(f"the log of {one.agent!r} is left alone: {one.why}" for one in shards.frozen(store.view)),
    )


def _before(request: Purge, now_ms: int) -> int | None:
    """The first moment that stays; None where all goes."""
    if (request.before is None) != request.everything:
        raise Invalid("say what to purge", hint="either --before 2d (or a date), or --all")
    return None if request.before is None else times.moment(request.before, now_ms)


def _chosen(store: Store, before: int | None) -> list[_Count]:
    """What goes, shard by shard; without those of which all would have to be said again."""
    frozen = {(one.store, one.agent) for one in shards.frozen(store.view)}
    own = [shard for shard in store.log.shards() if shard.store == store.own and shard not in frozen]
    found = [cut for cut in (_cut(store, shard, before) for shard in own) if cut.seq]
    stays = _staying(store, found)
    return [one for one in (_counted(store, cut, stays) for cut in found) if one.events]


def _cut(store: Store, shard: Shard, before: int | None) -> _Cut:
    below: list[Event] = []
    above: list[Event] = []
    size = 0
    for event, length in _events(store, shard):
        if above or (before is not None and event.ms >= before):
            above.append(event)
        else:
            below.append(event)
            size += length
    return _Cut(shard, below[-1].seq if below else 0, size, below, above)


def _events(store: Store, shard: Shard) -> Iterator[tuple[Event, int]]:
    """The events of a shard with the length of their lines, without what messages say: a large log fits into memory."""
    parse, head = fast_parser(), Head()
    while True:
        reading = store.log.read(shard, head, parse)
        start = head.offset if reading.head.segment == head.segment else 0
        for event, end in zip(reading.events, reading.ends, strict=True):
            yield event._replace(data={}) if event.kind == "message.create" else event, end - start
            start = end
        if reading.head == head:
            return
        head = reading.head


def _staying(store: Store, chosen: list[_Cut]) -> Callable[[str], bool]:
    limits = {cut.shard: cut.seq for cut in chosen}

    def stays(message_id: str) -> bool:
        place = restating.place(store.view, message_id)
        return place is not None and place[2] > limits.get(Shard(*place[:2]), 0)

    return stays


def _counted(store: Store, cut: _Cut, stays: Callable[[str], bool]) -> _Count:
    again = [one for one in still_true(store, cut.below, cut.above, stays) if one.data["again"][0] <= cut.seq]
    sessions = Counter(event.kind for event in cut.below)["session.start"]
    sessions -= Counter(draft.kind for draft in again)["session.start"]
    messages = Counter(event.kind for event in cut.below)["message.create"]
    return _Count(cut, messages, sessions, max(len(cut.below) - len(again), 0))


def _execute(store: Store, chosen: list[_Count], progress: Progress | None) -> None:
    """Says again what stays true, behind the cut; then cuts. Interrupted anywhere, nothing is lost that should stay."""
    stays = _staying(store, [one.cut for one in chosen])
    for one in chosen:
        _say_again(store, one.cut, stays)
    failpoint("purge.said")
    cuts.raise_to(store.paths.var, store.host, {one.cut.shard: one.cut.seq for one in chosen})
    failpoint("purge.cut")
    purging.carry_out(store, progress)


def _say_again(store: Store, cut: _Cut, stays: Callable[[str], bool]) -> None:
    """In a new segment, so that the old ones can go as a whole."""
    with store.shard_lock(cut.shard):
        store.log.begin_segment(cut.shard, store.end(cut.shard))
        store.absorb(cut.shard)
    with store.writing(cut.shard.agent) as writing:
        events = [event for event, _ in _events(store, cut.shard)]
        above = [event for event in events if event.seq > cut.seq]
        drafts = still_true(store, cut.below, above, stays)
        if drafts:
            writing.append(*drafts)
