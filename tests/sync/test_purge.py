"""What was purged on one clone goes on every clone and from the branch, and never comes back from an old one."""

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
    spoken(pair.here)
    pair.here.sync()
    pair.there.sync()
    assert in_branch(pair.remote) and traces(pair.there.logs)
    purged(pair.here)
    pair.here.sync()
    assert in_branch(pair.remote) == []
    pair.there.sync()
    assert traces(pair.there.logs) == [] and not any(SECRET in text for text in pair.there.contents())
    pair.here.send("alice", "after the purge", "@bob")
    pair.here.sync()
    pair.there.sync()
    assert "after the purge" in pair.there.contents()
    assert agreed(pair.here, pair.there)
    assert not pair.there.sync().committed and not pair.here.sync().committed


def test_a_clone_that_never_had_what_was_purged_goes_on_behind_it(pair: Pair) -> None:
    pair.here.send("alice", "known to both", "@bob")
    pair.here.sync()
    pair.there.sync()
    spoken(pair.here)
    purged(pair.here)
    pair.here.send("alice", "behind the cut", "@bob")
    pair.here.sync()
    pair.there.sync()
    assert "behind the cut" in pair.there.contents() and "known to both" not in pair.there.contents()
    fresh = pair.remote.clone("fresh")
    assert "behind the cut" in fresh.contents()
    pair.there.sync()
    assert agreed(pair.here, pair.there, fresh)


def test_an_old_clone_that_returns_brings_nothing_back(pair: Pair, tmp_path: Path) -> None:
    old = pair.remote.clone("old", "carl")
    spoken(pair.here)
    for clone in (pair.here, old, pair.there):
        clone.sync()
    before = pair.remote.tip
    purged(pair.here)
    pair.here.sync()
    pair.there.sync()
    pair.remote.point(before)  # and somebody sets the branch back as well
    old.send("carl", "back from holidays", "@alice")
    old.sync()
    for clone in (pair.here, old, pair.there, pair.here, old):
        clone.sync()
    assert in_branch(pair.remote) == []
    for clone in (pair.here, pair.there, old):
        assert traces(clone.logs) == []
        assert "back from holidays" in clone.contents()
    assert agreed(pair.here, pair.there, old)


def test_a_clone_that_may_not_take_it_in_keeps_nothing_purged_in_the_branch(pair: Pair) -> None:
    careful = pair.remote.clone("careful", initialize=False)
    careful.git("config", "--local", "thrum.trust", "none")
    careful.initialize()
    careful.join("carl")
    spoken(pair.here, 60)
    pair.here.sync()
    careful.sync()
    purged(pair.here)
    pair.here.sync()
    for number in range(2):
        careful.send("carl", f"I trust nobody {number}", "@everyone")
        careful.sync()
    pair.here.sync()
    assert in_branch(pair.remote) == []


@pytest.mark.parametrize("failpoint", ["admit.replaced", "purge.removed", "rebuild.filled", "sync.written"])
def test_a_purge_that_is_cut_short_while_it_arrives_is_finished_by_the_next_sync(pair: Pair, failpoint: str) -> None:
    pair.here.send("alice", "known to both", "@bob")
    pair.here.sync()
    pair.there.sync()
    spoken(pair.here, 80)
    purged(pair.here)
    pair.here.send("alice", "behind the cut", "@bob")
    pair.here.sync()
    pair.there.killed_at(failpoint)
    pair.there.sync()
    pair.here.sync()
    assert "behind the cut" in pair.there.contents()
    assert agreed(pair.here, pair.there)


def test_what_is_only_to_be_removed_is_removed_by_the_next_sync_too(pair: Pair) -> None:
    spoken(pair.here)
    pair.here.sync()
    pair.there.sync()
    purged(pair.here)
    pair.here.sync()
    pair.there.killed_at("rebuild.filled")
    pair.there.sync()
    assert traces(pair.there.logs) == [] and in_branch(pair.remote) == []
    assert agreed(pair.here, pair.there)


def test_somebody_elses_cut_cannot_be_forged(pair: Pair) -> None:
    pair.here.send("alice", "stays", "@bob")
    pair.here.sync()
    pair.there.sync()
    path = f"v1/{pair.here.store_id}/heads.json"
    forged = pair.remote.content(path).replace(b'"cuts":{}', b'"cuts":{"alice":9999}')
    assert forged != pair.remote.content(path)
    pair.remote.plant({path: forged})
    pair.there.sync()
    assert "stays" in pair.there.contents()
    assert pair.there.status().refused == {"signature": 1}
