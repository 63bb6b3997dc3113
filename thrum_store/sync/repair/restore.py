"""Restoration of lost or damaged logs from the branch, as far as they were published.

Only what its own store signed is restored; whole parts are not changed; every replaced file is kept in
`damaged` in var. Events that were never published and are lost are named exactly: their log stays stopped, and
their remains are saved in `lost` in var.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from thrum_store.errors import DiskFull, Forbidden, StorageFailed, StoreBusy
from thrum_store.log import purge_marks
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.host import failpoint
from thrum_store.repository.former_stores import signed_ends
from thrum_store.store import Store
from thrum_store.sync.state import Repair, State, key_of, sentence, shard_of
from thrum_store.sync.wire.verify import Piece
from thrum_store.values import replaced
from thrum_store.view.queries import shards as shards_read
from thrum_store.view.queries.shards import lengths

from .damage import DamageReport, content, event_in, examine, export, keep
from .proof import Proof, Proven


def suspects(store: Store, state: State) -> list[Shard]:
    """Return the logs that may be damaged, judged by names and lengths; no log is read."""
    ends = lengths(store.view)
    stopped = {Shard(row.store, row.agent) for row in shards_read.frozen(store.view)}
    published = {shard_of(key): extent for key, extent in state.published.items()}
    shorter = {s for s, extent in published.items() if list(ends.get(s, ShardPosition())[:2]) < extent[:2]}
    missing = {shard for shard, head in ends.items() if _missing(store, shard, head)}
    own = {
        Shard(store.own, agent): seq
        for agent, seq in signed_ends(store.log.root, store.own, store.host.storage).items()
    }
    behind = {shard for shard, seq in own.items() if ends.get(shard, ShardPosition()).seq < seq}
    diverged = {shard_of(key) for key, frozen in state.frozen.items() if frozen.code == "diverged"}
    return sorted((stopped | shorter | missing | behind | set(map(shard_of, state.suspects))) - diverged)


def _missing(store: Store, shard: Shard, head: ShardPosition) -> bool:
    try:
        numbers = store.purged_log.numbers(shard)
    except StorageFailed:  # it cannot be read, so nobody knows
        return False
    first = 1 if not store.purged_log.marks.of(shard) else min(numbers, default=head.segment)
    return not set(range(first, head.segment + 1)) <= set(numbers)


def restore(store: Store, state: State, proof: Proof, shards: Iterable[Shard], tips: str) -> list[str]:
    """Restore the published part of these logs, under sync.lock; return a sentence for each log whose repair is new.

    If a disk refuses a log, or its agent holds it for long, that log waits for the next time.
    """
    news: list[str] = []
    stopped: list[tuple[Shard, DamageReport]] = []
    stale = False
    for shard in shards:
        try:
            repair, damage = _restore(store, shard, proof.of(shard), tips)
        except (StorageFailed, DiskFull, StoreBusy):
            continue
        if _remember(state, shard, repair):
            news.append(sentence(key_of(shard), repair))
        stopped += [(shard, damage)] * bool(damage.lost)
        stale |= _stale(store, shard, damage)
    if stale:
        store.rebuild()
    for shard, damage in stopped:
        _stop(store, shard, damage)
    return news


def _stop(store: Store, shard: Shard, damage: DamageReport) -> None:
    """Freeze a log in the view: events appended after unreadable ones would be lost with them."""
    head, frozen = store.head(shard)
    if not frozen:
        with store.committing():
            projection = store.projection()
            projection.advance(shard, head, damage.why)
            projection.finish()


def _remember(state: State, shard: Shard, repair: Repair) -> bool:
    """Record the repair of a log; return whether it is news."""
    key = key_of(shard)
    before = state.repairs.pop(key, None)
    news = bool(repair.back) or repair.lost != (before.lost if before else [])
    if repair.back:
        state.published.pop(key, None)  # the branch may have the damaged bytes: publish all of it again
    if repair.lost and before is not None and not repair.back:
        repair = replaced(repair, back=before.back)
    if repair.back or repair.lost:
        state.repairs[key] = repair
    if key in state.suspects:
        state.suspects.remove(key)
    return news and bool(repair.back or repair.lost)


def _stale(store: Store, shard: Shard, damage: DamageReport) -> bool:
    """Return whether the view ends before the readable part. A view that has more of the log is kept."""
    head, frozen = store.head(shard)
    return head.seq < damage.head.seq or (bool(frozen) and not damage.lost)


def _restore(store: Store, shard: Shard, proven: Proven, tips: str) -> tuple[Repair, DamageReport]:
    with store.shard_lock(shard):
        if shard.store == store.own:
            store.restore(shard)
        before = after = examine(store, shard)
        files = _files(store, shard, proven) if _agrees(store, shard, before.head, proven) else {}
        if files:
            _put_in_place(store, shard, files, proven)
            after = examine(store, shard)
            after = after._replace(last=max(before.last, after.last))
        if after.lost:
            export(store, shard, after)
    back = [before.head.seq + 1, after.head.seq] if after.head.seq > before.head.seq else []
    return Repair(store.host.clock.wall_ms(), back, after.lost, after.why, tips), after


def _agrees(store: Store, shard: Shard, head: ShardPosition, proven: Proven) -> bool:
    """Return whether the proven copy equals the whole part of ours, as far as both go."""
    if head.seq <= proven.purged or not head.segment:
        return bool(proven.pieces)
    piece = next((piece for piece in proven.pieces if piece.number == head.segment), None)
    if piece is None:
        return False
    ours = content(store, shard, head.segment)[: head.offset]
    shared = min(len(ours), len(piece.data))
    return ours[:shared] == piece.data[:shared]


def _files(store: Store, shard: Shard, proven: Proven) -> dict[int, bytes]:
    """Return the segments to replace; the last one continues with our own events after the proven ones."""
    contents: dict[int, bytes] = {}
    for piece in proven.pieces:
        ours = content(store, shard, piece.number)
        if not ours.startswith(piece.data):
            contents[piece.number] = piece.data + (_beyond(ours, piece) if piece is proven.pieces[-1] else b"")
    return contents


def _beyond(ours: bytes, piece: Piece) -> bytes:
    """Return the rest of our copy after the last proven event, found anywhere in our damaged bytes."""
    at = 0
    while (end := ours.find(b"\n", at)) >= 0:
        event = event_in(ours[at:end])
        if event is not None and (event.seq, event.before) == (piece.head.seq + 1, piece.head.hash):
            return ours[at:]
        at = end + 1
    last = piece.data[piece.data.rfind(b"\n", 0, -1) + 1 :]
    place = ours.rfind(last)
    rest = ours[place + len(last) if place >= 0 else len(piece.data) :]
    return rest if rest.startswith(b"{") else b""  # else it is the middle of a proven line that was moved


def _put_in_place(store: Store, shard: Shard, files: dict[int, bytes], proven: Proven) -> None:
    storage = store.host.storage
    if proven.purged:
        purge_marks.raise_to(store.paths.var, store.host, {shard: proven.purged})
    storage.directory(os.path.dirname(store.log.segment(shard, 1)))
    for number, data in files.items():
        keep(store, shard, number)
        store.log.second_copies.replace(store.log.segment(shard, number), data)
        failpoint("restore.replaced")
    for number in range(1, proven.pieces[0].number):
        store.log.second_copies.drop(store.log.segment(shard, number))
        storage.remove(store.log.segment(shard, number))


def abandon(store: Store, state: State, shard: Shard) -> None:
    """End a log at the end of its whole part, so that its agent can write again. Only under sync.lock.

    The rest is kept in `damaged` in var and `lost` in var. Raises Forbidden if any of it was published: others
    have it, and nothing else may take its place.
    """
    with store.shard_lock(shard):
        damage = examine(store, shard)
        end = signed_ends(store.log.root, store.own, store.host.storage).get(shard.agent, 0)
        if shard.store == store.own and end > damage.head.seq:
            raise Forbidden(
                f"events {damage.head.seq + 1} to {end} of @{shard.agent} were published, and no copy is within reach",
                hint="sync with the remote that has them",
            )
        if damage.lost:
            export(store, shard, damage)
            _truncate(store, shard, damage.head)
            known = state.repairs.get(key_of(shard))
            back, why = known.back if known else [], f"given up: {damage.why}"
            state.repairs[key_of(shard)] = Repair(store.host.clock.wall_ms(), back, damage.lost, why, "")
    store.rebuild()


def _truncate(store: Store, shard: Shard, head: ShardPosition) -> None:
    for number in reversed(store.purged_log.numbers(shard)):
        if number >= head.segment:
            keep(store, shard, number)
        if number > head.segment:
            store.log.second_copies.drop(store.log.segment(shard, number))
            store.host.storage.remove(store.log.segment(shard, number))
            failpoint("restore.removed")
    if head.segment:
        store.host.storage.truncate(store.log.segment(shard, head.segment), head.offset)
