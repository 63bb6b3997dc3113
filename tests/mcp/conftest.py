"""A real repository with two worktrees and an agent in each."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from thrum_store import setup
from thrum_store.identity import Caller
from thrum_store.repository import paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Register
from thrum_store.store import open_store

from .talk import Server


@dataclass(frozen=True)
class Team:
    """Two agents: planner works in the repository, builder in its worktree."""

    planner: Path
    builder: Path

    def send(self, content: str, to: str = "@builder") -> str:
        """Send a message from planner through the service; return its id."""
        with open_store(paths.find(str(self.planner))) as store:
            return sending.send(store, Caller("planner"), SendMessage(content, to=(to,))).header.id


def git(directory: Path, *arguments: str) -> None:
    """Run git without the user's configuration of name and address."""
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=directory,
        check=True,
        capture_output=True,
    )


def new_repository(root: Path) -> Path:
    """Create a repository without thrum."""
    root.mkdir()
    git(root, "init", "--quiet")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "begin")
    return root


def register(root: Path, name: str, role: str) -> None:
    """Register an agent in the worktree `root`."""
    repository_paths = paths.find(str(root))
    setup.initialize(repository_paths, setup.Initialize())
    with open_store(repository_paths) as store:
        agents.register(store, Register(name, role, "core"))


def new_team(repository: Path) -> Team:
    """Create two agents in two worktrees."""
    other = repository.parent / "feature"
    git(repository, "worktree", "add", "--quiet", str(other))
    register(repository, "planner", "planning")
    register(other, "builder", "building")
    return Team(repository, other)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository without thrum."""
    return new_repository(tmp_path / "project")


@pytest.fixture
def team(repository: Path) -> Team:
    """Two agents in two worktrees."""
    return new_team(repository)


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Planner's server, shared by a module's tests that leave nothing behind."""
    with Server(new_team(new_repository(tmp_path_factory.mktemp("shared") / "project")).planner) as server:
        server.greet()
        yield server


@pytest.fixture
def planner(team: Team) -> Iterator[Server]:
    """Planner's server after the handshake."""
    with Server(team.planner) as server:
        server.greet()
        yield server


@pytest.fixture
def builder(team: Team) -> Iterator[Server]:
    """Builder's server after the handshake."""
    with Server(team.builder) as server:
        server.greet()
        yield server
