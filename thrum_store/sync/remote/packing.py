"""The objects of many syncs, put into one pack: each of them alone takes a block of the disk (docs/decisions/0019).

Only what our own branch reaches is packed, and only files go away that are in a pack: as git's own gc does it, and so
beside any git that the user runs. Killed anywhere in between, it leaves nothing that counts.
"""

from __future__ import annotations

from thrum_store.sync.state import State

from .branch import Branch

EVERY = 64  # moves of our branch


def pack_when_due(remembered: State, branch: Branch) -> None:
    """Packs what came since the last time, once our branch has moved often enough. Only under sync.lock.

    Raises GitFailed or StorageFailed: then the objects stay as they are, until it is due again.
    """
    if remembered.unpacked < EVERY:
        return
    remembered.unpacked = 0
    ours, _ = branch.tips()
    if ours.commit:
        branch.pack(ours.commit, remembered.packed)
        remembered.packed = ours.commit
