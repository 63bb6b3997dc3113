"""A scratch repository with two worktrees and an agent in each, and a look at what lies in its log."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from thrum_store import setup
from thrum_store.errors import ThrumError
from thrum_store.machine.host import REAL
from thrum_store.model import Caller
from thrum_store.repository import paths
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import editing
from thrum_store.service.results import Recipient
from thrum_store.service.team import agents, sessions
from thrum_store.service.team.agents import Register
from thrum_store.setup import Initialize
from thrum_store.store import open_store

LIMIT = 15.0  # seconds until it gives up


class DemoFailed(ThrumError):
    """Raised when a step of the demonstration did not go as it must."""

    code = "demo_failed"


@dataclass(frozen=True)
class Shown:
    """What was seen: how fast, how much, and that it arrived."""

    tools: int
    first_answer_ms: float
    wake_ms: tuple[float, ...]
    messages: tuple[str, ...]
    statuses: tuple[str, ...]
    events: int
    seconds: float


class Actor(NamedTuple):
    """An agent on the stage."""

    name: str
    role: str
    root: str

    @property
    def paths(self) -> Paths:
        """Its worktree's places."""
        return paths.initialized(self.root)


def build(scratch: str) -> tuple[Actor, Actor]:
    """Makes the repository, its second worktree, the store and both agents, as the commands of the same names do."""
    planner = Actor("planner", "lead", os.path.join(scratch, "project"))
    builder = Actor("builder", "implementer", os.path.join(scratch, "builder"))
    GitRunner(scratch).run("init", "--quiet", planner.root)
    git = GitRunner(planner.root)
    git.run("commit", "--quiet", "--allow-empty", "--message", "begin")
    git.run("worktree", "add", "--quiet", "-b", "feature", builder.root)
    for actor in (planner, builder):
        _enter(actor)
    return planner, builder


def _enter(actor: Actor) -> None:
    places = paths.find(actor.root)
    setup.initialize(places, Initialize())
    with open_store(places) as store:
        agents.register(store, Register(actor.name, actor.role, "auth"))
        sessions.start(store, Caller(actor.name, worktree=places.worktree))


def receipts(actor: Actor, message_id: str) -> tuple[Recipient, ...]:
    """How far a message got with each recipient."""
    with open_store(actor.paths) as store:
        return editing.get(store, message_id).message.recipients


class Log(NamedTuple):
    """A file of an agent's log; `folder` leads there from the repository."""

    folder: str
    file: str
    lines: tuple[str, ...]


def log_of(actor: Actor) -> Log:
    """The first file of what an agent said, as it lies on the disk."""
    places = actor.paths
    with open_store(places) as store:
        folder = os.path.join(places.logs, store.own, actor.name)
    file = REAL.storage.listing(folder)[0]
    lines = REAL.storage.read(os.path.join(folder, file)).decode().splitlines()
    below = os.path.relpath(os.path.join(folder, file), places.sync)
    return Log(os.path.relpath(places.sync, os.path.dirname(places.thrum)), below, tuple(lines))
