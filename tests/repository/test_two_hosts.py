"""Two hosts use one repository: each has its own store, mail goes both ways, and nothing of the first is touched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.shell import SCRIPT, Shell, git
from thrum_store.machine.kernel import Computer
from thrum_store.repository import guest_places
from thrum_store.repository.claims import nick
from thrum_store.repository.paths import VIEW_POINTER

DISK = "27 1 254:0 / / rw - ext4 /dev/vda rw"
NFS = "nfs4 server:/export rw,vers=4.2"
WINDOWS = r"9p C:\134 rw,aname=drvfs"
IMAGE, OTHER_IMAGE = "3d1219c7c4c5404aaa1f6d2a48adfda4", "9e57d1f0c4c5404aaa1f6d2a48adfda5"
QUICKSTART = ("quickstart", "--role", "dev", "--module", "core", "--name")


class Machine(NamedTuple):
    """A simulated computer: the files in which its system describes itself, its home, and the repository it sees."""

    folder: Path
    repository: Path

    @property
    def shell(self) -> Shell:
        """A user of this computer, in the repository."""
        return Shell(self.repository).having(
            THRUM_TESTING="1",
            THRUM_SYSTEM=str(self.folder),
            XDG_STATE_HOME=str(self.folder / "state"),
            HOME=str(self.folder),
        )

    def seeing(self, mount: str, point: Path | None = None) -> Machine:
        """The same with the repository on another mount; "": on its disk."""
        table = f"{DISK}\n52 27 0:45 / {point or self.repository} rw - {mount}\n" if mount else f"{DISK}\n"
        return self._with("proc/self/mountinfo", table)

    def booted(self, boot: int) -> Machine:
        """The same after a start of its kernel."""
        return self._with("proc/sys/kernel/random/boot_id", f"c270444a-cedf-41a2-8a5c-b0cb1ba4{boot:04x}\n")

    def named(self, name: str, image: str) -> Machine:
        """The same with another name and machine id, as in a container."""
        return self._with("proc/sys/kernel/hostname", f"{name}\n")._with("etc/machine-id", f"{image}\n")

    def _with(self, file: str, content: str) -> Machine:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return self

    def store(self) -> str:
        """Return the id of the store that this computer uses now."""
        return store_of(self.shell)

    def mail(self) -> list[str]:
        """Return the texts that the computer's only agent has in its inbox."""
        answer = self.shell.thrum("inbox", "--json")
        return [message["body"]["content"] for message in json.loads(answer.out)["messages"]]


def store_of(shell: Shell) -> str:
    """Return the id of the store that a command uses."""
    answer = shell.thrum("init", "--json")
    assert answer.code == 0, answer
    return str(json.loads(answer.out)["store"])


def machine(scratch: Path, name: str, boot: int, image: str = IMAGE, mount: str = NFS) -> Machine:
    made = Machine(scratch / name, scratch / "repository")
    (made.folder / "state").mkdir(parents=True)
    return made.named(name, image).booted(boot).seeing(mount)


@pytest.fixture
def first(scratch: Path) -> Machine:
    """The host that set the repository up, on a network share, with the agent alice."""
    git(scratch, "init", "--quiet", "repository")
    git(scratch / "repository", "commit", "--quiet", "--allow-empty", "--message", "begin")
    alpha = machine(scratch, "alpha", 1)
    alpha.shell.ok(*QUICKSTART, "alice")
    return alpha


@pytest.fixture
def second(scratch: Path, first: Machine) -> Machine:
    """Another host of the same repository, which has not opened it yet."""
    return machine(scratch, "beta", 2, OTHER_IMAGE)


def joined(host: Machine, agent: str = "bob") -> Machine:
    answer = host.shell.thrum(*QUICKSTART, agent)
    assert answer.code == 0, answer
    return host


def synced(*hosts: Machine) -> None:
    for host in hosts:
        assert host.shell.thrum("sync", "force").code == 0


