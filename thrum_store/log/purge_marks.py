"""Purge cuts: how far each shard was purged. A cut only ever rises, and outlives what it removed (reliability §6.5).

`.thrum/var/cuts.json` holds {"<store>/<agent>": sequence}. A purge raises those of our own shards, which sync then
publishes signed; a sync raises those that other stores signed for their own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from thrum_store.machine.host import Host

from .segments import Shard

_FILE = "cuts.json"


def read(var: str, host: Host) -> dict[Shard, int]:
    """The last purged sequence of every shard that has a cut; `var` is the directory .thrum/var."""
    try:
        told: dict[str, int] = json.loads(host.storage.read(os.path.join(var, _FILE)))
    except FileNotFoundError:
        return {}
    return {Shard(*name.split("/", 1)): seq for name, seq in told.items()}


def raise_to(var: str, host: Host, cuts: Mapping[Shard, int]) -> dict[Shard, int]:
    """Raises cuts, durably; one that is higher already stays. Returns those that rose.

    Raises StoreBusy, DiskFull or StorageFailed: then nothing changed.
    """
    with host.lock(os.path.join(var, "cuts.lock")):
        known = read(var, host)
        risen = {shard: seq for shard, seq in cuts.items() if seq > known.get(shard, 0)}
        if risen:
            told = {f"{shard.store}/{shard.agent}": seq for shard, seq in sorted({**known, **risen}.items())}
            host.storage.replace(os.path.join(var, _FILE), json.dumps(told, indent=1).encode() + b"\n")
    return risen
