"""Purges across clones: purged messages leave every clone and the branch, and never come back from an old clone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sync.clones import Clone, Remote
from tests.sync.conftest import Pair
from thrum_store.service.upkeep import purge
from thrum_store.service.upkeep.purge import Purge

SECRET = "the canary sings"


def purged(clone: Clone) -> None:
    """Everything that the clone's own agents said goes."""
    with clone.open() as store:
        purge.purge(store, Purge(everything=True, confirm=True))


def spoken(clone: Clone, count: int = 3) -> None:
    for number in range(count):
        clone.send("alice", f"{SECRET} {number} {'la ' * 200}", "@bob")


def traces(where: Path) -> list[str]:
    """Log files that hold the secret."""
    return [str(path) for path in where.rglob("*.jsonl") if SECRET.encode() in path.read_bytes()]


def in_branch(remote: Remote) -> list[str]:
    return [path for path in remote.files() if SECRET.encode() in remote.content(path)]


def agreed(*clones: Clone) -> bool:
    return all(clone.view() == clones[0].view() and not clone.status().frozen for clone in clones)


def test_a_purge_reaches_the_branch_and_the_other_clones(pair: Pair) -> None:
    spoken(pair.ours)
    pair.ours.sync()
    pair.theirs.sync()
    assert in_branch(pair.remote) and traces(pair.theirs.logs)
    purged(pair.ours)
    pair.ours.sync()
    assert in_branch(pair.remote) == []
    pair.theirs.sync()
    assert traces(pair.theirs.logs) == [] and not any(SECRET in text for text in pair.theirs.contents())
    pair.ours.send("alice", "after the purge", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    assert "after the purge" in pair.theirs.contents()
    assert agreed(pair.ours, pair.theirs)
    assert not pair.theirs.sync().committed and not pair.ours.sync().committed


def test_a_clone_that_never_had_what_was_purged_goes_on_behind_it(pair: Pair) -> None:
    pair.ours.send("alice", "known to both", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    spoken(pair.ours)
    purged(pair.ours)
    pair.ours.send("alice", "behind the cut", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    assert "behind the cut" in pair.theirs.contents() and "known to both" not in pair.theirs.contents()
    fresh = pair.remote.clone("fresh")
    assert "behind the cut" in fresh.contents()
    pair.theirs.sync()
    assert agreed(pair.ours, pair.theirs, fresh)


def test_an_old_clone_that_returns_brings_nothing_back(pair: Pair, tmp_path: Path) -> None:
    old = pair.remote.clone("old", "carl")
    spoken(pair.ours)
    for clone in (pair.ours, old, pair.theirs):
        clone.sync()
    before = pair.remote.tip
    purged(pair.ours)
    pair.ours.sync()
    pair.theirs.sync()
    pair.remote.point(before)  # and somebody sets the branch back as well
    old.send("carl", "back from holidays", "@alice")
    old.sync()
    for clone in (pair.ours, old, pair.theirs, pair.ours, old):
        clone.sync()
    assert in_branch(pair.remote) == []
    for clone in (pair.ours, pair.theirs, old):
        assert traces(clone.logs) == []
        assert "back from holidays" in clone.contents()
    assert agreed(pair.ours, pair.theirs, old)


def test_a_clone_that_may_not_take_it_in_keeps_nothing_purged_in_the_branch(pair: Pair) -> None:
    careful = pair.remote.clone("careful", initialize=False)
    careful.git("config", "--local", "thrum.trust", "none")
    careful.initialize()
    careful.join("carl")
    spoken(pair.ours, 60)
    pair.ours.sync()
    careful.sync()
    purged(pair.ours)
    pair.ours.sync()
    for number in range(2):
        careful.send("carl", f"I trust nobody {number}", "@everyone")
        careful.sync()
    pair.ours.sync()
    assert in_branch(pair.remote) == []


@pytest.mark.parametrize("failpoint", ["admit.replaced", "purge.removed", "rebuild.filled", "sync.written"])
def test_a_purge_that_is_cut_short_while_it_arrives_is_finished_by_the_next_sync(pair: Pair, failpoint: str) -> None:
    pair.ours.send("alice", "known to both", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    spoken(pair.ours, 80)
    purged(pair.ours)
    pair.ours.send("alice", "behind the cut", "@bob")
    pair.ours.sync()
    pair.theirs.killed_at(failpoint)
    pair.theirs.sync()
    pair.ours.sync()
    assert "behind the cut" in pair.theirs.contents()
    assert agreed(pair.ours, pair.theirs)


def test_what_is_only_to_be_removed_is_removed_by_the_next_sync_too(pair: Pair) -> None:
    spoken(pair.ours)
    pair.ours.sync()
    pair.theirs.sync()
    purged(pair.ours)
    pair.ours.sync()
    pair.theirs.killed_at("rebuild.filled")
    pair.theirs.sync()
    assert traces(pair.theirs.logs) == [] and in_branch(pair.remote) == []
    assert agreed(pair.ours, pair.theirs)


def test_somebody_elses_cut_cannot_be_forged(pair: Pair) -> None:
    pair.ours.send("alice", "stays", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    path = f"v1/{pair.ours.store_id}/heads.json"
    forged = pair.remote.content(path).replace(b'"cuts":{}', b'"cuts":{"alice":9999}')
    assert forged != pair.remote.content(path)
    pair.remote.plant({path: forged})
    pair.theirs.sync()
    assert "stays" in pair.theirs.contents()
    assert pair.theirs.status().refused == {"signature": 1}
