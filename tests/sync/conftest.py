"""A remote and two clones that know each other's agents."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.sync.clones import Clone, Remote, remote_at


class Pair(NamedTuple):
    """Two clones of one remote: alice and albert here, bob and bella there."""

    remote: Remote
    ours: Clone
    theirs: Clone


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    """A bare remote with one commit of code."""
    return remote_at(tmp_path)


@pytest.fixture
def pair(remote: Remote) -> Pair:
    """Two clones that have synced."""
    ours, theirs = remote.clone("here", "alice", "albert"), remote.clone("there", "bob", "bella")
    ours.sync()
    theirs.sync()
    ours.sync()
    return Pair(remote, ours, theirs)
