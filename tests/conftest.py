"""What tests share: a repository, its store, two agents. Everything else belongs to the test that needs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from thrum_store import paths, setup
from thrum_store.model import Caller
from thrum_store.paths import Paths
from thrum_store.service import agents
from thrum_store.service.agents import Register
from thrum_store.store import Store, open_store

# Deadlines are off: a machine that is busy is not a bug. HYPOTHESIS_PROFILE=nightly looks twenty times longer.
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
def repo(tmp_path: Path) -> Paths:
    """A new git repository with a store."""
    root = tmp_path / "repo"
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(root)], check=True)
    found = paths.find(str(root))
    setup.initialize(found, setup.Initialize())
    return found


@pytest.fixture
def store(repo: Paths) -> Iterator[Store]:
    """The store of `repo`, opened."""
    with open_store(repo) as opened:
        yield opened


@pytest.fixture
def two_agents(store: Store) -> Two:
    """alice and bob, registered in `repo`."""
    for name, role in (("alice", "planner"), ("bob", "reviewer")):
        agents.register(store, Register(name, role, "auth"))
    return Two(*(Caller(name, worktree="main") for name in ("alice", "bob")))
