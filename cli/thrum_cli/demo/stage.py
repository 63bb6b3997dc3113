"""The scratch repository of `thrum demo`: two worktrees with an agent in each, and a look into their logs."""

from __future__ import annotations

import os

from thrum_store import setup
from thrum_store.errors import ThrumError
from thrum_store.identity import Caller
from thrum_store.machine.host import REAL
from thrum_store.repository import paths
from thrum_store.repository.paths import Paths
from thrum_store.service.message_parts import Recipient
from thrum_store.service.messages import editing
from thrum_store.service.team import agents, sessions
from thrum_store.service.team.agents import Register
from thrum_store.setup import Initialize
from thrum_store.store import open_store
from thrum_store.values import NamedTuple, Record

LIMIT = 15.0  # seconds until it gives up
_WITHOUT_USER_SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_PYTHON_REFRESH": "quiet",
}  # fmt: skip


class DemoFailed(ThrumError):
    """Raised if a step of the demonstration failed."""

    code = "demo_failed"


class Shown(Record):
    """The measurements of a demonstration: times, message ids, how far the messages got, and events in the logs."""

    tools: int
    first_answer_ms: float
    wake_ms: tuple[float, ...]
    messages: tuple[str, ...]
    statuses: tuple[str, ...]
    events: int
    seconds: float


class Actor(NamedTuple):
    """An agent of the demonstration."""

    name: str
    role: str
    root: str

    @property
    def paths(self) -> Paths:
        """The paths of its worktree."""
        return paths.initialized(self.root)


class _OwnEnvironment:
    """A context without the caller's GIT_* variables, which GitPython obeys and its children inherit."""

    def __enter__(self) -> None:
        self._kept = {name: value for name, value in os.environ.items() if name.startswith("GIT_")}
        for name in self._kept:
            del os.environ[name]
        os.environ.update(_WITHOUT_USER_SETTINGS)

    def __exit__(self, *_: object) -> None:
        for name in _WITHOUT_USER_SETTINGS:
            os.environ.pop(name, None)
        os.environ.update(self._kept)


def build(scratch: str) -> tuple[Actor, Actor]:
    """Create the repository, its second worktree, the store and both agents. Raises DemoFailed."""
    planner = Actor("planner", "lead", os.path.join(scratch, "project"))
    builder = Actor("builder", "implementer", os.path.join(scratch, "builder"))
    with _OwnEnvironment():
        _make_repository(planner.root, builder.root)
    for actor in (planner, builder):
        _enter(actor)
    return planner, builder


def _make_repository(root: str, worktree: str) -> None:
    import git  # deferred: it starts git, and must not see the caller's variables

    author = git.Actor("thrum", "thrum@localhost")
    try:
        with git.Repo.init(root) as repository:
            repository.index.commit("Begin", author=author, committer=author, skip_hooks=True)
            repository.git.worktree("add", "--quiet", "-b", "feature", worktree)
    except git.GitCommandNotFound:
        raise DemoFailed("git is not installed", hint="install git and run `thrum demo` again") from None
    except git.CommandError as error:
        raise DemoFailed(f"git could not make the scratch repository: {error}", hint="git --version") from None


def _enter(actor: Actor) -> None:
    places = paths.find(actor.root)
    setup.initialize(places, Initialize())
    with open_store(places) as store:
        agents.register(store, Register(actor.name, actor.role, "auth"))
        sessions.start(store, Caller(actor.name, worktree=places.worktree))


def receipts(actor: Actor, message_id: str) -> tuple[Recipient, ...]:
    """Return how far a message got with each recipient."""
    with open_store(actor.paths) as store:
        return editing.get(store, message_id).message.recipients


class AgentLog(NamedTuple):
    """The first file of an agent's log: its folder below the repository, its path in that, its lines."""

    folder: str
    file: str
    lines: tuple[str, ...]


def log_of(actor: Actor) -> AgentLog:
    """Return the first file of an agent's log, read from the disk."""
    places = actor.paths
    with open_store(places) as store:
        folder = os.path.join(places.logs, store.own, actor.name)
    file = REAL.storage.listing(folder)[0]
    lines = REAL.storage.read(os.path.join(folder, file)).decode().splitlines()
    below = os.path.relpath(os.path.join(folder, file), places.sync)
    return AgentLog(os.path.relpath(places.sync, os.path.dirname(places.thrum)), below, tuple(lines))
