"""A remote and two clones that know each other's agents."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.sync.clones import Clone, Remote, remote_at


class Pair(NamedTuple):
    """Two clones of one remote: alice and albert here, bob and bella there."""

    remote: Remote
    here: Clone
    there: Clone


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    """A bare remote with one commit of code."""
    return remote_at(tmp_path)


@pytest.fixture
def pair(remote: Remote) -> Pair:
    """Two clones that have synced."""
    here, there = remote.clone("here", "alice", "albert"), remote.clone("there", "bob", "bella")
    here.sync()
    there.sync()
    here.sync()
    return Pair(remote, here, there)
