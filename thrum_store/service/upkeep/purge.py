"""Purge of old messages, sessions and events, from the view and from the disk; agents and groups are kept."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import takewhile

from thrum_store import carry_forward, values
from thrum_store.errors import Invalid
from thrum_store.log import purge_marks
from thrum_store.log.events import Event, fast_parser
from thrum_store.log.purged_log import PurgePrefix
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.host import failpoint
from thrum_store.repository.paths import FLOORS, SYNC_LOCK
from thrum_store.store import Store, use_case
from thrum_store.values import NamedTuple, Record, rfc3339
from thrum_store.view.database import SegmentStats
from thrum_store.view.queries import purge as queries
from thrum_store.view.queries import shards

Progress = Callable[[int], None]


class Purge(Record):
    """Request to purge the events before `before` (2d, 24h, 2026-03-15, RFC 3339), or `everything` up to now.

    Without `confirm` it is only counted.
    """

    before: str | None = None
    everything: bool = False
    confirm: bool = False


class Purged(Record):
    """The result of a purge, or with `dry_run` its preview.

    `events_deleted` counts lines of the logs; those that still hold are carried forward. `sync_message_files` counts
    log files that are removed or truncated. `messages_hidden` counts messages of other stores that are hidden on this
    machine; their logs stay.
    """

    before: str
    dry_run: bool
    messages_deleted: int
    sessions_deleted: int
    events_deleted: int
    sync_message_files: int
    bytes_freed: int
    warnings: tuple[str, ...] = ()
    messages_hidden: int = 0

    JSON = (
        "before dry_run messages_deleted sessions_deleted events_deleted sync_message_files"
        " sync_events_filtered=events_deleted bytes_freed warnings messages_hidden"
    )


class _Prefix(NamedTuple):
    """The events of one shard up to `seq`, which are purged, and their numbers."""

    shard: Shard
    seq: int = 0
    files: int = 0
    events: int = 0
    messages: int = 0
    bytes: int = 0
    sessions: int = 0


@use_case
def purge(store: Store, request: Purge, progress: Progress | None = None) -> Purged:
    """Count or remove the events of this store's agents before a time; no rebuild and no sync restores them.

    Of each log, the longest prefix of older events is removed. Agents, groups, memberships and open sessions are
    kept. Older messages of other stores are hidden on this machine: their logs stay, and sync carries them on. Raises
    Invalid, or StoreBusy while a sync runs.
    """
    now = store.host.clock.wall_ms()
    before = _before(request, now)
    if not request.confirm:
        return _result(store, request, _older(store, before), now)
    with store.host.lock(store.paths.in_var(SYNC_LOCK)):
        older = _older(store, before)
        result = _result(store, request, older, now)
        if older.prefixes or older.hidden or carry_forward.pending(store):
            _execute(store, older, progress)
    return result


class _Older(NamedTuple):
    """The events before a time: of this store's logs, and the messages of other stores."""

    before: int | None
    prefixes: list[_Prefix]
    hidden: list[queries.Hidden]


def _older(store: Store, before: int | None) -> _Older:
    hidden = queries.older_of_others(store.view, store.own, before)
    return _Older(before, _prefixes(store, before), hidden)


def _result(store: Store, request: Purge, older: _Older, now: int) -> Purged:
    prefixes = older.prefixes
    return Purged(
        before=rfc3339(now if older.before is None else older.before),
        dry_run=not request.confirm,
        messages_deleted=sum(prefix.messages for prefix in prefixes),
        sessions_deleted=sum(prefix.sessions for prefix in prefixes),
        events_deleted=sum(prefix.events for prefix in prefixes),
        sync_message_files=sum(prefix.files for prefix in prefixes),
        bytes_freed=sum(prefix.bytes for prefix in prefixes),
        warnings=tuple(f"the log of {row.agent!r} is not purged: {row.why}" for row in shards.frozen(store.view)),
        messages_hidden=sum(shard.messages for shard in older.hidden),
    )


def _before(request: Purge, now_ms: int) -> int | None:
    """Return the time of the first event to keep, in milliseconds; None to purge all."""
    if (request.before is None) != request.everything:
        raise Invalid("give either a time or --all", hint="`thrum purge --before 2d` or `thrum purge --all`")
    return None if request.before is None else values.moment(request.before, now_ms)


def _prefixes(store: Store, before: int | None) -> list[_Prefix]:
    """Return what to purge, by shard, without prefixes that would be carried forward as a whole. Reads few logs."""
    ended = queries.ended_sessions(store.view, store.own)
    prefixes: list[_Prefix] = []
    for agent, stats in queries.segments_by_agent(store.view, store.own).items():
        prefix = _older_prefix(store, Shard(store.own, agent), stats, before)
        if prefix.seq:
            prefixes.append(prefix._replace(sessions=bisect_right(ended.get(agent, []), prefix.seq)))
    stays = _staying(store, prefixes)
    return [prefix for prefix in prefixes if prefix.messages or prefix.sessions or _removes(store, prefix, stays)]


