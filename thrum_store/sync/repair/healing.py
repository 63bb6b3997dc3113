"""Logs that were lost or have rotted get back from the branch what was published of them (reliability §5.7).

Nothing is believed that its own store did not sign, nothing that is whole is changed, and every file that is put in
place of another leaves that one in `.thrum/var/damaged`. What was never published and is gone is said exactly: its log
stays stopped, and what is known of it lies in `.thrum/var/lost`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from thrum_store.errors import DiskFull, Refused, StorageFailed, StoreBusy
from thrum_store.identity import signed_ends
from thrum_store.log import purge_marks
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.storage import failpoint
from thrum_store.store import Store
from thrum_store.sync.state import Repair, State, key_of, sentence, shard_of
from thrum_store.sync.wire.verify import Piece
from thrum_store.view.queries import shards
from thrum_store.view.queries.lengths import lengths

from .damage import DamageReport, content, event_in, examine, export, keep
from .proof import Proof, Proven


def doubted(store: Store, state: State) -> list[Shard]:
    """The logs that are not what they were: a few looks at names and lengths, no log is read."""
    ends = lengths(store.view)
    stopped = {Shard(one.store, one.agent) for one in shards.frozen(store.view)}
    published = {shard_of(key): at for key, at in state.published.items()}
    shorter = {shard for shard, at in published.items() if list(ends.get(shard, ShardPosition())[:2]) < at[:2]}
    missing = {shard for shard, head in ends.items() if _missing(store, shard, head)}
    said = signed_ends(store.log.root, store.own, store.host.storage)
    behind = {one for a, seq in said.items() if ends.get(one := Shard(store.own, a), ShardPosition()).seq < seq}
    elsewhere = {shard_of(key) for key, one in state.frozen.items() if one.code == "diverged"}
    return sorted((stopped | shorter | missing | behind | set(map(shard_of, state.doubted))) - elsewhere)


def _missing(store: Store, shard: Shard, head: ShardPosition) -> bool:
    there = store.purged_log.numbers(shard)
    first = 1 if not store.purged_log.marks.of(shard) else min(there, default=head.segment)
    return not set(range(first, head.segment + 1)) <= set(there)


def heal(store: Store, state: State, proof: Proof, wanted: Iterable[Shard], tips: str) -> list[str]:
    """Puts right what can be put right of these logs; a sentence for each that is news. Only under sync.lock.

    A log whose disk refuses, or whose agent holds it for long, is left to the next time.
    """
    news: list[str] = []
    stopped: list[tuple[Shard, DamageReport]] = []
    stale = False
    for shard in wanted:
        try:
            repair, damage = _heal(store, shard, proof.of(shard), tips)
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
    """Lets nobody speak behind events that cannot be read: what is said there would be lost with them."""
    head, frozen = store.head(shard)
    if not frozen:
        with store.committing():
            projection = store.projection()
            projection.advance(shard, head, damage.why)
            projection.finish()


def _remember(state: State, shard: Shard, repair: Repair) -> bool:
    """Notes what became of a log; whether that is news."""
    key = key_of(shard)
    before = state.repairs.pop(key, None)
    news = bool(repair.back) or repair.lost != (before.lost if before else [])
    if repair.back:
        state.published.pop(key, None)  # the branch may have its rotten bytes: say all of it again
    if repair.lost and before is not None and not repair.back:
        repair.back = before.back
    if repair.back or repair.lost:
        state.repairs[key] = repair
    if key in state.doubted:
        state.doubted.remove(key)
    return news and bool(repair.back or repair.lost)


def _stale(store: Store, shard: Shard, damage: DamageReport) -> bool:
    """Whether the view stopped before the end of what can be read now. One that knows more stays, and stays stopped."""
    head, frozen = store.head(shard)
    return head.seq < damage.head.seq or (bool(frozen) and not damage.lost)


def _heal(store: Store, shard: Shard, found: Proven, tips: str) -> tuple[Repair, DamageReport]:
    with store.shard_lock(shard):
        before = after = examine(store, shard)
        files = _files(store, shard, found) if _continues(store, shard, before.head, found) else {}
        if files:
            _put_in_place(store, shard, files, found)
            after = examine(store, shard)
            after = after._replace(last=max(before.last, after.last))
        if after.lost:
            export(store, shard, after)
    back = [before.head.seq + 1, after.head.seq] if after.head.seq > before.head.seq else []
    return Repair(store.host.clock.wall_ms(), back, after.lost, after.why, tips), after


def _continues(store: Store, shard: Shard, head: ShardPosition, found: Proven) -> bool:
    """Whether what is proven says the same as what is whole here, as far as both go."""
    if head.seq <= found.cut or not head.segment:
        return bool(found.pieces)
    piece = next((one for one in found.pieces if one.number == head.segment), None)
    if piece is None:
        return False
    ours = content(store, shard, head.segment)[: head.offset]
    shared = min(len(ours), len(piece.data))
    return ours[:shared] == piece.data[:shared]


def _files(store: Store, shard: Shard, found: Proven) -> dict[int, bytes]:
    """The segments that have to be put in place, the last one with what our copy of it has beyond what is proven."""
    wanted: dict[int, bytes] = {}
    for piece in found.pieces:
        ours = content(store, shard, piece.number)
        if not ours.startswith(piece.data):
            wanted[piece.number] = piece.data + (_beyond(ours, piece) if piece is found.pieces[-1] else b"")
    return wanted


def _beyond(ours: bytes, piece: Piece) -> bytes:
    """What our copy says after the last proven event: from the line that follows it, wherever that begins by now."""
    at = 0
    while (end := ours.find(b"\n", at)) >= 0:
        event = event_in(ours[at:end])
        if event is not None and (event.seq, event.before) == (piece.head.seq + 1, piece.head.hash):
            return ours[at:]
        at = end + 1
    last = piece.data[piece.data.rfind(b"\n", 0, -1) + 1 :]
    found = ours.rfind(last)
    rest = ours[found + len(last) if found >= 0 else len(piece.data) :]
    return rest if rest.startswith(b"{") else b""  # a piece of a proven line that was moved is none of it


def _put_in_place(store: Store, shard: Shard, files: dict[int, bytes], found: Proven) -> None:
    storage = store.host.storage
    if found.cut:
        purge_marks.raise_to(store.paths.var, store.host, {shard: found.cut})
    storage.directory(os.path.dirname(store.log.segment(shard, 1)))
    for number, data in files.items():
        keep(store, shard, number)
        storage.replace(store.log.segment(shard, number), data)
        failpoint("heal.replaced")
    for number in range(1, found.pieces[0].number):
        storage.remove(store.log.segment(shard, number))


def give_up(store: Store, state: State, shard: Shard) -> None:
    """Ends a log where its whole part ends, so that its agent can speak again. Only under sync.lock.

    What stood behind stays in `.thrum/var/damaged` and `.thrum/var/lost`. Raises Refused where any of it was published:
    then others have it, and nothing else may be said in its place.
    """
    with store.shard_lock(shard):
        damage = examine(store, shard)
        said = signed_ends(store.log.root, store.own, store.host.storage).get(shard.agent, 0)
        if shard.store == store.own and said > damage.head.seq:
            raise Refused(
                f"events {damage.head.seq + 1} to {said} of @{shard.agent} were published, and no copy is within reach",
                hint="sync with the remote that has them",
            )
        if damage.lost:
            export(store, shard, damage)
            _cut(store, shard, damage.head)
            back = state.repairs[key_of(shard)].back if key_of(shard) in state.repairs else []
            why = f"given up: {damage.why}"
            state.repairs[key_of(shard)] = Repair(store.host.clock.wall_ms(), back, damage.lost, why, "")
    store.rebuild()


def _cut(store: Store, shard: Shard, head: ShardPosition) -> None:
    for number in reversed(store.purged_log.numbers(shard)):
        if number >= head.segment:
            keep(store, shard, number)
        if number > head.segment:
            store.host.storage.remove(store.log.segment(shard, number))
            failpoint("heal.removed")
    if head.segment:
        store.host.storage.truncate(store.log.segment(shard, head.segment), head.offset)
