"""Purge marks: up to which event each shard was purged. A mark only ever rises, and outlives the events it removed.

`cuts.json` in var holds {"<store>/<agent>": sequence}. A purge raises the marks of our own shards, which sync then
publishes signed; a sync raises those that other stores signed for their own.

`floors.json` has the same form. A floor hides the older messages in a log of another store, on this machine alone: the
log stays and travels on.
"""

from __future__ import annotations

import os

from thrum_store import values
from thrum_store.errors import Corrupted
from thrum_store.repository.paths import PURGE_LOCK, PURGE_MARKS

from .segments import Shard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from thrum_store.machine.host import Host


def read(var: str, host: Host, name: str = PURGE_MARKS) -> dict[Shard, int]:
    """Return the last purged sequence of every shard that has a mark; `var` is the directory .git/thrum-sync/var.

    Raises Corrupted.
    """
    path = os.path.join(var, name)
    try:
        fields: dict[str, int] = values.loads(host.storage.read(path))
        return {Shard(*name.split("/", 1)): int(seq) for name, seq in fields.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise Corrupted(path, "it does not hold a sequence for each log") from error


def raise_to(var: str, host: Host, marks: Mapping[Shard, int], name: str = PURGE_MARKS) -> dict[Shard, int]:
    """Raise marks (or floors), durably; one that is higher already stays. Returns those that rose.

    Raises StoreBusy, DiskFull or StorageFailed: then nothing changed.
    """
    with host.lock(os.path.join(var, PURGE_LOCK)):
        known = read(var, host, name)
        risen = {shard: seq for shard, seq in marks.items() if seq > known.get(shard, 0)}
        if risen:
            fields = {f"{shard.store}/{shard.agent}": seq for shard, seq in sorted({**known, **risen}.items())}
            host.storage.replace(os.path.join(var, name), values.readable(fields).encode() + b"\n")
    return risen


class PurgeMarks:
    """The marks (or floors) of all shards, read again whenever their file `name` has changed."""

    def __init__(self, var: str, host: Host, name: str = PURGE_MARKS) -> None:
        self._var, self._host, self._name = var, host, name
        self._path = os.path.join(var, name)
        self._stamp: tuple[int, int] | None = None
        self._known: dict[Shard, int] = {}

    def of(self, shard: Shard) -> int:
        """Return the last purged sequence of a shard; 0 for none."""
        return self.all().get(shard, 0)

    def all(self) -> dict[Shard, int]:
        """Return the last purged sequence of every shard that has a mark."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return {}
        stamp = (status.st_ino, status.st_mtime_ns)
        if stamp != self._stamp:
            self._known, self._stamp = read(self._var, self._host, self._name), stamp
        return self._known
