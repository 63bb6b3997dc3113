"""Fixtures that all tests share: a repository, its store, two agents."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from thrum_store import setup
from thrum_store.identity import Caller
from thrum_store.repository import paths
from thrum_store.repository.paths import Paths
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Register
from thrum_store.store import Store, open_store

# Deadlines are off: a machine that is busy is not a bug. `make nightly` looks twenty times longer.
settings.register_profile(
    "everyday", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("nightly", settings.get_profile("everyday"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))


class Two(NamedTuple):
    """Two agents of one worktree: alice, a planner, and bob, a reviewer."""

    alice: Caller
    bob: Caller


@pytest.fixture
def strace() -> None:
    """Skip, loudly, where there is no strace; continuous integration has one."""
    if shutil.which("strace") is None and os.environ.get("CI") != "true":
        pytest.skip("strace is not installed: what system calls do was NOT tested")


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """An empty directory; in memory where there is plenty, because these tests wait for the disk more than they think.

    What the disk promises is tested by refusing its calls, not by its speed.
    """
    memory = Path("/dev/shm")
    if not memory.is_dir() or shutil.disk_usage(memory).free < 1 << 29:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="thrum-", dir=memory) as made:
        yield Path(made)


@pytest.fixture
def repo(scratch: Path) -> Paths:
    """A new git repository with a store."""
    root = scratch / "repo"
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(root)], check=True)
    repo_paths = paths.find(str(root))
    setup.initialize(repo_paths, setup.Initialize())
    return repo_paths


@pytest.fixture
def store(repo: Paths) -> Iterator[Store]:
    """Open the store of `repo`."""
    with open_store(repo) as opened:
        yield opened


@pytest.fixture
def two_agents(store: Store) -> Two:
    """alice and bob, registered in `repo`."""
    for name, role in (("alice", "planner"), ("bob", "reviewer")):
        agents.register(store, Register(name, role, "auth"))
    return Two(*(Caller(name, worktree="main") for name in ("alice", "bob")))
