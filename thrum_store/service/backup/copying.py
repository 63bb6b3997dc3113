"""The copying of a store's files into a new folder; nobody may change them meanwhile but by appending."""

from __future__ import annotations

import os
from hashlib import sha256

from thrum_store.errors import NotFound, StorageFailed
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.host import Host
from thrum_store.repository.paths import STORE_KEY
from thrum_store.store import Store
from thrum_store.sync.wire import signed_files
from thrum_store.values import NamedTuple

from . import archive, saved_files
from .archive import LOGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Copied(NamedTuple):
    """The logs of a copy: their ends as the view has them, and why each of the frozen ones stops."""

    ends: dict[Shard, ShardPosition]
    frozen: dict[Shard, str]


class Writer:
    """Writes the files of a copy, and remembers their sizes and hashes. They are durable after `sync`."""

    def __init__(self, folder: str, host: Host) -> None:
        self._folder, self._storage = folder, host.storage
        self._directories: set[str] = {folder}
        self.files: dict[str, tuple[int, str]] = {}

    def write(self, name: str, data: bytes) -> None:
        """Write one file."""
        path = os.path.join(self._folder, name)
        above = os.path.dirname(path)
        self._storage.directory(above)
        self._storage.replace_unsynced(path, data)
        self._directories.add(above)
        self.files[name] = (len(data), sha256(data).hexdigest())

    def sync(self) -> None:
        """Make everything survive a power cut."""
        for name in self.files:
            self._storage.sync(os.path.join(self._folder, name))
        for directory in self._directories:
            self._storage.sync_directory(directory)


def files(store: Store, copied: Copied, warnings: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a backup with their contents, but for the key; warn of those that cannot be read."""
    for shard in store.log.shards():
        yield from _segments(store, shard, copied, warnings)
    for owner in store.host.storage.listing(store.log.root):
        for path in (signed_files.CERTIFICATE, signed_files.HEADS):
            data = signed_files.read(store, owner, path)
            if data:
                yield f"{LOGS}/{owner}/{path}", data
        heads = signed_files.heads(store, owner)
        if heads is not None:
            contents = signed_files.signed_contents(store, owner, heads)
            yield from ((f"{LOGS}/{owner}/{path}", data) for path, data in contents.items())
    yield from saved_files.collected(store.paths, store.host, warnings).items()


def private_key(store: Store) -> bytes:
    """Return the private key of this store, as its file has it. Raises NotFound."""
    try:
        return store.host.storage.read(store.paths.in_var(STORE_KEY))
    except FileNotFoundError:
        raise NotFound("the private key of this store is lost", hint="leave --with-keys out: `thrum backup`") from None


def _segments(store: Store, shard: Shard, copied: Copied, warnings: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the segments of a log up to its end in the view; of a frozen one everything."""
    end = copied.ends.get(shard, ShardPosition())
    for number in store.purged_log.numbers(shard):
        path = store.log.segment(shard, number)
        if shard not in copied.frozen and number > end.segment:
            continue
        limit = end.offset if number == end.segment and shard not in copied.frozen else -1
        try:
            data = store.host.storage.read(path, 0, limit)
        except FileNotFoundError:  # a hole in a damaged log
            continue
        except StorageFailed as error:
            warnings.append(f"a part of the log of {shard.agent!r} is not in the backup: {error.message}")
            continue
        name = f"{LOGS}{path.removeprefix(store.log.root)}"
        if archive.is_allowed(name):
            yield name, data
