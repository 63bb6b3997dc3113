"""A store's own certificate and signed heads, lost or set back in the worktree of a-sync: its messages still travel."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.sync.clones import BRANCH, Clone, Remote
from tests.sync.conftest import Pair
from thrum_store.service.team import context_sharing, contexts


def the_worktree_goes(clone: Clone) -> None:
    shutil.rmtree(clone.logs.parent)


def every_log_goes(clone: Clone) -> None:
    shutil.rmtree(clone.logs)


def git_cleans_it(clone: Clone) -> None:
    clone.git("-C", str(clone.logs.parent), "clean", "-fdxq")


def files_go(*names: str) -> Callable[[Clone], None]:
    def removal(clone: Clone) -> None:
        for name in names:
            (clone.logs / clone.store_id / name).unlink(missing_ok=True)

    return removal


def files_rot(*names: str) -> Callable[[Clone], None]:
    def damage(clone: Clone) -> None:
        for name in names:
            (clone.logs / clone.store_id / name).write_text("x", encoding="utf-8")

    return damage


def files_are_older(clone: Clone) -> None:
    clone.git("-C", str(clone.logs.parent), "checkout", "-q", f"{BRANCH}~2", "--", ".")


LOSSES = {
    "the worktree": the_worktree_goes,
    "every log": every_log_goes,
    "certificate": files_go("store.json"),
    "heads": files_go("heads.json"),
    "both": files_go("store.json", "heads.json"),
    "a rotten certificate": files_rot("store.json"),
    "rotten heads": files_rot("heads.json"),
}


def _two_with_a_past(pair: Pair) -> None:
    for number in range(3):
        pair.ours.send("alice", f"before {number}", "@bob")
        pair.ours.sync()
    pair.theirs.sync()


@pytest.mark.parametrize("loss", [*LOSSES.values(), files_are_older], ids=[*LOSSES, "older files"])
@pytest.mark.parametrize("branch_goes", [False, True], ids=["", "with the branch"])
def test_after_a_sync_messages_still_reach_the_others(
    pair: Pair, loss: Callable[[Clone], None], branch_goes: bool
) -> None:
    _two_with_a_past(pair)
    loss(pair.ours)
    if branch_goes:
        pair.ours.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    pair.ours.send("alice", "after", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    assert "after" in pair.theirs.contents()
    pair.ours.send("alice", "later", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    assert "later" in pair.theirs.contents()


@pytest.mark.parametrize("loss", [*LOSSES.values(), git_cleans_it], ids=[*LOSSES, "git clean"])
def test_before_the_first_sync_the_branch_is_still_one_of_thrums(remote: Remote, loss: Callable[[Clone], None]) -> None:
    unsynced, reader = remote.clone("here", "alice"), remote.clone("there")
    unsynced.send("alice", "first", "@everyone")
    loss(unsynced)
    unsynced.send("alice", "second", "@everyone")
    unsynced.sync()
    reader.sync()
    assert {"first", "second"} <= reader.contents()


@pytest.mark.parametrize("loss", [the_worktree_goes, every_log_goes, files_go("alice/context.md")])
def test_a_shared_context_that_was_lost_stays_in_the_branch(pair: Pair, loss: Callable[[Clone], None]) -> None:
    with pair.ours.open() as store:
        contexts.save(store, "alice", "where I was")
        context_sharing.share(store, "alice")
    pair.ours.sync()
    loss(pair.ours)
    pair.ours.send("alice", "after", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    with pair.theirs.open() as store:
        assert contexts.show(store, f"alice@{pair.ours.store_id[:8]}").content == "where I was"
    assert [path for path in pair.remote.files() if path.endswith("alice/context.md")]


@pytest.mark.parametrize("name", ["store.json", "heads.json"])
def test_another_stores_signature_that_rotted_is_taken_in_again(pair: Pair, name: str) -> None:
    _two_with_a_past(pair)
    rotten = pair.theirs.logs / pair.ours.store_id / name
    kept = rotten.read_bytes()
    rotten.write_text("x", encoding="utf-8")
    pair.ours.send("alice", "after", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    assert "after" in pair.theirs.contents()
    assert (rotten.read_bytes() == kept) == (name == "store.json")


def test_alone_heads_count_on_until_a_remote_is_there_again(pair: Pair) -> None:
    _two_with_a_past(pair)
    config = pair.ours.root / ".thrum" / "config.json"
    synced = config.read_text(encoding="utf-8")
    config.write_text('{"local_only": true}', encoding="utf-8")
    files_go("heads.json")(pair.ours)
    pair.ours.send("alice", "alone", "@bob")
    pair.ours.sync()
    config.write_text(synced, encoding="utf-8")
    pair.ours.sync()
    pair.theirs.sync()
    assert "alone" in pair.theirs.contents()
