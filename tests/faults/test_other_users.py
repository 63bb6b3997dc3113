"""Another user of the machine reads nothing of the store, and what they plant in its place is not followed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Two
from thrum_store import setup
from thrum_store.errors import ThrumError
from thrum_store.identity import Caller
from thrum_store.log.segments import EventLog, Shard
from thrum_store.machine.host import Storage
from thrum_store.repository import paths
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Register
from thrum_store.store import open_store

NOBODY = 65534


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that every user of the machine may enter and list."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield Path(made)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user: this did NOT run")
def test_another_user_can_read_no_path_of_the_store(open_place: Path) -> None:
    umask = os.umask(0o000)  # the most careless user there is
    try:
        subprocess.run(["git", "init", "-q", str(open_place / "repo")], check=True)
        repo = paths.find(str(open_place / "repo"))
        setup.initialize(repo, setup.Initialize())
        with open_store(repo) as store:
            for name in ("alice", "bob"):
                agents.register(store, Register(name, "writer", "auth"))
            sending.send(store, Caller("alice", worktree="main"), SendMessage("secret", to=("bob",)))
            paths_made = [*inside(repo.thrum), *inside(repo.var), *inside(repo.logs)]
            assert len(paths_made) > 20
            listed = "\n".join(paths_made)
            done = subprocess.run(["xargs", "-d", "\n", "ls", "-d"], input=listed, text=True, user=NOBODY, group=NOBODY,
                                  extra_groups=[], capture_output=True, check=False)  # fmt: skip
            allowed = set(done.stdout.splitlines()) - {repo.thrum, repo.var, repo.logs}
            assert allowed == set()
    finally:
        os.umask(umask)


def inside(directory: str) -> list[str]:
    """Every path below a directory, and itself."""
    return [directory, *(os.path.join(root, name) for root, dirs, files in os.walk(directory) for name in dirs + files)]


def test_files_and_directories_are_closed_whatever_the_umask(repo: Paths, two_agents: Two) -> None:
    with open_store(repo) as store:
        sending.send(store, two_agents.alice, SendMessage("secret", to=("bob",)))
        for path in (*inside(repo.thrum), *inside(repo.var), *inside(repo.logs)):
            assert os.path.islink(path) or os.lstat(path).st_mode & 0o077 == 0, path


REFUSED = [
    *((place, plant) for place in ("log", "next segment") for plant in ("symlink", "fifo", "directory")),
    *(("shard lock", plant) for plant in ("symlink", "directory")),
]
BESIDE = [("shard lock", "fifo"), ("commit lock", "symlink"), ("commit lock", "fifo"), ("commit lock", "directory")]


@pytest.mark.parametrize(("place", "plant"), [*REFUSED, *BESIDE])
def test_what_stands_in_the_place_of_a_file_is_not_followed(
    repo: Paths, two_agents: Two, scratch: Path, place: str, plant: str
) -> None:
    with open_store(repo) as store:
        log = EventLog(repo.logs, Storage())
        shard = Shard(store.own, "alice")
    path = {
        "log": log.segment(shard, 1),
        "next segment": log.segment(shard, 2),
        "shard lock": os.path.join(repo.var, "locks", "alice.lock"),
        "commit lock": os.path.join(repo.var, "commit.lock"),
    }[place]
    treasure = scratch / "treasure"
    treasure.write_text("untouched")
    put(Path(path), plant, treasure)
    refused = ""
    try:
        with open_store(repo) as store:
            sending.send(store, two_agents.alice, SendMessage("more", to=("bob",)))
    except ThrumError as error:
        refused = error.code
    assert bool(refused) == ((place, plant) in REFUSED)  # beside the log nothing hinders a message to be said
    assert refused in ("", "storage_failed", "damaged")
    assert treasure.read_text() == "untouched"


def put(path: Path, plant: str, target: Path) -> None:
    """Put something else where a file was."""
    path.unlink(missing_ok=True)
    if plant == "symlink":
        path.symlink_to(target)
    elif plant == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()


def test_a_planted_log_of_one_agent_holds_up_nobody_else(repo: Paths, two_agents: Two, scratch: Path) -> None:
    with open_store(repo) as store:
        planted = Path(EventLog(repo.logs, Storage()).segment(Shard(store.own, "alice"), 1))
    put(planted, "symlink", scratch / "elsewhere")
    shutil.copyfile("/dev/null", scratch / "elsewhere")
    with open_store(repo) as store:
        sending.send(store, two_agents.bob, SendMessage("I go on"))
        with pytest.raises(ThrumError):
            sending.send(store, two_agents.alice, SendMessage("more"))
