"""A real repository, and a team of two: planner in it, builder in a worktree of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from .shell import Shell, git


@dataclass(frozen=True)
class Team:
    """Two agents at their shells."""

    planner: Shell
    builder: Shell

    def says(self, text: str, *options: str) -> str:
        """Send a message from planner to builder; return its id."""
        message_id: str = self.planner.json("send", text, "--to", "@builder", *options)["message_id"]
        return message_id


def created(folder: Path) -> Shell:
    """A shell in a new repository with one commit."""
    root = folder / "project"
    root.mkdir()
    git(root, "init", "--quiet")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "begin")
    return Shell(root)


def gathered(folder: Path) -> Team:
    """Planner and builder, registered, each with a session."""
    planner = created(folder)
    other = folder / "feature"
    git(planner.cwd, "worktree", "add", "--quiet", str(other))
    builder = planner.at(other)
    planner.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    return Team(planner, builder)


@pytest.fixture
def repository(tmp_path: Path) -> Shell:
    """A repository that thrum was not set up in."""
    return created(tmp_path)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Planner and builder, registered, each with a session."""
    return gathered(tmp_path)