def files(root: Path) -> dict[str, str]:
    """Every file below a directory, with a digest of its content: a lock that was taken has another pid in it."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


def shared(host: Machine) -> Path:
    return host.repository / ".git" / "thrum-sync"


# --- two stores -----------------------------------------------------------------------------------------------------


def test_the_second_host_touches_no_file_of_the_firsts_store(first: Machine, second: Machine) -> None:
    for lock in (shared(first) / "var").rglob("*.lock"):
        lock.write_text("first")
    kept = [shared(first) / "var", shared(first) / "a-sync", first.repository / ".thrum"]
    before = [files(folder) for folder in kept]
    joined(second)
    assert second.shell.thrum("send", "to all", "--to", "@everyone").code == 0
    second.shell.thrum("inbox")
    second.shell.thrum("doctor", "--fix")
    synced(second)
    assert [files(folder) for folder in kept] == before


def test_the_second_host_has_a_key_a_view_and_locks_of_its_own_that_nobody_else_can_read(
    first: Machine, second: Machine
) -> None:
    assert joined(second).store() != first.store()
    (place,) = (second.folder / "state" / "thrum").iterdir()
    assert {"store.json", "keys", "locks", "bells", VIEW_POINTER} <= {path.name for path in (place / "var").iterdir()}
    assert (place / "var" / "keys" / "store.key").read_bytes() != (shared(first) / "var/keys/store.key").read_bytes()
    assert place.stat().st_mode & 0o077 == 0


def test_a_command_that_is_no_set_up_begins_the_second_store_and_says_why(first: Machine, second: Machine) -> None:
    answer = second.shell.thrum("team")
    assert answer.code == 0
    assert "this host keeps a store of its own in" in answer.err
    assert "nfs4 (server:/export), shared with host alpha" in answer.err
    assert second.shell.thrum("team").err == ""


def test_mail_goes_both_ways_after_a_sync_of_both(first: Machine, second: Machine) -> None:
    joined(second)
    synced(second, first)
    first.shell.ok("send", "from the first", "--to", "@bob")
    synced(first, second)
    assert second.mail() == ["from the first"]
    second.shell.ok("send", "from the second", "--to", "@alice")
    second.shell.ok("send", "and more", "--to", "@everyone")
    synced(second, first)
    assert sorted(first.mail()) == ["and more", "from the second"]
    synced(first, second, first)
    assert len(first.mail()) == 2


def test_agents_of_the_first_host_are_known_to_the_second_from_its_first_command(
    first: Machine, second: Machine
) -> None:
    synced(first)
    joined(second)
    assert second.shell.thrum("send", "hello", "--to", "@alice").code == 0


def test_hooks_of_the_second_host_show_its_own_mail(first: Machine, second: Machine) -> None:
    joined(second)
    synced(second, first)
    first.shell.ok("send", "look here", "--to", "@bob")
    synced(first, second)
    shown = second.shell.run("hook", "prompt", "--runtime", "claude", stdin=b'{"session_id": "s"}')
    assert "look here" in shown.out
    silent = first.shell.run("hook", "prompt", "--runtime", "claude", stdin=b'{"session_id": "s"}')
    assert (silent.out, silent.err) == ("", "")


def test_identities_of_two_hosts_in_one_worktree_do_not_mix(first: Machine, second: Machine) -> None:
    joined(second, "alice")
    assert second.shell.thrum("agent", "delete", "alice", "--force").code == 0
    assert first.shell.json("whoami")["agent_id"] == "alice"
    assert os.listdir(first.repository / ".thrum" / "identities") == ["alice.json"]


def test_both_hosts_say_who_keeps_which_store(first: Machine, second: Machine) -> None:
    joined(second)
    assert "shared with host alpha" in second.shell.thrum("init").out
    assert "shared with host alpha" in " ".join(second.shell.thrum("doctor").out.split())
    assert "shared with host alpha" in second.shell.json("status")["hosts"]
    assert "beta" in first.shell.json("status")["hosts"]
    assert "beta" in first.shell.thrum("doctor").out
    assert "No problems" in second.shell.thrum("doctor").out


def test_a_sync_that_the_other_host_overtakes_begins_again_and_loses_nothing(first: Machine, second: Machine) -> None:
    joined(second)
    assert first.shell.thrum("send", "to all", "--to", "@everyone").code == 0
    slow = first.shell.having(THRUM_FAILPOINT="sync.committed:stop").start("sync", "force")
    os.waitid(os.P_PID, slow.pid, os.WSTOPPED | os.WNOWAIT)
    synced(second)
    slow.send_signal(signal.SIGCONT)
    _, err = slow.communicate(timeout=60)
    assert (slow.returncode, err) == (0, b"")
    synced(second)
    logs = git(first.repository, "ls-tree", "-r", "--name-only", "a-sync").split()
    assert len({name.split("/")[1] for name in logs if name.startswith("v1/")}) == 2
    assert second.mail() == ["to all"]


# --- one host -------------------------------------------------------------------------------------------------------


def test_a_share_that_one_host_uses_stays_one_store(first: Machine) -> None:
    store = first.store()
    assert first.booted(7).store() == store
    assert not (first.folder / "state" / "thrum").exists()


def test_both_hosts_find_their_own_store_after_a_restart(first: Machine, second: Machine) -> None:
    stores = [first.store(), joined(second).store()]
    assert [first.booted(8).store(), second.booted(9).store()] == stores
    assert len(os.listdir(shared(first) / "guests")) == 1


def test_containers_of_one_kernel_use_one_store(first: Machine, scratch: Path) -> None:
    container = machine(scratch, "3f2a99", 1, OTHER_IMAGE)
    assert container.store() == first.store()


def test_two_containers_of_one_image_on_two_hosts_have_two_stores(first: Machine, scratch: Path) -> None:
    assert machine(scratch, "99bc11", 3, IMAGE).store() != first.store()


def test_a_repository_that_moves_to_a_share_and_back_keeps_its_store(first: Machine) -> None:
    store = first.seeing("").store()
    assert first.seeing(NFS).store() == store
    assert first.booted(5).seeing("").store() == store


def test_a_disk_that_is_put_into_another_computer_keeps_its_store(first: Machine, scratch: Path) -> None:
    shutil.rmtree(shared(first))
    store = first.seeing("").store()
    assert machine(scratch, "gamma", 4, OTHER_IMAGE, mount="").store() == store


def test_the_server_of_a_share_leaves_the_store_to_the_client_that_was_first(first: Machine, scratch: Path) -> None:
    server = machine(scratch, "server", 4, OTHER_IMAGE, mount="")
    assert server.store() != first.store()
    assert "shared" in json.loads((shared(first) / "var" / "store.json").read_bytes())


def test_a_client_leaves_the_store_to_the_server_that_was_first(first: Machine, scratch: Path) -> None:
    shutil.rmtree(shared(first))
    store = first.seeing("").store()
    virtual = machine(scratch, "virtual", 4, OTHER_IMAGE, mount="virtiofs mount0 rw")
    assert virtual.store() not in ("", store)
    assert first.store() == store


def test_a_store_of_an_older_version_stays_with_the_host_that_it_is_named_after(
    first: Machine, second: Machine
) -> None:
    store = first.store()
    (shared(first) / "var" / "host.json").unlink()
    assert second.store() != store
    assert first.store() == store
    assert (shared(first) / "var" / "host.json").exists()


def test_a_guest_moves_no_store_that_an_older_version_of_another_host_left_in_the_worktree(
    first: Machine, second: Machine
) -> None:
    store, former = first.store(), first.repository / ".thrum" / "var"
    former.unlink()
    (shared(first) / "var").rename(former)
    (former / "host.json").unlink()
    before = files(former)
    own = joined(second).store()
    assert own != store
    assert files(former) == before
    assert first.store() == store
    assert not former.exists() or former.is_symlink()
    assert second.store() == own


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"computer": 5}', "\0" * 40, '{"computer": {}, "mount": 1}'])
def test_a_claim_that_cannot_be_read_is_made_again_by_its_host(first: Machine, content: str) -> None:
    store = first.store()
    (shared(first) / "var" / "host.json").write_text(content)
    assert first.booted(6).store() == store
    assert "alpha" in (shared(first) / "var" / "host.json").read_text()


def test_the_users_name_for_a_host_tells_copies_of_one_running_machine_apart(first: Machine) -> None:
    store = first.store()
    left, right = (first.shell.having(THRUM_HOST_ID=name) for name in ("left", "right"))
    assert store_of(left) == store
    other = store_of(right)
    assert other != store
    assert first.store() == store  # a process that was not given the name
    assert [store_of(left), store_of(right)] == [store, other]


def test_what_root_saw_of_a_computer_is_remembered_for_its_users(first: Machine) -> None:
    board = first.folder / "sys" / "class" / "dmi" / "id" / "product_uuid"
    board.parent.mkdir(parents=True)
    board.write_text("4c4c4544-0042-3510-8052-b4c04f4d3132\n")
    store = first.booted(6).store()
    board.unlink()
    assert first.booted(7).store() == store
    board.write_text("4c4c4544-0042-3510-8052-b4c04f4d3132\n")
    assert first.booted(8).named("renamed", OTHER_IMAGE).store() == store
    board.write_text("4c4c4544-0042-3510-8052-b4c04f4d3133\n")
    assert first.booted(9).store() != store


# --- the directory of a guest -----------------------------------------------------------------------------------------


def test_a_guest_finds_its_store_after_the_repository_was_moved(first: Machine, second: Machine) -> None:
    store = joined(second).store()
    moved = Path(shutil.move(first.repository, first.repository.parent / "moved"))
    again = second._replace(repository=moved).booted(5).seeing(NFS)
    assert again.store() == store
    assert again.mail() == []


def test_a_guest_of_a_repository_and_of_its_copy_has_two_stores(first: Machine, second: Machine) -> None:
    store = joined(second).store()
    copy = first.repository.parent / "copy"
    shutil.copytree(first.repository, copy, symlinks=True)
    shutil.rmtree(copy / ".git" / "thrum-sync" / "guests")
    assert second._replace(repository=copy).seeing(NFS).store() != store


def test_guests_with_one_home_on_a_share_have_a_store_each(first: Machine, scratch: Path) -> None:
    beta, gamma = machine(scratch, "beta", 2, OTHER_IMAGE), machine(scratch, "gamma", 3, OTHER_IMAGE)
    stores = {first.store()}
    for host in (beta, gamma):
        shell = host.seeing(NFS, scratch).shell.having(XDG_STATE_HOME=str(scratch / "home"), HOME=str(scratch))
        stores.add(store_of(shell))
    assert len(stores) == 3


def test_a_state_directory_of_somebody_else_is_not_used(first: Machine, second: Machine) -> None:
    (second.folder / "state" / "thrum").symlink_to(second.folder / "elsewhere")
    (second.folder / "elsewhere").mkdir()
    joined(second)
    assert os.listdir(second.folder / "elsewhere") == []
    assert (second.folder / ".local" / "state" / "thrum").is_dir()


def test_where_no_directory_can_be_made_the_error_names_it_and_hooks_stay_silent(
    first: Machine, second: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = second.shell.having(XDG_STATE_HOME="/proc/1/no", HOME="/proc/1/no")
    monkeypatch.setattr(guest_places, "LAST_BASE", "/proc/1/thrum-{}")
    answer = nowhere.thrum("team")
    assert (answer.code, answer.out) == (1, "")
    assert "this host needs a store of its own" in answer.err
    assert "set XDG_STATE_HOME" in answer.err
    assert "Traceback" not in answer.err
    hook = nowhere.thrum("hook", "prompt", "--runtime", "claude", stdin=b"{}")
    assert (hook.code, hook.out, hook.err) == (0, "", "")


@pytest.mark.parametrize("content", ["", "no JSON", "[" * 100, '{"created": "x"}', "\0" * 80])
def test_a_damaged_store_file_on_a_share_is_one_sentence(first: Machine, second: Machine, content: str) -> None:
    (shared(first) / "var" / "store.json").write_text(content)
    for host in (first.booted(6), second):
        answer = host.shell.thrum("whoami")
        assert "Traceback" not in answer.err


def test_where_locks_and_shared_memory_do_not_work_even_the_first_host_keeps_its_store_elsewhere(
    first: Machine, scratch: Path
) -> None:
    shutil.rmtree(shared(first))
    shutil.rmtree(first.repository / ".thrum")
    git(first.repository, "worktree", "prune")
    wsl = machine(scratch, "wsl", 4, mount=WINDOWS)
    answer = wsl.shell.having(THRUM_FAILPOINT="abilities.tried:eio").run("init")
    assert (answer.code, answer.err) == (0, ""), answer
    assert "locks or shared memory do not work on 9p (C:\\)" in answer.out
    assert joined(wsl).shell.thrum("send", "x", "--to", "@everyone").code == 0
    assert not (shared(first) / "var").exists()


def test_a_host_that_is_gone_is_succeeded_by_the_one_that_takes_its_store_over(first: Machine, second: Machine) -> None:
    store = first.store()
    joined(second)
    assert second.shell.thrum("send", "from the guest", "--to", "@everyone").code == 0
    synced(second, first, second)
    assert second.shell.thrum("send", "not synced yet", "--to", "@alice").code == 0
    taken_over = second.shell.thrum("init", "--take-over")
    assert (taken_over.code, "its own one stays in" in taken_over.out) == (0, True)
    assert second.store() == store
    synced(second)
    assert "not synced yet" in second.mail()
    assert second.shell.json("whoami")["agent_id"] == "alice"
    assert first.store() != store


def test_a_dry_run_on_the_second_host_makes_nothing(first: Machine, second: Machine) -> None:
    before = files(first.repository)
    assert second.shell.thrum("init", "--dry-run").code == 0
    assert files(first.repository) == before
    assert os.listdir(second.folder / "state") == []


@pytest.mark.parametrize(("name", "shown"), [("Lap.Top", "lap"), ("ünï", "n"), ("a" * 50, "a" * 32), ("---", "store")])
def test_a_computer_lends_its_name_to_its_store(name: str, shown: str) -> None:
    assert nick(Computer(name=name.partition(".")[0].lower())) == shown


@pytest.mark.nightly
def test_two_hosts_that_send_and_sync_at_the_same_time_lose_nothing(first: Machine, second: Machine) -> None:
    joined(second)
    synced(second, first, second)
    loop = 'for n in 1 2 3 4 5 6 7 8; do thrum send "$0 $n" --to @everyone && thrum sync force || exit 1; done'
    path = f"{Path(SCRIPT).parent}:{os.environ['PATH']}"
    running = [
        subprocess.Popen(["sh", "-c", loop, name], cwd=host.repository, env={**host.shell.environ(), "PATH": path})
        for name, host in (("alpha", first), ("beta", second))
    ]
    assert [process.wait(300) for process in running] == [0, 0]
    synced(first, second, first)
    assert sorted(first.mail()) == [f"beta {number}" for number in range(1, 9)]
    assert sorted(second.mail()) == [f"alpha {number}" for number in range(1, 9)]
