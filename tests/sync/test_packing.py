"""Packing: the objects of syncs in `.git` stay small without a gc, and beside one."""

from __future__ import annotations

import json
import os

import pytest

from tests.sync.clones import Clone, git
from tests.sync.conftest import Pair
from thrum_store.sync.cycle import PACK_EVERY


def due(clone: Clone) -> None:
    """Let the next sync find that it is time to pack."""
    path = clone.root / ".thrum" / "var" / "sync.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**fields, "unpacked": PACK_EVERY}), encoding="utf-8")


def counted(clone: Clone) -> dict[str, int]:
    """Return the numbers of `git count-objects -v`."""
    lines = (line.split(": ") for line in clone.git("count-objects", "-v").split("\n"))
    return {name: int(value) for name, value in lines if value.isdecimal()}


def test_when_it_is_time_the_objects_of_many_syncs_become_one_pack(pair: Pair) -> None:
    for number in range(3):
        pair.ours.send("alice", f"packed {number}", "@bob")
        pair.ours.sync()
    before = counted(pair.ours)
    due(pair.ours)
    pair.ours.sync()
    after = counted(pair.ours)
    assert after["packs"] == before["packs"] + 1
    assert after["count"] < before["count"] / 5
    assert pair.ours.git("fsck", "--no-dangling") == ""
    pair.ours.send("alice", "and on it goes", "@bob")
    assert pair.ours.sync().pushed
    pair.theirs.sync()
    assert "and on it goes" in pair.theirs.contents()


def test_the_next_pack_holds_only_what_came_since(pair: Pair) -> None:
    due(pair.ours)
    pair.ours.sync()
    first = counted(pair.ours)["in-pack"]
    pair.ours.send("alice", "one more", "@bob")
    pair.ours.sync()
    due(pair.ours)
    pair.ours.sync()
    assert 0 < counted(pair.ours)["in-pack"] - first < 12


def test_packing_that_is_cut_short_is_finished_by_the_next_one(pair: Pair) -> None:
    due(pair.ours)
    pair.ours.killed_at("sync.packed")
    assert pair.ours.git("fsck", "--no-dangling") == ""
    due(pair.ours)
    assert pair.ours.sync().sync_state == "synced"
    assert counted(pair.ours)["prune-packable"] == 0
    assert pair.ours.git("fsck", "--no-dangling") == ""


def test_a_users_own_gc_takes_nothing_away_from_it(pair: Pair) -> None:
    due(pair.ours)
    pair.ours.sync()
    git(pair.ours.root, "gc", "--quiet", "--prune=now")
    pair.ours.send("alice", "after the gc", "@bob")
    due(pair.ours)
    assert pair.ours.sync().pushed
    assert pair.ours.git("fsck", "--no-dangling") == ""


def test_what_the_user_has_not_packed_stays_as_it_is(pair: Pair) -> None:
    (pair.ours.root / "mine.txt").write_text("mine", encoding="utf-8")
    oid = pair.ours.git("hash-object", "-w", "mine.txt")
    due(pair.ours)
    pair.ours.sync()
    assert os.path.exists(pair.ours.root / ".git" / "objects" / oid[:2] / oid[2:])
    assert pair.ours.git("cat-file", "-p", oid) == "mine"


@pytest.mark.nightly
@pytest.mark.timeout(0)
def test_600_syncs_of_5_messages_take_less_than_8_megabytes_of_disk(pair: Pair) -> None:
    top = pair.ours.root / ".git"

    def taken() -> int:
        return sum(os.lstat(path).st_blocks for path in top.rglob("*")) * 512

    before = taken()
    for number in range(600):
        for number in range(5):
            pair.ours.send("alice", f"The build is green and the branch is pushed, number {number}.{number}.", "@bob")
        pair.ours.sync()
    assert taken() - before < 8_000_000
    assert pair.ours.git("fsck", "--no-dangling") == ""
