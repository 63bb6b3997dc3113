"""The one door for foreign events: what passes becomes our copy of a shard, durable and visible (reliability §8.1).

Git and peers both come this way. What fails stops its own shard; its bytes are kept aside, and everything else goes on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from ..errors import Damaged, Invalid, StorageFailed, ThrumError
from ..events import fast_parser
from ..log import Head, Shard
from ..model import name
from ..storage import failpoint
from ..store import Store
from .chain import Piece, extension
from .heads import Goal
from .refusal import Refusal

ASIDE_LIMIT = 1024 * 1024  # bytes of a refused shard that are kept for whoever wants to look


def admit(store: Store, shard: Shard, blobs: Mapping[int, bytes], goal: Goal, most: int) -> int:
    """Adds what `blobs` have of a shard, up to its signed `goal`, to our copy; returns how many events that were.

    `blobs` are segments by number, from the one on that our copy ends in. Not many more than `most` events are taken
    at once. Raises Refusal: then nothing of it was taken.
    """
    try:
        name(shard.agent)
    except Invalid as error:
        raise Refusal("name", error.message) from error
    with store.shard_lock(shard):
        try:
            head = store.end(shard)
        except Damaged as error:
            raise Refusal("damaged", error.message) from error
        if reached(head, goal):
            return 0
        pieces = extension(shard, head, _ours(store, shard, head), blobs, goal, fast_parser())
        taken = _append(store, shard, pieces, most)
        store.absorb(shard)
    store.wake()
    return taken


def reached(head: Head, goal: Goal) -> bool:
    """Whether our copy of a shard has all that its store signed."""
    return (head.seq, head.segment) >= (goal.seq, goal.segment)


def keep_aside(store: Store, shard: Shard, blobs: Mapping[int, bytes]) -> None:
    """Keeps the end of what was refused, at most 1 MiB, in place of what was kept of that shard before."""
    directory = os.path.join(store.paths.var, "aside")
    store.host.storage.directory(directory)
    whole = b"".join(blobs[number] for number in sorted(blobs))[-ASIDE_LIMIT:]
    store.host.storage.replace(os.path.join(directory, f"{shard.store}.{shard.agent}"), whole)


def _ours(store: Store, shard: Shard, head: Head) -> bytes:
    if not head.segment:
        return b""
    return store.host.storage.read(store.log.segment(shard, head.segment), 0, head.offset)


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
