"""What a method of the RPC door works with, and how it becomes one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol, TypeVar, get_type_hints

from pydantic import TypeAdapter

from thrum_store import identity, model
from thrum_store.model import Caller
from thrum_store.repository import paths, worktrees
from thrum_store.repository.paths import Paths
from thrum_store.service.messages.feeds import FeedCursor
from thrum_store.store import Store, open_store
from thrum_store.view.queries import agents

P = TypeVar("P")
R = TypeVar("R")


class Daemon(Protocol):
    """What methods may ask the daemon about itself."""

    @property
    def paths(self) -> Paths:
        """The places of its store."""
        ...

    def health(self) -> Any:
        """How it is: see `health.Health`."""
        ...


class Listening(NamedTuple):
    """That a connection wants to be told what a session subscribed to, from a cursor on.

    `moves` says that it wants so even where it is told already, and stands elsewhere.
    """

    session: str
    cursor: FeedCursor
    moves: bool = False


class RequestContext:
    """One frame's calls are worked on here, on one thread: the store, who is calling, and what they listen to."""

    def __init__(self, daemon: Daemon, *, listens: bool) -> None:
        self.daemon = daemon
        self.listening: Listening | None = None
        self.can_listen = listens
        self._opened = ExitStack()

    @functools.cached_property
    def store(self) -> Store:
        """The store, opened for these calls. Raises NotInitialized."""
        return self._opened.enter_context(open_store(self.daemon.paths))

    def caller(self, name: str | None) -> Caller:
        """The agent that is named, else the only identity of the daemon's worktree. Raises NoIdentity, Invalid.

        A name is believed: whoever may use this door is a process of the same user (reliability §4). The environment
        that the daemon happened to be started in says nothing about its callers.
        """
        if name is not None:
            return Caller(model.name(name.removeprefix("@"), "agent's name"), source="flag")
        return identity.resolve(self.daemon.paths, environ={})

    def store_of(self, caller: Caller) -> Store:
        """The store as seen from the worktree of this agent: for what git says there, and for its identity file."""
        agent = agents.own(self.store.view, caller.name)
        here = self.store.paths
        if agent is None or agent.worktree in ("", here.worktree):
            return self.store
        root = worktrees.places(here, self.store.host).get(agent.worktree)
        if root is None:
            return self.store
        return self._opened.enter_context(open_store(paths.find(root), self.store.host))

    def close(self) -> None:
        """Closes the store, if it was opened."""
        self._opened.close()


class Method(NamedTuple):
    """A method of the table: its parameters, what it returns, what it does, and the function that does it."""

    params: type
    result: type
    about: str
    run: Callable[[RequestContext, Any], object]

    @property
    def parameters(self) -> frozenset[str]:
        """The names it takes."""
        return frozenset(one.name for one in fields(self.params))


@dataclass(frozen=True)
class Nothing:
    """No parameters."""


@dataclass(frozen=True)
class Asked:
    """Only who is calling."""

    caller_agent_id: str | None = None


def method(function: Callable[[RequestContext, P], R]) -> Method:
    """A function `(desk, params) -> result` as a method; its docstring is what the documentation says of it."""
    hints = get_type_hints(function)
    names = list(inspect.signature(function).parameters)
    return Method(hints[names[1]], hints["return"], inspect.getdoc(function) or "", function)


@functools.cache
def adapter(params: type) -> TypeAdapter[Any]:
    """What checks parameters; made when a method is called for the first time."""
    return TypeAdapter(params)
