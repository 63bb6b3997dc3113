"""Which store this clone is: `.thrum/var/store.json`. It changes once in a lifetime at most, while others look on."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager

from thrum_store.errors import Damaged, NotInitialized
from thrum_store.machine.host import Host, Lock
from thrum_store.machine.storage import Storage

from .paths import LOG_CREATION_LOCK, STORE_FILE, Paths


class StoreId:
    """This clone's store; looks at the file again when it was replaced."""

    def __init__(self, paths: Paths, host: Host) -> None:
        self._paths, self._host = paths, host
        self._path = paths.in_var(STORE_FILE)
        self._stamp: tuple[int, int] | None = None
        self._known = ""

    def now(self) -> str:
        """The id of the store. Raises NotInitialized, or Damaged where the file says none."""
        try:
            found = os.stat(self._path)
            stamp = (found.st_ino, found.st_mtime_ns)
            if stamp != self._stamp:
                self._known = str(json.loads(self._host.storage.read(self._path))["store"])
                self._stamp = stamp
        except FileNotFoundError:
            raise NotInitialized(self._paths.root) from None
        except (ValueError, TypeError, KeyError):
            raise Damaged(self._path, "it does not say which store this is") from None
        return self._known

    @contextmanager
    def beginning(self, agent: str) -> Generator[str]:
        """The id of the store, which stays the same inside; only under the shard's lock. Raises as `now`.

        A renewal takes the locks of the logs that are there; while one may begin, it waits, or is waited for.
        """
        own = self.now()
        if os.path.isdir(os.path.join(self._paths.logs, own, agent)):
            yield own
        else:
            with beginnings(self._paths, self._host):
                yield self.now()


def beginnings(paths: Paths, host: Host) -> Lock:
    """The lock without which no log of this clone begins."""
    return host.lock(paths.in_var(LOG_CREATION_LOCK))


def former(paths: Paths, host: Host) -> frozenset[str]:
    """The stores that this clone was before: it wrote them, and may not any more."""
    try:
        return frozenset(map(str, json.loads(host.storage.read(paths.in_var(STORE_FILE)))["former"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return frozenset()


def signed(logs: str, own: str, storage: Storage) -> dict[str, int]:
    """The last event of each log of a store that it signed, by agent; what cannot be read says nothing."""
    try:
        told = json.loads(storage.read(os.path.join(logs, own, "heads.json")))["shards"]
        return {str(agent): int(seq) for agent, (_, seq, _) in told.items()}
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return {}
