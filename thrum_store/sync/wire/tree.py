"""What a branch offers: the few paths that mean something, everything else counted (reliability §4.3 G1, §6.1)."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from thrum_store.log.segments import EventLog, Shard
from thrum_store.model import NAME

from .signed_heads import CARD_LIMIT, HEADS_LIMIT

SEGMENT_LIMIT = 8 * 1024 * 1024  # bytes: one segment is sealed at 64 KiB, the last batch of lines may be long
FILE_LIMIT = 4 * 1024 * 1024
ENTRIES_LIMIT = 200_000
_STORE = re.compile(r"v1/([a-z2-7]{26})/(.+)", re.ASCII)
_SEGMENT = re.compile(rf"({NAME})/([0-9]{{8}})-[0-9a-f]{{8}}\.jsonl", re.ASCII)
_FILE = re.compile(rf"live\.json|{NAME}/context\.md", re.ASCII)
_OTHER_VERSION = re.compile(r"v[0-9]{1,4}", re.ASCII)


class Blob(NamedTuple):
    """A file of a tree: git's id of it, and its bytes."""

    oid: str
    size: int


@dataclass
class Offered:
    """What a branch has of one store; segments by agent and number, other files by their path below the store."""

    segments: dict[str, dict[int, Blob]] = field(default_factory=dict[str, dict[int, Blob]])
    files: dict[str, Blob] = field(default_factory=dict[str, Blob])


@dataclass
class Listing:
    """A branch's tree: what it offers, by store; `versions` are trees of other formats; the rest was counted."""

    stores: dict[str, Offered] = field(default_factory=dict[str, Offered])
    versions: dict[str, str] = field(default_factory=dict[str, str])
    refused: Counter[str] = field(default_factory=Counter[str])


def parse(entries: bytes, top: bytes, log: EventLog) -> Listing:
    """Reads what `ls-tree -rzl` and `ls-tree -z` printed."""
    listing = Listing()
    for entry in top.split(b"\0"):
        mode, kind, oid, _, name = _fields(entry)
        if kind == "tree" and mode == "040000" and _OTHER_VERSION.fullmatch(name) and name != "v1":
            listing.versions[name] = oid
    found = entries.split(b"\0", ENTRIES_LIMIT)
    if len(found) > ENTRIES_LIMIT:
        listing.refused["entries"] += 1
    for entry in found[:ENTRIES_LIMIT]:
        if entry:
            _place(listing, entry, log)
    return listing


def _fields(entry: bytes) -> tuple[str, str, str, int, str]:
    """Mode, kind, id, size and path; a size that git cannot tell is far too large."""
    told, _, path = entry.partition(b"\t")
    mode, kind, oid, size, *_ = [*told.decode("ascii", "replace").split(), "", "", "", ""]
    return mode, kind, oid, int(size) if size.isdecimal() else 1 << 62, path.decode("utf-8", "replace")


def _place(listing: Listing, entry: bytes, log: EventLog) -> None:
    mode, kind, oid, size, path = _fields(entry)
    if path.partition("/")[0] in listing.versions:
        return
    match = _STORE.fullmatch(path)
    if mode != "100644" or kind != "blob":
        listing.refused["mode"] += 1
    elif match is None:
        listing.refused["path"] += 1
    else:
        offered = listing.stores.setdefault(match[1], Offered())
        refused = _put(offered, match[1], match[2], Blob(oid, size), log)
        if refused:
            listing.refused[refused] += 1


def _put(offered: Offered, store: str, path: str, blob: Blob, log: EventLog) -> str:
    """Notes one file of a store; the code to count it by where it means nothing."""
    segment = _SEGMENT.fullmatch(path)
    if segment:
        agent, number = segment[1], int(segment[2])
        expected = os.path.basename(log.segment(Shard(store, agent), number))
        if os.path.basename(path) != expected or number == 0:
            return "path"
        if blob.size > SEGMENT_LIMIT:
            return "size"
        offered.segments.setdefault(agent, {}).setdefault(number, blob)
        return ""
    limit = {"store.json": CARD_LIMIT, "heads.json": HEADS_LIMIT}.get(path, FILE_LIMIT)
    if path not in ("store.json", "heads.json") and not _FILE.fullmatch(path):
        return "path"
    if blob.size > limit:
        return "size"
    offered.files.setdefault(path, blob)
    return ""
