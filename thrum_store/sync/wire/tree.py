"""The contents of a branch: files whose paths have a meaning, by store; everything else is only counted."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from thrum_store.identity import NAME
from thrum_store.log.segments import EventLog, Shard
from thrum_store.values import NamedTuple

from .signed_files import CERTIFICATE, HEADS
from .signed_heads import CERTIFICATE_LIMIT, HEADS_LIMIT

SEGMENT_LIMIT = 8 * 1024 * 1024  # bytes: a segment is sealed at 64 KiB, but its last batch of lines may be long
FILE_LIMIT = 4 * 1024 * 1024
ENTRIES_LIMIT = 200_000
_STORE = re.compile(r"v1/([a-z2-7]{26})/(.+)", re.ASCII)
_SEGMENT = re.compile(rf"({NAME})/([0-9]{{8}})-[0-9a-f]{{8}}\.jsonl", re.ASCII)
_FILE = re.compile(rf"store\.json|heads\.json|live\.json|{NAME}/context\.md", re.ASCII)
_OTHER_VERSION = re.compile(r"v[0-9]{1,4}", re.ASCII)


class Blob(NamedTuple):
    """A file of a tree: the id that git gives it, and its size in bytes."""

    oid: str
    size: int


class StoreFiles:
    """The files of one store in a branch: segments by agent and number, other files by their path below the store."""

    def __init__(self) -> None:
        self.segments: dict[str, dict[int, Blob]] = {}
        self.files: dict[str, Blob] = {}


@dataclass
class Listing:
    """The tree of a branch by store; `versions` are trees of other formats; `refused` counts the rest by code."""

    stores: dict[str, StoreFiles] = field(default_factory=dict[str, StoreFiles])
    versions: dict[str, str] = field(default_factory=dict[str, str])
    refused: Counter[str] = field(default_factory=Counter[str])


def parse(entries: bytes, top: bytes, log: EventLog) -> Listing:
    """Parse the output of `ls-tree -rzl` and of `ls-tree -z`."""
    listing = Listing()
    for entry in top.split(b"\0"):
        mode, kind, oid, _, name = _fields(entry)
        if kind == "tree" and mode == "040000" and _OTHER_VERSION.fullmatch(name) and name != "v1":
            listing.versions[name] = oid
    files = entries.split(b"\0", ENTRIES_LIMIT)
    if len(files) > ENTRIES_LIMIT:
        listing.refused["entries"] += 1
    for entry in files[:ENTRIES_LIMIT]:
        code = _add(listing, entry, log) if entry else ""
        if code:
            listing.refused[code] += 1
    return listing


def of_files(sizes: Mapping[str, int], log: EventLog) -> Listing:
    """Return the listing of plain files by path and size; the id of each is its path."""
    listing = Listing()
    for path, size in sizes.items():
        match = _STORE.fullmatch(path)
        code = "path"
        if match is not None:
            files = listing.stores.setdefault(match[1], StoreFiles())
            code = _add_file(files, match[1], match[2], Blob(path, size), log)
        if code:
            listing.refused[code] += 1
    return listing


def _fields(entry: bytes) -> tuple[str, str, str, int, str]:
    """Return mode, kind, id, size and path; a size that git does not know counts as far too large."""
    columns, _, path = entry.partition(b"\t")
    mode, kind, oid, size, *_ = [*columns.decode("ascii", "replace").split(), "", "", "", ""]
    return mode, kind, oid, int(size) if size.isdecimal() else 1 << 62, path.decode("utf-8", "replace")


def _add(listing: Listing, entry: bytes, log: EventLog) -> str:
    """Add one entry to the listing; return the code of its refusal, or an empty text."""
    mode, kind, oid, size, path = _fields(entry)
    if path.partition("/")[0] in listing.versions:
        return ""
    match = _STORE.fullmatch(path)
    if mode != "100644" or kind != "blob":
        return "mode"
    if match is None:
        return "path"
    return _add_file(listing.stores.setdefault(match[1], StoreFiles()), match[1], match[2], Blob(oid, size), log)


def _add_file(files: StoreFiles, store: str, path: str, blob: Blob, log: EventLog) -> str:
    segment = _SEGMENT.fullmatch(path)
    if segment is None:
        limit = {CERTIFICATE: CERTIFICATE_LIMIT, HEADS: HEADS_LIMIT}.get(path, FILE_LIMIT)
        code = _refusal(_FILE.fullmatch(path) is not None, blob, limit)
        if not code:
            files.files.setdefault(path, blob)
        return code
    agent, number = segment[1], int(segment[2])
    expected = os.path.basename(log.segment(Shard(store, agent), number))
    code = _refusal(number > 0 and os.path.basename(path) == expected, blob, SEGMENT_LIMIT)
    if not code:
        files.segments.setdefault(agent, {}).setdefault(number, blob)
    return code


def _refusal(known: bool, blob: Blob, limit: int) -> str:
    """Return the code of a file with an unknown path or too many bytes; an empty text if it is acceptable."""
    if not known:
        return "path"
    return "size" if blob.size > limit else ""
