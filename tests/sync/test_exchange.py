"""Exchange: messages of one clone reach the others, in any order and number of syncs."""

from __future__ import annotations

import os
import select
import shutil

import pytest

from tests.machines import OddClock, with_clock
from tests.sync.clones import Clone, Remote, git
from tests.sync.conftest import Pair
from thrum_store import presence_state
from thrum_store.identity import Caller
from thrum_store.machine.host import Bell
from thrum_store.repository import paths
from thrum_store.service.messages import editing, sending, waiting
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.sent import show_sent
from thrum_store.service.messages.waiting import WaitFor
from thrum_store.service.team import context_sharing, contexts
from thrum_store.service.upkeep import syncing
from thrum_store.store import open_store
from thrum_store.sync.remote.branch import Unreachable


def converged(*clones: Clone) -> bool:
    """Return whether all clones show the same, with nothing refused or frozen."""
    views = [clone.view() for clone in clones]
    statuses = [clone.status() for clone in clones]
    return all(view == views[0] for view in views) and not any(status.frozen or status.refused for status in statuses)


def test_a_message_reaches_the_other_clone_and_its_receipt_comes_back(pair: Pair) -> None:
    sent = pair.ours.send("alice", "ready for review", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    with pair.theirs.open() as store:
        editing.mark_read(store, Caller("bob"), editing.MarkRead((sent,)))
    pair.theirs.sync()
    pair.ours.sync()
    assert converged(pair.ours, pair.theirs)
    with pair.ours.open() as store:
        (recipient,) = show_sent(store, Caller("alice"), sent).message.recipients
    assert recipient.read_at is not None


def test_two_clones_that_both_began_before_either_pushed_both_publish(remote: Remote) -> None:
    ours, theirs = remote.clone("here", "alice"), remote.clone("there", "bob")
    ours.send("alice", "from here", "@everyone")
    theirs.send("bob", "from there", "@everyone")
    assert ours.sync().pushed
    assert theirs.sync().pushed
    assert ours.sync().taken == 2
    assert converged(ours, theirs)
    assert ours.contents() == {"from here", "from there"}


def test_a_fresh_clone_adopts_the_history_when_it_is_set_up(pair: Pair) -> None:
    pair.ours.send("alice", "said before you came", "@bob")
    pair.ours.sync()
    fresh = pair.remote.clone("fresh", initialize=False)
    done = fresh.initialize()
    assert any("of its history" in step for step in done.steps)
    assert "said before you came" in fresh.contents()
    fresh.join("newcomer")
    fresh.send("newcomer", "hello", "@alice")
    assert fresh.sync().pushed
    pair.ours.sync()
    assert "hello" in pair.ours.contents()


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
    pair.theirs.sync()
    before = pair.remote.tip, pair.ours.git("rev-parse", "a-sync"), pair.theirs.git("rev-parse", "a-sync")
    for clone in (pair.ours, pair.theirs) * 3:
        done = clone.sync()
        assert not done.committed and not done.pushed and not done.taken
    assert before == (pair.remote.tip, pair.ours.git("rev-parse", "a-sync"), pair.theirs.git("rev-parse", "a-sync"))


def test_what_could_not_be_pushed_is_pushed_by_the_next_sync(pair: Pair) -> None:
    pair.ours.send("alice", "through an outage", "@bob")
    moved = pair.remote.root.rename(pair.remote.root.with_name("away.git"))
    with pytest.raises(Unreachable):
        pair.ours.sync()
    status = pair.ours.status()
    assert status.sync_state == "error" and status.ahead == 1
    moved.rename(pair.remote.root)
    assert pair.ours.sync().pushed
    assert pair.ours.status().ahead == 0


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
    root = pair.ours.root
    (root / "staged.py").write_text("staged", encoding="utf-8")
    git(root, "add", "staged.py")
    (root / "main.py").write_text("stashed", encoding="utf-8")
    git(root, "stash", "push", "--quiet", "main.py")
    (root / "main.py").write_text("dirty", encoding="utf-8")

    def seen() -> tuple[str, ...]:
        index = (root / ".git" / "index").read_bytes().hex()
        outputs = [
            git(root, *command) for command in (("status", "--porcelain"), ("stash", "list"), ("worktree", "list"))
        ]
        refs = git(
            root, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/main", "refs/remotes/origin/main"
        )
        return index, *(line.replace(git(root, "rev-parse", "--short", "a-sync"), "") for line in outputs), refs

    before = seen()
    pair.ours.send("alice", "sync me", "@bob")
    pair.ours.sync()
    pair.theirs.send("bob", "and me", "@alice")
    pair.theirs.sync()
    pair.ours.sync()
    assert seen() == before
    assert git(root, "fsck", "--no-dangling") == ""


def test_a_linked_worktree_syncs_the_same_store(pair: Pair) -> None:
    other = pair.ours.root.parent / "linked"
    git(pair.ours.root, "worktree", "add", "--quiet", "-b", "feature", str(other))
    linked = Clone(other)
    linked.initialize()
    assert paths.find(str(other)).thrum == os.fspath(pair.ours.root / ".thrum")
    pair.ours.send("alice", "from the main worktree", "@bob")
    assert linked.sync().pushed
    pair.theirs.sync()
    assert "from the main worktree" in pair.theirs.contents()


def test_a_restored_backup_takes_up_its_own_log_where_the_branch_has_more(pair: Pair) -> None:
    backup = pair.ours.root.parent / "backup"
    shutil.copytree(pair.ours.root, backup, symlinks=True)
    pair.ours.send("alice", "after the backup", "@bob")
    pair.ours.sync()
    shutil.rmtree(pair.ours.root)
    backup.rename(pair.ours.root)
    pair.ours.sync()
    assert "after the backup" in pair.ours.contents()
    pair.ours.send("alice", "and on it goes", "@bob")
    pair.ours.sync()
    pair.theirs.sync()
    assert converged(pair.ours, pair.theirs)


@pytest.mark.parametrize("broken", ["gone", "lost"])
def test_a_branch_that_was_lost_here_is_made_again_from_the_logs(pair: Pair, broken: str) -> None:
    if broken == "gone":
        pair.ours.git("update-ref", "-d", "refs/heads/a-sync")
    else:
        (pair.ours.root / ".git" / "refs" / "heads" / "a-sync").write_text("1" * 40 + "\n", encoding="utf-8")
    pair.ours.send("alice", "still here", "@bob")
    assert pair.ours.sync().pushed
    pair.theirs.sync()
    assert converged(pair.ours, pair.theirs)
    assert pair.ours.git("fsck", "--no-dangling") == ""


def test_mail_from_another_clone_rings_the_bell_of_whoever_waits(pair: Pair) -> None:
    pair.theirs.send("bob", "wake up", "@alice")
    pair.theirs.sync()
    with Bell(pair.ours.paths.bells, "alice") as bell:
        pair.ours.sync()
        assert select.select([bell.fd], [], [], 0)[0]


def test_a_saved_context_and_live_values_travel_with_the_log(pair: Pair) -> None:
    context = pair.ours.logs / pair.ours.store_id / "alice" / "context.md"
    context.write_text("where I was", encoding="utf-8")
    with pair.ours.open() as store:
        presence_state.save(
            store.paths.var,
            store.host,
            "alice",
            presence_state.PresenceState(seen_ms=5, session="s", intent="make it fast"),
        )
    assert pair.ours.sync().pushed
    pair.theirs.sync()
    theirs = pair.theirs.logs / pair.ours.store_id
    assert (theirs / "alice" / "context.md").read_text(encoding="utf-8") == "where I was"
    alice = f"alice@{pair.ours.store_id[:8]}"
    with pair.theirs.open() as store:
        assert contexts.show(store, alice).content == contexts.show(store, "alice").content == "where I was"
        assert contexts.show(store, f"alice@{pair.theirs.store_id[:8]}").content is None
    with pair.ours.open() as store:
        assert context_sharing.clear(store, "alice").shared
    pair.ours.sync()
    pair.theirs.sync()
    assert not (theirs / "alice" / "context.md").exists()
    assert not [path for path in pair.remote.files() if path.endswith("context.md")]
    pair.theirs.send("bob", "and after more syncs it does not come back", "@alice")
    pair.theirs.sync()
    pair.ours.sync()
    assert not [path for path in pair.remote.files() if path.endswith("context.md")]
    with pair.theirs.open() as store:
        assert contexts.show(store, alice).content is None
        values = presence_state.everyone(store.paths, store.host, store.own)
    assert values[(pair.ours.store_id, "alice")].intent == "make it fast"


def test_a_sign_of_life_alone_is_worth_no_sync(pair: Pair) -> None:
    with pair.ours.open() as store:
        presence_state.save(
            store.paths.var, store.host, "alice", presence_state.PresenceState(seen_ms=5, session="s", intent="same")
        )
    pair.ours.sync()
    with pair.ours.open() as store:
        presence_state.save(
            store.paths.var,
            store.host,
            "alice",
            presence_state.PresenceState(seen_ms=99, session="s", intent="same", scopes=("a:b",)),
        )
    assert not pair.ours.sync().committed


def test_that_the_remote_is_behind_is_no_refusal(pair: Pair) -> None:
    """We signed more than we pushed, and somebody else pushed meanwhile: what the remote has of us is old."""
    pair.ours.send("alice", "first kept here", "@bob")
    with pair.ours.open() as store:
        syncing.force(store, local=True)
    pair.theirs.send("bob", "pushed meanwhile", "@alice")
    pair.theirs.sync()
    assert pair.ours.sync().pushed
    assert pair.ours.status().refused == {}
    pair.theirs.sync()
    assert "first kept here" in pair.theirs.contents()


def test_a_wait_that_reaches_back_goes_by_arrival(pair: Pair) -> None:
    with open_store(pair.ours.paths, with_clock(OddClock(lambda ms: ms - 3_600_000))) as an_hour_slow:
        sent = sending.send(an_hour_slow, Caller("alice"), SendMessage("go", to=("@bob",))).header.id
    pair.ours.sync()
    pair.theirs.sync()
    with pair.theirs.open() as store:
        editing.mark_read(store, Caller("bob"), editing.MarkRead((sent,)))
    waited = waiting.wait(pair.theirs.paths, Caller("bob"), WaitFor(0, after=-30))
    assert [signal.header.id for signal in waited.messages] == [sent]
