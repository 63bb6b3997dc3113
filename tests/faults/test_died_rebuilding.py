"""A rebuild that dies leaves the view that was there, and the next process makes one; nobody has to remove anything."""

from __future__ import annotations

import os

import pytest

from tests.conftest import Two
from thrum_store.repository.paths import VIEW_POINTER, Paths
from thrum_store.store import Store

from .crowd import Speaker, sound


@pytest.mark.parametrize("times", [1, 3])
def test_after_rebuilds_that_died_the_next_process_makes_the_view(
    repo: Paths, store: Store, two_agents: Two, times: int
) -> None:
    os.unlink(os.path.join(repo.var, VIEW_POINTER))
    for _ in range(times):
        dead = Speaker(repo, "alice", "send", "bob", THRUM_TESTING="1", THRUM_FAILPOINT="rebuild.filled:kill")
        assert dead.wait() == -9
    assert Speaker(repo, "alice", "send", "bob").wait() == 0
    sound(repo)
    store.rebuild()
    store.rebuild()
    views = {name.split(".db")[0] for name in os.listdir(repo.var) if name.startswith("p-v")}
    assert len(views) == 2  # the one that counts, and the one before for those who still read it


@pytest.mark.parametrize("error", ["eio", "enospc"])
def test_a_rebuild_that_cannot_be_written_says_so_and_leaves_nothing(
    repo: Paths, store: Store, two_agents: Two, error: str
) -> None:
    os.unlink(os.path.join(repo.var, VIEW_POINTER))
    before = sorted(os.listdir(repo.var))
    failed = Speaker(repo, "alice", "send", "bob", THRUM_TESTING="1", THRUM_FAILPOINT=f"rebuild.filled:{error}")
    assert failed.wait() == 1
    assert failed.heard[0]["error"] == {"eio": "storage_failed", "enospc": "disk_full"}[error]
    assert sorted(os.listdir(repo.var)) == before
    sound(repo)
