"""Second copies: a hard link in var to each segment of our own, because the worktree of a-sync can be lost.

Until a sync, messages exist in that worktree alone, and one command of git removes or resets it. The link is made when
a segment begins, so a send pays nothing. A purge removes a copy before its segment, so nothing that was deleted comes
back. All methods need the shard's lock, but for those that only add a missing name.
"""

from __future__ import annotations

import os

from thrum_store.errors import StorageFailed
from thrum_store.machine.links import link, same

from .events import HEADER_LIMIT, InvalidLine, decode, decode_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Storage

_SUFFIX = ".jsonl"


def _readable(data: bytes) -> int:
    """Return how many bytes of a segment are whole lines of one chain."""
    try:
        header, at = decode_header(data[:HEADER_LIMIT])
    except InvalidLine:
        return 0
    seq, before = header.place.seq, header.place.before
    while (end := data.find(b"\n", at)) >= 0:
        try:
            event = decode(data[at:end])
        except InvalidLine:
            break
        if (event.seq, event.before) != (seq, before):
            break
        seq, before, at = seq + 1, event.hash, end + 1
    return at


class SecondCopies:
    """The second copies, in `copies`, of the segments below `logs`; an empty `copies` keeps none."""

    def __init__(self, logs: str, copies: str, storage: Storage) -> None:
        self._logs, self._copies, self._storage = logs, copies, storage

    def of(self, path: str) -> str:
        """Return the path of the copy of a segment, or of the copies of a shard."""
        return f"{self._copies}{path.removeprefix(self._logs)}"

    def keep(self, segment: str) -> bool:
        """Make the copy of a segment; return False where the file system has no hard links."""
        copy = self.of(segment)
        if not self._copies or same(segment, copy):
            return True
        self._storage.directory(os.path.dirname(copy))
        try:
            return link(self._storage, segment, copy)
        except FileNotFoundError:
            raise StorageFailed(f"{segment} was removed while it was written") from None

    def drop(self, segment: str) -> None:
        """Remove the copy of a segment, durably, before the segment itself is removed or replaced."""
        copy = self.of(segment)
        if self._copies and self._storage.size(copy) >= 0:
            self._storage.remove(copy)
            self._storage.sync_directory(os.path.dirname(copy))

    def forget(self, store: str) -> None:
        """Remove all copies of a store."""
        for shard in self._shards(store):
            for name in self._names(self.of(shard)):
                self.drop(os.path.join(shard, name))

    def replace(self, segment: str, data: bytes) -> None:
        """Replace a segment, whose old bytes must not come back, and copy the new one if the old one had a copy."""
        kept = bool(self._copies) and self._storage.size(self.of(segment)) >= 0
        self.drop(segment)
        self._storage.replace(segment, data)
        if kept:
            self.keep(segment)

    # restoring

    def check_lost(self, segment: str) -> None:
        """Bring a lost segment back in place of one that is about to begin. Raises StorageFailed if there was one."""
        if self._copies and self._storage.size(self.of(segment)) >= 0 and self._storage.size(segment) < 0:
            link(self._storage, self.of(segment), segment)
            raise StorageFailed(f"{segment} was lost; it is back")

    def settle(self, shard: str, purged: int = 0) -> int:
        """Restore what is lost of a shard, and copy what has no copy; return how many names each segment has now.

        `shard` is the directory of its segments.
        """
        if not self._copies:
            return 1
        self.restore(shard, purged)
        linked = [self.keep(os.path.join(shard, name)) for name in self._names(shard)]
        return 2 if all(linked) else 1

    def restore(self, shard: str, purged: int = 0) -> bool:
        """Restore the segments of a shard that are missing or were replaced; return whether there were any.

        `purged` is the shard's purge mark: a version that knew no copies may have left those that end before it.
        """
        names = self._names(self.of(shard)) if self._copies else []
        for name, after in zip(names, names[1:], strict=False):
            if 0 < self._first(os.path.join(self.of(shard), after)) <= purged + 1:
                self.drop(os.path.join(shard, name))
        return sum(self._restored(os.path.join(shard, name)) for name in self._names(self.of(shard))) > 0

    def _restored(self, segment: str) -> bool:
        copy = self.of(segment)
        if same(segment, copy):
            return False
        if self._storage.size(segment) >= 0 and self._is_newer(segment, copy):
            self.keep(segment)
            return False
        self._storage.directory(os.path.dirname(segment))
        return link(self._storage, copy, segment)

    def _is_newer(self, segment: str, copy: str) -> bool:
        """Return whether a segment is better than its copy: purged further, or longer, or less damaged."""
        purged, known = self._first(segment), self._first(copy)
        ours, kept = self._storage.read(segment), self._storage.read(copy)
        if purged and known and purged != known:
            return purged > known
        return len(ours) >= len(kept) if ours[: len(kept)] == kept[: len(ours)] else _readable(ours) >= _readable(kept)

    def _first(self, path: str) -> int:
        """Return the sequence of a file's first event, or 0 without a whole header."""
        try:
            return decode_header(self._storage.read(path, 0, HEADER_LIMIT))[0].place.seq
        except (FileNotFoundError, InvalidLine):
            return 0

    def restore_missing(self, store: str) -> None:
        """Give each lost segment of a store its name back. Needs no lock: nothing is replaced."""
        for shard in self._shards(store):
            for name in self._names(self.of(shard)):
                segment = os.path.join(shard, name)
                if self._storage.size(segment) < 0:
                    self._storage.directory(shard)
                    link(self._storage, self.of(segment), segment)

    # looking

    def unsettled(self, store: str) -> list[str]:
        """Return the names of the agents of a store that lack a segment, or the copy of one."""
        listing = self._storage.listing
        agents = {*listing(os.path.join(self._logs, store)), *listing(os.path.join(self._copies, store))}
        shards = ((name, os.path.join(self._logs, store, name)) for name in sorted(agents) if "." not in name)
        return [name for name, shard in shards if self._copies and not self._is_settled(shard)]

    def _is_settled(self, shard: str) -> bool:
        segments = (os.path.join(shard, name) for name in {*self._names(shard), *self._names(self.of(shard))})
        return all(same(segment, self.of(segment)) for segment in segments)

    def _shards(self, store: str) -> list[str]:
        agents = self._storage.listing(os.path.join(self._copies, store)) if self._copies else []
        return [os.path.join(self._logs, store, agent) for agent in agents]

    def _names(self, directory: str) -> list[str]:
        return [name for name in self._storage.listing(directory) if name.endswith(_SUFFIX)]
