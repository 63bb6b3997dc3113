"""The one door for foreign events: what passes becomes our copy of a shard, durable and visible (reliability §8.1).

Git and peers both come this way. What fails stops its own shard; its bytes are kept aside, and everything else goes on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from thrum_store.errors import Damaged, Invalid, StorageFailed, ThrumError
from thrum_store.log.events import fast_parser
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.storage import failpoint
from thrum_store.model import name
from thrum_store.repository.paths import ASIDE
from thrum_store.store import Store

from .wire.refusal import AdmissionError
from .wire.signed_heads import SignedEnd
from .wire.verify import Piece, extension, succession

ASIDE_LIMIT = 1024 * 1024  # bytes of a refused shard that are kept for whoever wants to look


class Admitted(NamedTuple):
    """How many events were taken in, and whether the view has to be made anew, because places in the log moved."""

    events: int
    moved: bool = False


def admit(store: Store, shard: Shard, blobs: Mapping[int, bytes], goal: SignedEnd, most: int) -> Admitted:
    """Adds what `blobs` have of a shard, up to its signed `goal`, to our copy.

    `blobs` are segments by number, from the one on that our copy ends in; all of them where something was purged that
    we never had. Not many more than `most` events are taken at once. Raises Refusal: then nothing of it was taken.
    """
    try:
        name(shard.agent)
    except Invalid as error:
        raise AdmissionError("name", error.message) from error
    with store.shard_lock(shard):
        cut = store.purged_log.marks.of(shard)
        head = store.head(shard)[0] if cut else _end(store, shard)
        if reached(head, goal):
            return Admitted(0)
        ours = _ours(store, shard, head)
        if cut and not (ours and blobs.get(head.segment, b"")[: head.offset] == ours):
            pieces = succession(shard, head, blobs, goal, cut, fast_parser())
            return Admitted(_put_in_place(store, shard, pieces), moved=True)
        taken = _append(store, shard, extension(shard, head, ours, blobs, goal, fast_parser()), most)
        store.absorb(shard)
    store.wake()
    return Admitted(taken)


def _end(store: Store, shard: Shard) -> ShardPosition:
    try:
        return store.end(shard)
    except Damaged as error:
        raise AdmissionError("damaged", error.message) from error


def reached(head: ShardPosition, goal: SignedEnd) -> bool:
    """Whether our copy of a shard has all that its store signed."""
    return (head.seq, head.segment) >= (goal.seq, goal.segment)


def holds(store: Store, shard: Shard, goal: SignedEnd) -> bool:
    """Whether our copy of a shard has the very event that was signed as its end, or had it until it was purged."""
    if goal.seq <= store.purged_log.marks.of(shard):
        return True
    try:
        return goal.hash.encode() in store.host.storage.read(store.log.segment(shard, goal.segment))
    except FileNotFoundError:
        return False


def keep_aside(store: Store, shard: Shard, blobs: Mapping[int, bytes]) -> None:
    """Keeps the end of what was refused, at most 1 MiB, in place of what was kept of that shard before."""
    directory = store.paths.in_var(ASIDE)
    store.host.storage.directory(directory)
    whole = b"".join(blobs[number] for number in sorted(blobs))[-ASIDE_LIMIT:]
    store.host.storage.replace(os.path.join(directory, f"{shard.store}.{shard.agent}"), whole)


def _ours(store: Store, shard: Shard, head: ShardPosition) -> bytes:
    try:
        return store.host.storage.read(store.log.segment(shard, head.segment), 0, head.offset) if head.segment else b""
    except FileNotFoundError:
        return b""


def _put_in_place(store: Store, shard: Shard, pieces: list[Piece]) -> int:
    """Puts a shard in place of our copy of it, which was purged. The view is made anew afterwards."""
    storage = store.host.storage
    storage.directory(os.path.dirname(store.log.segment(shard, 1)))
    for piece in pieces:
        storage.replace(store.log.segment(shard, piece.number), piece.data)
        failpoint("admit.replaced")
    for number in range(1, pieces[0].number):
        storage.remove(store.log.segment(shard, number))
    return sum(piece.events for piece in pieces)


def _append(store: Store, shard: Shard, pieces: list[Piece], most: int) -> int:
    taken = 0
    for piece in pieces:
        if taken >= most:
            break
        failpoint("admit.append")
        _add(store, store.log.segment(shard, piece.number), piece)
        taken += piece.events
    return taken


def _add(store: Store, path: str, piece: Piece) -> None:
    storage = store.host.storage
    try:
        if piece.start == 0:
            storage.directory(os.path.dirname(path))
            storage.remove(path)  # begun by a process that died before its header was whole
            storage.create(path, piece.data)
        else:
            storage.append(path, piece.data)
    except StorageFailed:
        with suppress(ThrumError):  # nobody knows what the disk holds of it: it comes again
            storage.truncate(path, piece.start)
        raise
