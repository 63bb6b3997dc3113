"""The signer after a restore: a store goes on only if nothing else may sign as it; no history ever forks."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import created
from tests.cli.shell import Shell, git
from tests.cli.test_restore import lose_logs, texts
from tests.contract.manifest import requirement
from tests.mcp.talk import Server

REGISTER = ("--role", "lead", "--module", "core")


@dataclass
class Site:
    """A bare remote, alice's clone of it at `shop`, bob's at `other`, and a backup of alice's with the key."""

    folder: Path
    alice: Shell
    bob: Shell

    @property
    def backup(self) -> Path:
        return self.folder / "backups/shop/current"

    def lose(self) -> Shell:
        """Lose alice's clone, and clone again in its place."""
        shutil.rmtree(self.alice.cwd)
        return self.again("shop")

    def again(self, name: str) -> Shell:
        """A new clone of the remote, which thrum was set up in."""
        shell = cloned(self.folder, name)
        shell.ok("init")
        return shell

    def restored(self, shell: Shell, *more: str) -> dict[str, object]:
        """Return the answer of a restore with the key."""
        answer = shell.thrum("backup", "restore", str(self.backup), "--yes", "--with-keys", "--json", *more)
        assert answer.code == 0, answer
        fields: dict[str, object] = answer.data
        return fields

    def agree(self, *shells: Shell) -> list[str]:
        """Sync until everybody has everything; return the messages, which all clones must show alike."""
        for _ in range(2):
            for shell in shells:
                shell.ok("sync", "force")
        shown = {shell.cwd.name: texts(shell) for shell in shells}
        for shell in shells:
            status = shell.json("sync", "status")
            assert (status["frozen"], [log for log in status["damaged"] if log["lost_from"]]) == ([], []), status
        first, *rest = shown.values()
        assert all(other == first for other in rest), shown
        return first


def cloned(folder: Path, name: str) -> Shell:
    git(folder, "clone", "--quiet", str(folder / "remote.git"), name)
    return Shell(folder / name)


