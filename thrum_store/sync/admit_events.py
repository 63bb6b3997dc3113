"""Admission of foreign events: verified bytes become our copy of a shard, durable and visible.

A failure stops its own shard only; the refused bytes are kept aside.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from thrum_store.errors import Corrupted, Invalid, StorageFailed, ThrumError
from thrum_store.identity import valid_name
from thrum_store.log.events import fast_parser
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.host import failpoint
from thrum_store.repository.paths import ASIDE
from thrum_store.store import Store
from thrum_store.values import NamedTuple

from .wire.signed_heads import AdmissionError, SignedEnd
from .wire.verify import Piece, verify_extension, verify_purged

ASIDE_LIMIT = 1024 * 1024  # bytes of a refused shard that are kept for people to look at


class Admitted(NamedTuple):
    """The number of admitted events; `moved`: positions in the log changed, so the view must be rebuilt."""

    events: int
    moved: bool = False


def admit(store: Store, shard: Shard, blobs: Mapping[int, bytes], end: SignedEnd, limit: int) -> Admitted:
    """Add the new events in `blobs` to our copy of a shard, up to its signed end.

    `blobs` are segments by number, from the last one of our copy on; all of them if events were purged that we never
    had. It takes not many more than `limit` events. Raises AdmissionError: then it took none.
    """
    try:
        valid_name(shard.agent)
    except Invalid as error:
        raise AdmissionError("name", error.message) from error
    with store.shard_lock(shard):
        purged = store.purged_log.marks.of(shard)
        head = store.head(shard)[0] if purged else _end(store, shard)
        if reached(head, end):
            return Admitted(0)
        ours = _ours(store, shard, head)
        if purged and not (ours and blobs.get(head.segment, b"")[: head.offset] == ours):
            pieces = verify_purged(shard, head, blobs, end, purged, fast_parser())
            return Admitted(_replace(store, shard, pieces), moved=True)
        events = _append(store, shard, verify_extension(shard, head, ours, blobs, end, fast_parser()), limit)
        store.absorb(shard)
    store.wake()
    return Admitted(events)


def reached(head: ShardPosition, end: SignedEnd) -> bool:
    """Return whether a position is at the signed end of its shard, or beyond."""
    return (head.seq, head.segment) >= (end.seq, end.segment)


def holds(store: Store, shard: Shard, end: SignedEnd) -> bool:
    """Return whether our copy of a shard has exactly the event that was signed as its end, or has purged it."""
    if end.seq <= store.purged_log.marks.of(shard):
        return True
    try:
        return end.hash.encode() in store.host.storage.read(store.log.segment(shard, end.segment))
    except FileNotFoundError:
        return False


def keep_aside(store: Store, shard: Shard, blobs: Mapping[int, bytes]) -> None:
    """Save the end of refused segments, at most 1 MiB, replacing what was saved of that shard before."""
    directory = store.paths.in_var(ASIDE)
    store.host.storage.directory(directory)
    data = b"".join(blobs[number] for number in sorted(blobs))[-ASIDE_LIMIT:]
    store.host.storage.replace(os.path.join(directory, f"{shard.store}.{shard.agent}"), data)


def _end(store: Store, shard: Shard) -> ShardPosition:
    try:
        return store.end(shard)
    except Corrupted as error:
        raise AdmissionError("damaged", error.message) from error


def _ours(store: Store, shard: Shard, head: ShardPosition) -> bytes:
    try:
        return store.host.storage.read(store.log.segment(shard, head.segment), 0, head.offset) if head.segment else b""
    except FileNotFoundError:
        return b""


def _replace(store: Store, shard: Shard, pieces: list[Piece]) -> int:
    """Replace our copy by a purged shard; return the number of events. The view must be rebuilt afterwards."""
    storage = store.host.storage
    storage.directory(os.path.dirname(store.log.segment(shard, 1)))
    for piece in pieces:
        storage.replace(store.log.segment(shard, piece.number), piece.data)
        failpoint("admit.replaced")
    for number in range(1, pieces[0].number):
        storage.remove(store.log.segment(shard, number))
    return sum(piece.events for piece in pieces)


def _append(store: Store, shard: Shard, pieces: list[Piece], limit: int) -> int:
    events = 0
    for piece in pieces:
        if events >= limit:
            break
        failpoint("admit.append")
        _append_piece(store, store.log.segment(shard, piece.number), piece)
        events += piece.events
    return events


def _append_piece(store: Store, path: str, piece: Piece) -> None:
    storage = store.host.storage
    try:
        if piece.start == 0:
            storage.directory(os.path.dirname(path))
            storage.remove(path)  # a process may have died before its header was complete
            storage.create(path, piece.data)
        else:
            storage.append(path, piece.data)
    except StorageFailed:
        try:
            storage.truncate(path, piece.start)  # nobody knows what is on the disk: it comes again
        except ThrumError:
            pass  # the first error counts
        raise
