"""What was said on one clone is known on the others, whoever began and however often they meet."""

from __future__ import annotations

import os
import select
import shutil

import pytest

from tests.sync.clones import Clone, Remote, git
from tests.sync.conftest import Pair
from thrum_store import presence_state
from thrum_store.machine.bells import Bell
from thrum_store.model import Caller
from thrum_store.repository import paths
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.sent import show_sent
from thrum_store.service.team import contexts
from thrum_store.service.upkeep import syncing
from thrum_store.sync.remote.branch import Unreachable


def converged(*clones: Clone) -> bool:
    """Whether all of them show the same, with nothing refused or stopped anywhere."""
    views = [clone.view() for clone in clones]
    told = [clone.status() for clone in clones]
    return all(view == views[0] for view in views) and not any(one.frozen or one.refused for one in told)


def test_a_message_reaches_the_other_clone_and_its_receipt_comes_back(pair: Pair) -> None:
    sent = pair.here.send("alice", "ready for review", "@bob")
    pair.here.sync()
    pair.there.sync()
    with pair.there.open() as store:
        mailbox.mark_read(store, Caller("bob"), mailbox.MarkRead((sent,)))
    pair.there.sync()
    pair.here.sync()
    assert converged(pair.here, pair.there)
    with pair.here.open() as store:
        (recipient,) = show_sent(store, Caller("alice"), sent).message.recipients
    assert recipient.read_at is not None


def test_two_clones_that_both_began_before_either_pushed_both_publish(remote: Remote) -> None:
    here, there = remote.clone("here", "alice"), remote.clone("there", "bob")
    here.send("alice", "from here", "@everyone")
    there.send("bob", "from there", "@everyone")
    assert here.sync().pushed
    assert there.sync().pushed
    assert here.sync().taken == 2
    assert converged(here, there)
    assert here.contents() == {"from here", "from there"}


def test_a_fresh_clone_adopts_the_history_when_it_is_set_up(pair: Pair) -> None:
    pair.here.send("alice", "said before you came", "@bob")
    pair.here.sync()
    fresh = pair.remote.clone("fresh", initialize=False)
    done = fresh.initialize()
    assert any("of its history" in step for step in done.steps)
    assert "said before you came" in fresh.contents()
    fresh.join("newcomer")
    fresh.send("newcomer", "hello", "@alice")
    assert fresh.sync().pushed
    pair.here.sync()
    assert "hello" in pair.here.contents()


def test_a_clone_made_before_the_branch_existed_joins_it(remote: Remote) -> None:
    late = remote.clone("late", initialize=False)
    early = remote.clone("early", "alice")
    early.send("alice", "first", "@everyone")
    early.sync()
    late.initialize()
    late.join("bob")
    late.sync()
    early.sync()
    assert converged(early, late)


def test_an_idle_sync_commits_nothing_and_pushes_nothing(pair: Pair) -> None:
    pair.there.sync()
    before = pair.remote.tip, pair.here.git("rev-parse", "a-sync"), pair.there.git("rev-parse", "a-sync")
    for clone in (pair.here, pair.there) * 3:
        done = clone.sync()
        assert not done.committed and not done.pushed and not done.taken
    assert before == (pair.remote.tip, pair.here.git("rev-parse", "a-sync"), pair.there.git("rev-parse", "a-sync"))


def test_what_could_not_be_pushed_is_pushed_by_the_next_sync(pair: Pair) -> None:
    pair.here.send("alice", "through an outage", "@bob")
    moved = pair.remote.root.rename(pair.remote.root.with_name("away.git"))
    with pytest.raises(Unreachable):
        pair.here.sync()
    told = pair.here.status()
    assert told.sync_state == "error" and told.ahead == 1
    moved.rename(pair.remote.root)
    assert pair.here.sync().pushed
    assert pair.here.status().ahead == 0


def test_local_only_commits_here_and_talks_to_nobody(remote: Remote) -> None:
    clone = remote.clone("quiet", initialize=False)
    clone.initialize(local_only=True)
    clone.join("alice")
    clone.send("alice", "to myself", "@everyone")
    done = clone.sync()
    assert done.local_only and done.committed and not done.pushed
    assert remote.tip == ""
    assert clone.git("for-each-ref", "refs/thrum") == ""


def test_the_users_branch_index_stash_and_worktrees_are_untouched(pair: Pair) -> None:
    root = pair.here.root
    (root / "staged.py").write_text("staged", encoding="utf-8")
    git(root, "add", "staged.py")
    (root / "main.py").write_text("stashed", encoding="utf-8")
    git(root, "stash", "push", "--quiet", "main.py")
    (root / "main.py").write_text("dirty", encoding="utf-8")

    def seen() -> tuple[str, ...]:
        index = (root / ".git" / "index").read_bytes().hex()
        told = [git(root, *command) for command in (("status", "--porcelain"), ("stash", "list"), ("worktree", "list"))]
        refs = git(
            root, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/main", "refs/remotes/origin/main"
        )
        return index, *(line.replace(git(root, "rev-parse", "--short", "a-sync"), "") for line in told), refs

    before = seen()
    pair.here.send("alice", "sync me", "@bob")
    pair.here.sync()
    pair.there.send("bob", "and me", "@alice")
    pair.there.sync()
    pair.here.sync()
    assert seen() == before
    assert git(root, "fsck", "--no-dangling") == ""


