"""A repository that only `thrum init --runtime all` set up, an agent in a real client, a colleague at a shell."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.shell import Shell, git

from . import transcripts
from .installed import Client, Seat
from .model import PATIENCE, Model

IN_CI = ("claude", "gemini")  # the clients that integration installs: there a missing one is a failure


@dataclass(frozen=True)
class Workshop:
    """planner works in a client, builder at a shell in another worktree."""

    client: Client
    seat: Seat
    model: Model
    planner: Shell
    builder: Shell

    def work(self, prompt: str) -> str:
        """Give planner one prompt in a new session; return the client's output."""
        return self.client.work(self.seat, prompt)

    def tool(self, name: str) -> str:
        """Return the client's name for one of thrum's tools."""
        return self.client.tool.format(name)

    def sends(self, text: str) -> str:
        """builder writes to planner; the message's id."""
        message_id: str = json.loads(self.builder.run("send", text, "--to", "@planner", "--json").out)["message_id"]
        return message_id

    def sends_once_planner_waits(self, text: str) -> None:
        """builder writes as soon as planner's client is inside of a wait."""
        threading.Thread(target=self._sends_then, args=(text,)).start()

    def _sends_then(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            team = json.loads(self.builder.run("agent", "list", "--json").out)["agents"]["agents"]
            if any(agent["agent_id"] == "planner" and agent["waiting"] for agent in team):
                self.sends(text)
                return


def needed(client: Client) -> None:
    """Skip if a client is not installed; fail in integration, which installs it."""
    if client.installed:
        return
    if os.environ.get("CI") == "true" and client.name in IN_CI:
        pytest.fail(f"{client.name} is not installed")
    pytest.skip(f"{client.name} is not installed: `make clients` installs it")


@pytest.fixture
def model() -> Iterator[Model]:
    """Return the model that all clients of a test ask."""
    with Model() as fake:
        yield fake


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository with one commit, set up for every client, and two agents in two worktrees."""
    root, other = tmp_path / "project", tmp_path / "feature"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / "app.py").write_text("one\n")
    git(root, "add", "app.py")
    git(root, "commit", "--quiet", "--message", "begin")
    git(root, "worktree", "add", "--quiet", str(other))
    Shell(root).ok("init", "--runtime", "all")
    Shell(root).ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    Shell(other).ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    return root


@pytest.fixture
def workshop(
    client: Client, repository: Path, model: Model, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Workshop]:
    """Return a client whose user trusted the repository, with a colleague in another worktree.

    THRUM_TRANSCRIPTS=1 keeps the prompts of its model.
    """
    needed(client)
    home = tmp_path / "home"
    home.mkdir()
    seat = Seat(home, repository, model.port)
    client.trust(seat)
    yield Workshop(client, seat, model, Shell(repository), Shell(repository.parent / "feature"))
    if os.environ.get("THRUM_TRANSCRIPTS") == "1" and model.prompts:
        transcripts.write(request.node.name.replace("[", "-").removesuffix("]"), model.prompts)