def store_of(shell: Shell) -> str:
    fields = json.loads((shell.cwd / ".git/thrum-sync/var/store.json").read_text(encoding="utf-8"))
    return str(fields["store"])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Both agents have written and synced; then the backup was made."""
    begun = created(tmp_path)
    git(tmp_path, "clone", "--quiet", "--bare", str(begun.cwd), "remote.git")
    alice, bob = cloned(tmp_path, "shop"), cloned(tmp_path, "other")
    for shell, name in ((alice, "alice"), (bob, "bob")):
        shell.ok("init")
        shell.ok("config", "set", "local_only", "false")
        shell.ok("quickstart", "--name", name, "--role", "lead", "--module", "core")
        shell.ok("sync", "force")
    alice.ok("sync", "force")
    alice.ok("send", "from alice", "--to", "@bob")
    alice.ok("sync", "force")
    bob.ok("sync", "force")
    bob.ok("send", "from bob", "--to", "@alice")
    bob.ok("sync", "force")
    alice.ok("sync", "force")
    alice.ok("backup", "--dir", str(tmp_path / "backups"), "--with-keys")
    return Site(tmp_path, alice, bob)


@requirement("backup:signer")
def test_a_lost_clone_goes_on_as_the_same_store(site: Site) -> None:
    owner = store_of(site.alice)
    again = site.lose()
    done = site.restored(again)
    assert (done["signer"], done["store"], store_of(again)) == ("continued", owner, owner)
    assert again.json("whoami")["agent_id"] == "alice"
    assert [message["body"]["content"] for message in again.json("inbox", "--unread")["messages"]] == ["from bob"]
    again.ok("send", "alice goes on", "--to", "@bob")
    assert site.agree(again, site.bob) == ["from alice", "from bob", "alice goes on"]
    assert site.bob.json("inbox", "--unread")["total"] == 2
    assert "No problems" in again.ok("doctor")


@requirement("backup:signer")
def test_what_was_published_after_the_backup_is_taken_in_first(site: Site) -> None:
    site.alice.ok("send", "after the backup", "--to", "@bob")
    site.alice.ok("sync", "force")
    again = site.lose()
    assert site.restored(again)["signer"] == "continued"
    again.ok("send", "alice goes on", "--to", "@bob")
    assert site.agree(again, site.bob) == ["from alice", "from bob", "after the backup", "alice goes on"]


@requirement("backup:signer")
def test_a_message_that_only_the_backup_has_comes_back_and_goes_out(site: Site) -> None:
    site.alice.ok("send", "never synced", "--to", "@bob")
    site.alice.ok("backup", "--dir", str(site.folder / "backups"), "--with-keys")
    again = site.lose()
    assert site.restored(again)["signer"] == "continued"
    assert site.agree(again, site.bob) == ["from alice", "from bob", "never synced"]


@requirement("backup:signer")
def test_a_clone_beside_the_living_one_becomes_another_store(site: Site) -> None:
    owner = store_of(site.alice)
    beside = site.again("beside")
    done = site.restored(beside)
    assert done["signer"] == "new" and store_of(beside) != owner
    assert "still in use in" in str(done["reason"])
    beside.ok("send", "from beside", "--to", "@bob")
    site.alice.ok("send", "from the first", "--to", "@bob")
    assert sorted(site.agree(beside, site.alice, site.bob)) == [
        "from alice",
        "from beside",
        "from bob",
        "from the first",
    ]


@requirement("backup:signer")
def test_a_backup_of_another_computer_begins_a_new_store(site: Site) -> None:
    site.alice.having(THRUM_HOST_ID="office").ok("backup", "--dir", str(site.folder / "backups"), "--with-keys")
    again = site.lose().having(THRUM_HOST_ID="laptop")
    done = site.restored(again)
    assert done["signer"] == "new" and "another computer" in str(done["reason"])
    assert texts(again) == ["from alice", "from bob"]


@requirement("backup:signer")
def test_without_the_remote_nobody_knows_what_was_signed_so_a_new_store_begins(site: Site) -> None:
    owner = store_of(site.alice)
    site.alice.ok("send", "after the backup", "--to", "@bob")
    site.alice.ok("sync", "force")
    again = site.lose()
    (site.folder / "remote.git").rename(site.folder / "away.git")
    done = site.restored(again)
    assert done["signer"] == "new" and store_of(again) != owner
    assert again.json("whoami")["agent_id"] == "alice"
    again.ok("send", "under the new store", "--to", "@bob")
    (site.folder / "away.git").rename(site.folder / "remote.git")
    expected = ["after the backup", "from alice", "from bob", "under the new store"]
    assert sorted(site.agree(again, site.bob)) == expected


@requirement("backup:signer")
def test_a_clone_in_which_agents_have_written_stays_the_store_it_is(site: Site) -> None:
    again = site.lose()
    again.ok("quickstart", "--name", "carol", *REGISTER)
    present = store_of(again)
    done = site.restored(again)
    assert done["signer"] == "new" and store_of(again) == present
    assert "agents have written here" in str(done["reason"])
    assert again.having(THRUM_NAME="carol").ok("send", "from carol", "--to", "@bob")
    assert site.agree(again, site.bob) == ["from alice", "from bob", "from carol"]


@requirement("backup:signer")
def test_without_its_key_a_store_is_read_and_its_agents_register_again(site: Site) -> None:
    again = site.lose()
    present = store_of(again)
    shown = again.ok("backup", "restore", str(site.backup), "--yes")
    assert "stays store" in shown and "with --with-keys this clone may continue as it" in shown
    assert (store_of(again), texts(again)) == (present, ["from alice", "from bob"])
    assert again.json("whoami")["agent_id"] == "alice"
    again.ok("send", "alice anew", "--to", "@bob")
    assert site.agree(again, site.bob) == ["from alice", "from bob", "alice anew"]


@requirement("backup:signer")
def test_a_log_that_may_have_gone_on_elsewhere_is_left_to_a_new_store(site: Site) -> None:
    site.alice.ok("send", "after the backup", "--to", "@bob")
    site.alice.ok("sync", "force")
    owner = store_of(site.alice)
    lose_logs(site.alice, "alice")
    for path in (".git/thrum-sync/var/sync.json", f".git/thrum-sync/a-sync/v1/{owner}/heads.json"):
        (site.alice.cwd / path).unlink()
    for ref in ("refs/heads/a-sync", "refs/thrum/r/origin", "refs/remotes/origin/a-sync"):
        git(site.alice.cwd, "update-ref", "-d", ref)
    (site.folder / "remote.git").rename(site.folder / "away.git")
    done = site.restored(site.alice)
    assert done["signer"] == "new" and store_of(site.alice) != owner
    assert "from alice" in texts(site.alice)
    site.alice.ok("send", "alice goes on", "--to", "@bob")
    (site.folder / "away.git").rename(site.folder / "remote.git")
    expected = ["after the backup", "alice goes on", "from alice", "from bob"]
    assert sorted(site.agree(site.alice, site.bob)) == expected


def test_a_server_that_runs_goes_on_under_the_new_store(site: Site) -> None:
    owner = store_of(site.alice)
    with Server(site.alice.cwd) as server:
        server.greet()
        server.call("send_message", to="@bob", content="before")
        site.alice.ok("backup", "--dir", str(site.folder / "backups"), "--with-keys")
        lose_logs(site.alice, "alice")
        for path in (".git/thrum-sync/var/sync.json", f".git/thrum-sync/a-sync/v1/{owner}/heads.json"):
            (site.alice.cwd / path).unlink()
        (site.folder / "remote.git").rename(site.folder / "away.git")
        assert site.restored(site.alice)["signer"] == "new"
        server.call("send_message", to="@bob", content="afterwards")
        (site.folder / "away.git").rename(site.folder / "remote.git")
    assert store_of(site.alice) != owner
    expected = ["afterwards", "before", "from alice", "from bob"]
    assert sorted(site.agree(site.alice, site.bob)) == expected


@pytest.mark.parametrize(
    "step", ["admit.append", "restore.admitted", "rekey.prepared", "rekey.switched", "rekey.moved", "restore.signed"]
)
def test_a_restore_that_was_killed_is_finished_by_the_next_one(site: Site, step: str) -> None:
    site.alice.ok("send", "never synced", "--to", "@bob")
    site.alice.ok("backup", "--dir", str(site.folder / "backups"), "--with-keys")
    owner = store_of(site.alice)
    again = site.lose()
    armed = again.having(THRUM_TESTING="1", THRUM_FAILPOINT=f"{step}:kill")
    assert armed.run("backup", "restore", str(site.backup), "--yes", "--with-keys").code == -9
    site.restored(again)
    assert store_of(again) == owner
    again.ok("send", "alice goes on", "--to", "@bob")
    assert site.agree(again, site.bob) == ["from alice", "from bob", "never synced", "alice goes on"]


def test_a_sync_finishes_a_restore_that_was_killed(site: Site) -> None:
    owner = store_of(site.alice)
    again = site.lose()
    armed = again.having(THRUM_TESTING="1", THRUM_FAILPOINT="rekey.switched:kill")
    assert armed.run("backup", "restore", str(site.backup), "--yes", "--with-keys").code == -9
    again.ok("sync", "force")
    assert store_of(again) == owner
    again.ok("quickstart", "--name", "alice", *REGISTER)
    assert site.agree(again, site.bob) == ["from alice", "from bob"]


def test_a_restored_clone_keeps_its_backups_where_the_lost_one_had_them(site: Site) -> None:
    again = site.lose()
    again.ok("backup", "restore", str(site.backup), "--yes")
    done = again.json("backup", "--dir", str(site.folder / "backups"))
    assert done["archived"] is not None


def test_a_restore_sends_nothing_to_the_remote(site: Site) -> None:
    site.alice.ok("send", "never synced", "--to", "@bob")
    site.alice.ok("backup", "--dir", str(site.folder / "backups"), "--with-keys")
    before = git(site.folder / "remote.git", "rev-parse", "a-sync")
    site.restored(site.lose())
    assert git(site.folder / "remote.git", "rev-parse", "a-sync") == before


@pytest.mark.parametrize("known", [True, False], ids=["known before", "never seen"])
def test_the_store_of_a_blocked_clone_does_not_come_in_by_a_backup(site: Site, known: bool) -> None:
    stranger = store_of(site.bob)
    shutil.rmtree(site.alice.cwd)
    again = cloned(site.folder, "shop")
    if known:
        again.ok("init")
    git(again.cwd, "config", "--local", "--add", "thrum.blockedStore", stranger)
    again.ok("init")
    theirs = again.cwd / ".git/thrum-sync/a-sync/v1" / stranger
    shutil.rmtree(theirs, ignore_errors=True)
    again.ok("backup", "restore", str(site.backup), "--yes")
    assert not list(theirs.glob("bob/*"))


def test_a_daemon_that_runs_follows_the_clone_to_its_restored_store(site: Site) -> None:
    owner = store_of(site.alice)
    again = site.lose()
    again.ok("config", "set", "local_only", "false")
    assert again.run("daemon", "start").code == 0
    waiting = again.having(THRUM_NAME="alice").start("wait", "--timeout", "60s", "--new", "--json")
    try:
        assert site.restored(again)["signer"] == "continued"
        again.ok("send", "alice goes on", "--to", "@bob")
        assert site.agree(again, site.bob) == ["from alice", "from bob", "alice goes on"]
        health = again.json("daemon", "status")
        assert (health["running"], health["health"]["status"], store_of(again)) == (True, "ok", owner)
    finally:
        waiting.kill()
        waiting.communicate()
        again.run("daemon", "stop")


def test_an_identity_does_not_come_back_where_its_agent_no_longer_lives(site: Site) -> None:
    git(site.alice.cwd, "worktree", "add", "--quiet", "../moved")
    moved = site.alice.at(site.folder / "moved")
    (site.alice.cwd / ".thrum/identities/alice.json").unlink()
    moved.ok("quickstart", "--name", "alice", *REGISTER, "--force")
    site.alice.ok("backup", "restore", str(site.backup), "--yes")
    assert not (site.alice.cwd / ".thrum/identities/alice.json").exists()
    assert moved.json("whoami")["agent_id"] == "alice"


def test_identities_of_a_worktree_come_back_once_it_is_there(site: Site) -> None:
    git(site.alice.cwd, "worktree", "add", "--quiet", "../feature")
    worker = site.alice.at(site.folder / "feature")
    worker.ok("quickstart", "--name", "worker", *REGISTER)
    worker.ok("context", "save", stdin=b"half done")
    site.alice.ok("backup", "--dir", str(site.folder / "backups"), "--with-keys")
    shutil.rmtree(worker.cwd)
    again = site.lose()
    done = site.restored(again)
    assert done["signer"] == "continued"
    assert "config/worktrees/feature/identities/worker.json" in json.dumps(done["homeless"])
    git(again.cwd, "worktree", "add", "--quiet", "--force", "-B", "feature", "../feature")
    again.ok("backup", "restore", str(site.backup), "--yes")
    assert worker.json("whoami")["agent_id"] == "worker"
    assert "half done" in worker.ok("context", "show")


def test_an_older_archive_after_a_newer_one_changes_nothing(site: Site) -> None:
    site.alice.ok("send", "in the second backup", "--to", "@bob")
    site.alice.ok("backup", "--dir", str(site.folder / "backups"), "--with-keys")
    (older,) = (site.folder / "backups/shop/archives").iterdir()
    again = site.lose()
    assert site.restored(again)["signer"] == "continued"
    answer = again.thrum("backup", "restore", str(older), "--yes", "--with-keys", "--json")
    assert answer.code == 0 and answer.data["signer"] == "kept"
    assert site.agree(again, site.bob) == ["from alice", "from bob", "in the second backup"]


@requirement("backup:signer")
def test_the_older_of_two_archives_begins_a_new_store_and_the_newer_one_still_comes_in(site: Site) -> None:
    site.alice.ok("send", "in the second backup", "--to", "@bob")
    site.alice.ok("backup", "--dir", str(site.folder / "backups"), "--with-keys")
    (older,) = (site.folder / "backups/shop/archives").iterdir()
    again = site.lose()
    shown = again.ok("backup", "restore", str(older), "--yes", "--with-keys")
    assert "is only read: " in shown and "is a newer backup" in shown
    again.ok("send", "alice goes on", "--to", "@bob")
    assert site.restored(again)["events"] == 1
    expected = ["alice goes on", "from alice", "from bob", "in the second backup"]
    assert sorted(site.agree(again, site.bob)) == expected


def test_a_backup_of_another_history_is_not_mixed_in(site: Site) -> None:
    site.alice.ok("send", "in the second backup", "--to", "@bob")
    site.alice.ok("backup", "--dir", str(site.folder / "backups"), "--with-keys")
    (older,) = (site.folder / "backups/shop/archives").iterdir()
    alone = shutil.move(older, site.folder / "older.zip")
    again = site.lose()
    again.ok("backup", "restore", str(alone), "--yes", "--with-keys")
    again.ok("send", "alice goes on", "--to", "@bob")
    answer = again.thrum("backup", "restore", str(site.backup), "--yes", "--json")
    assert "the log of @alice in the backup is left out" in answer.out, answer
    assert site.agree(again, site.bob) == ["from alice", "from bob", "alice goes on"]
