"""What syncs leave in `.git` stays small without a gc, and beside one."""

from __future__ import annotations

import json
import os

import pytest

from tests.sync.clones import Clone, git
from tests.sync.conftest import Pair
from thrum_store.sync.cycle import PACK_EVERY


def due(clone: Clone) -> None:
    """Lets the next sync find that it is time to pack."""
    path = clone.root / ".thrum" / "var" / "sync.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**fields, "unpacked": PACK_EVERY}), encoding="utf-8")


def counted(clone: Clone) -> dict[str, int]:
    """What `git count-objects -v` says."""
    lines = (line.split(": ") for line in clone.git("count-objects", "-v").split("\n"))
    return {name: int(value) for name, value in lines if value.isdecimal()}


def test_when_it_is_time_the_objects_of_many_syncs_become_one_pack(pair: Pair) -> None:
    for number in range(3):
        pair.here.send("alice", f"packed {number}", "@bob")
        pair.here.sync()
    before = counted(pair.here)
    due(pair.here)
    pair.here.sync()
    after = counted(pair.here)
    assert after["packs"] == before["packs"] + 1
    assert after["count"] < before["count"] / 5
    assert pair.here.git("fsck", "--no-dangling") == ""
    pair.here.send("alice", "and on it goes", "@bob")
    assert pair.here.sync().pushed
    pair.there.sync()
    assert "and on it goes" in pair.there.contents()


def test_the_next_pack_holds_only_what_came_since(pair: Pair) -> None:
    due(pair.here)
    pair.here.sync()
    first = counted(pair.here)["in-pack"]
    pair.here.send("alice", "one more", "@bob")
    pair.here.sync()
    due(pair.here)
    pair.here.sync()
    assert 0 < counted(pair.here)["in-pack"] - first < 12


def test_packing_that_is_cut_short_is_finished_by_the_next_one(pair: Pair) -> None:
    due(pair.here)
    pair.here.killed_at("sync.packed")
    assert pair.here.git("fsck", "--no-dangling") == ""
    due(pair.here)
    assert pair.here.sync().sync_state == "synced"
    assert counted(pair.here)["prune-packable"] == 0
    assert pair.here.git("fsck", "--no-dangling") == ""


def test_a_users_own_gc_takes_nothing_away_from_it(pair: Pair) -> None:
    due(pair.here)
    pair.here.sync()
    git(pair.here.root, "gc", "--quiet", "--prune=now")
    pair.here.send("alice", "after the gc", "@bob")
    due(pair.here)
    assert pair.here.sync().pushed
    assert pair.here.git("fsck", "--no-dangling") == ""


def test_what_the_user_has_not_packed_stays_as_it_is(pair: Pair) -> None:
    (pair.here.root / "mine.txt").write_text("mine", encoding="utf-8")
    oid = pair.here.git("hash-object", "-w", "mine.txt")
    due(pair.here)
    pair.here.sync()
    assert os.path.exists(pair.here.root / ".git" / "objects" / oid[:2] / oid[2:])
    assert pair.here.git("cat-file", "-p", oid) == "mine"


@pytest.mark.nightly
@pytest.mark.timeout(0)
def test_600_syncs_of_5_messages_take_less_than_8_megabytes_of_disk(pair: Pair) -> None:
    top = pair.here.root / ".git"

    def taken() -> int:
        return sum(os.lstat(path).st_blocks for path in top.rglob("*")) * 512

    before = taken()
    for number in range(600):
        for one in range(5):
            pair.here.send("alice", f"The build is green and the branch is pushed, number {number}.{one}.", "@bob")
        pair.here.sync()
    assert taken() - before < 8_000_000
    assert pair.here.git("fsck", "--no-dangling") == ""