def test_a_linked_worktree_syncs_the_same_store(pair: Pair) -> None:
    other = pair.here.root.parent / "linked"
    git(pair.here.root, "worktree", "add", "--quiet", "-b", "feature", str(other))
    linked = Clone(other)
    linked.initialize()
    assert paths.find(str(other)).thrum == os.fspath(pair.here.root / ".thrum")
    pair.here.send("alice", "from the main worktree", "@bob")
    assert linked.sync().pushed
    pair.there.sync()
    assert "from the main worktree" in pair.there.contents()


def test_a_restored_backup_takes_up_its_own_log_where_the_branch_has_more(pair: Pair) -> None:
    backup = pair.here.root.parent / "backup"
    shutil.copytree(pair.here.root, backup, symlinks=True)
    pair.here.send("alice", "after the backup", "@bob")
    pair.here.sync()
    shutil.rmtree(pair.here.root)
    backup.rename(pair.here.root)
    pair.here.sync()
    assert "after the backup" in pair.here.contents()
    pair.here.send("alice", "and on it goes", "@bob")
    pair.here.sync()
    pair.there.sync()
    assert converged(pair.here, pair.there)


@pytest.mark.parametrize("broken", ["gone", "lost"])
def test_a_branch_that_was_lost_here_is_made_again_from_the_logs(pair: Pair, broken: str) -> None:
    if broken == "gone":
        pair.here.git("update-ref", "-d", "refs/heads/a-sync")
    else:
        (pair.here.root / ".git" / "refs" / "heads" / "a-sync").write_text("1" * 40 + "\n", encoding="utf-8")
    pair.here.send("alice", "still here", "@bob")
    assert pair.here.sync().pushed
    pair.there.sync()
    assert converged(pair.here, pair.there)
    assert pair.here.git("fsck", "--no-dangling") == ""


def test_mail_from_another_clone_rings_the_bell_of_whoever_waits(pair: Pair) -> None:
    pair.there.send("bob", "wake up", "@alice")
    pair.there.sync()
    with Bell(pair.here.paths.bells, "alice") as bell:
        pair.here.sync()
        assert select.select([bell.fd], [], [], 0)[0]


def test_a_saved_context_and_live_values_travel_with_the_log(pair: Pair) -> None:
    context = pair.here.logs / pair.here.store_id / "alice" / "context.md"
    context.write_text("where I was", encoding="utf-8")
    with pair.here.open() as store:
        presence_state.save(
            store.paths.var,
            store.host,
            "alice",
            presence_state.PresenceState(seen_ms=5, session="s", intent="make it fast"),
        )
    assert pair.here.sync().pushed
    pair.there.sync()
    theirs = pair.there.logs / pair.here.store_id
    assert (theirs / "alice" / "context.md").read_text(encoding="utf-8") == "where I was"
    alice = f"alice@{pair.here.store_id[:8]}"
    with pair.there.open() as store:
        assert contexts.show(store, alice).content == contexts.show(store, "alice").content == "where I was"
        assert contexts.show(store, f"alice@{pair.there.store_id[:8]}").content is None
    with pair.there.open() as store:
        values = presence_state.everyone(store.paths, store.host, store.own)
    assert values[(pair.here.store_id, "alice")].intent == "make it fast"


def test_a_sign_of_life_alone_is_worth_no_sync(pair: Pair) -> None:
    with pair.here.open() as store:
        presence_state.save(
            store.paths.var, store.host, "alice", presence_state.PresenceState(seen_ms=5, session="s", intent="same")
        )
    pair.here.sync()
    with pair.here.open() as store:
        presence_state.save(
            store.paths.var,
            store.host,
            "alice",
            presence_state.PresenceState(seen_ms=99, session="s", intent="same", scopes=("a:b",)),
        )
    assert not pair.here.sync().committed


def test_that_the_remote_is_behind_is_no_refusal(pair: Pair) -> None:
    """We signed more than we pushed, and somebody else pushed meanwhile: what the remote has of us is old."""
    pair.here.send("alice", "first kept here", "@bob")
    with pair.here.open() as store:
        syncing.force(store, local=True)
    pair.there.send("bob", "pushed meanwhile", "@alice")
    pair.there.sync()
    assert pair.here.sync().pushed
    assert pair.here.status().refused == {}
    pair.there.sync()
    assert "first kept here" in pair.there.contents()