def _older_prefix(store: Store, shard: Shard, stats: list[SegmentStats], before: int | None) -> _Prefix:
    """Return the longest prefix of older events in a shard; only the segment of its end is read."""
    prefix = _Prefix(shard)
    for segment in stats:
        if before is None or segment.latest_ms < before:
            prefix = _longer(prefix, segment)
            continue
        older = store.purged_log.older(shard, segment.segment, before, segment.seq)
        return _longer(prefix, older) if older else prefix
    return prefix


def _longer(prefix: _Prefix, more: SegmentStats | PurgePrefix) -> _Prefix:
    messages, size = prefix.messages + more.messages, prefix.bytes + more.bytes
    return _Prefix(prefix.shard, more.seq, prefix.files + 1, prefix.events + more.events, messages, size)


def _staying(store: Store, prefixes: list[_Prefix]) -> Callable[[str], bool]:
    limits, hidden = {prefix.shard: prefix.seq for prefix in prefixes}, _hidden_ids(store)

    def stays(message_id: str) -> bool:
        place = queries.place(store.view, message_id)
        if place is None:
            return message_id in hidden()
        return place[2] > limits.get(Shard(*place[:2]), 0)

    return stays


def _hidden_ids(store: Store) -> Callable[[], set[str]]:
    """Return a function that returns the ids of the messages that are hidden here; it reads the logs at its first call.

    Their receipts stay: the author's machine shows them.
    """
    ids: set[str] | None = None

    def hidden() -> set[str]:
        nonlocal ids
        if ids is None:
            ids = set()
            for shard, floor in store.purged_log.floors.all().items():
                for event in _events(store, shard):
                    if event.type == "message.create" and event.seq <= floor:
                        ids.add(event.id)
                    elif event.type == "message.delete":
                        ids.discard(event.data["message"])
        return ids

    return hidden


def _removes(store: Store, prefix: _Prefix, stays: Callable[[str], bool]) -> bool:
    """Return whether some event is not carried forward. The prefix has no messages, so its events are few."""
    below = list(takewhile(lambda event: event.seq <= prefix.seq, _events(store, prefix.shard)))
    deleted = any(event.type == "agent.delete" for event in below)  # and perhaps registered since
    above = _parted(store, prefix)[1] if deleted else []
    drafts = carry_forward.carried(store, below, above, stays)
    count = sum(bool(draft.data["again"][0] <= prefix.seq) for draft in drafts)
    return count < len(below)


def _parted(store: Store, prefix: _Prefix) -> tuple[list[Event], list[Event]]:
    """Return the events in a prefix, and those after it."""
    below: list[Event] = []
    above: list[Event] = []
    for event in _events(store, prefix.shard):
        (below if event.seq <= prefix.seq else above).append(event)
    return below, above


def _events(store: Store, shard: Shard) -> Iterator[Event]:
    """Yield the events of a shard, without the contents of messages: a large log must fit into memory."""
    parse, head = fast_parser(), ShardPosition()
    while True:
        reading = store.log.read(shard, head, parse)
        for event in reading.events:
            yield event._replace(data={}) if event.type == "message.create" else event
        if reading.head == head:
            return
        head = reading.head


def _execute(store: Store, older: _Older, progress: Progress | None) -> None:
    """Carry forward the events that still hold, then raise the purge marks: an interruption loses none of them."""
    stays = _staying(store, older.prefixes)
    for prefix in older.prefixes:
        _carry_forward(store, prefix, stays)
    failpoint("purge.said")
    var, host = store.paths.var, store.host
    purge_marks.raise_to(var, host, {prefix.shard: prefix.seq for prefix in older.prefixes})
    purge_marks.raise_to(var, host, {Shard(*row[:2]): row.seq for row in older.hidden}, FLOORS)
    failpoint("purge.cut")
    carry_forward.remove_purged(store, progress)


def _carry_forward(store: Store, prefix: _Prefix, stays: Callable[[str], bool]) -> None:
    """Append copies in a new segment, so that the old ones can be removed as a whole."""
    with store.shard_lock(prefix.shard):
        store.log.begin_segment(prefix.shard, store.end(prefix.shard))
        store.absorb(prefix.shard)
    with store.writing(prefix.shard.agent) as writing:
        drafts = carry_forward.carried(store, *_parted(store, prefix), stays)
        if drafts:
            writing.append(*drafts)
