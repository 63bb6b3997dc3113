"""What `thrum doctor` finds in the sync: that it fails, and logs of other clones that it does not read any further."""

from __future__ import annotations

from collections.abc import Iterator

from thrum_store.store import Store
from thrum_store.sync import state
from thrum_store.sync.state import shard_of

from .findings import Found, note

_ITS_OWN = "all else goes on; its own clone puts it right with its next sync"
_TWO = "all else goes on; ours stays, and the clone that was copied takes new keys with its next sync"


def exchange(store: Store) -> Iterator[Found]:
    """Notes where something is wrong; nothing where all is well or where there was no sync yet. Asks no remote."""
    remembered = state.load(store.paths.var, store.host)
    if remembered.last_error is not None:
        yield note("sync", f"the last one failed: {remembered.last_error}", remembered.last_error_hint)
    for key, one in sorted(remembered.frozen.items()):
        shard = shard_of(key)
        what = f"the log of @{shard.agent} ({shard.store[:8]}) is not taken in after event {one.seq}: {one.why}"
        yield note("sync", what, _TWO if one.code == "diverged" else _ITS_OWN)
