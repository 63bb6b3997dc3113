"""A real repository with a store, and agents that use the services."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from thrum_store import setup
from thrum_store.identity import Caller
from thrum_store.machine.host import REAL, Clock, Host
from thrum_store.repository import paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import agents, sessions
from thrum_store.service.team.agents import Register
from thrum_store.store import Store, open_store


class Watch(Clock):
    """A clock that stands until it is moved; waiting for a lock still takes real time."""

    def __init__(self) -> None:
        self.ms = 1_790_000_000_000

    def wall_ms(self) -> int:
        return self.ms

    def pass_by(self, *, days: float = 0, minutes: float = 0) -> None:
        """Move the clock forward."""
        self.ms += int(days * 86_400_000 + minutes * 60_000)


@dataclass
class Place:
    """A worktree with a store, and a clock that the test sets."""

    root: Path
    watch: Watch

    @property
    def paths(self) -> paths.Paths:
        return paths.find(str(self.root))

    @property
    def host(self) -> Host:
        return REAL._replace(clock=self.watch)

    @contextmanager
    def open(self) -> Generator[Store]:
        """Open the store for one use."""
        with open_store(self.paths, self.host) as store:
            yield store

    def caller(self, name: str) -> Caller:
        """Return a caller in this worktree."""
        return Caller(name, worktree=self.paths.worktree)

    def join(self, name: str, role: str = "implementer", module: str = "core") -> Caller:
        """Register an agent in this worktree, and start its session."""
        with self.open() as store:
            agents.register(store, Register(name, role, module))
            sessions.start(store, self.caller(name))
        return self.caller(name)

    def send(self, author: str, content: str, *to: str) -> str:
        """Send a message; return its id."""
        with self.open() as store:
            return sending.send(store, self.caller(author), SendMessage(content, to=to)).header.id

    def write(self, name: str, text: str = "x\n") -> Path:
        """Write a file of the worktree."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def commit(self, *names: str, message: str = "work") -> None:
        """Commit these files."""
        git(self.root, "add", "--", *names)
        git(self.root, "commit", "--quiet", "--message", message)

    def branch_out(self, name: str) -> Place:
        """Add a worktree on a branch of that name, which shares this store."""
        other = self.root.parent / name
        git(self.root, "worktree", "add", "--quiet", "-b", name, str(other))
        setup.initialize(paths.find(str(other)), setup.Initialize(), self.host)
        return Place(other, self.watch)


def git(directory: Path, *arguments: str) -> str:
    """Run git without the user's settings; return its output."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments]
    done = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True, env=environment)
    return done.stdout


def made(tmp_path: Path) -> Place:
    """Make a repository with one commit on main, and a store."""
    root = tmp_path / "my project ü"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    place = Place(root, Watch())
    setup.initialize(place.paths, setup.Initialize(), place.host)
    place.write("README.md")
    place.commit("README.md", ".gitignore", message="begin")
    return place


def cut_short(place: Place, step: str) -> None:
    """Purge everything in a process that is killed at a step: purge.said, purge.cut or purge.removed."""
    environment = {**os.environ, "THRUM_TESTING": "1", "THRUM_FAILPOINT": f"{step}:kill:1"}
    script = Path(sys.executable).with_name("thrum")
    done = subprocess.run(
        [script, "purge", "--all", "--confirm"], cwd=place.root, env=environment, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
