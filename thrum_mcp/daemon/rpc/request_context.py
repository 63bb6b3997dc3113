"""The context of a request: the store, the caller, and the notifications that the connection asks for."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from typing import Any, NamedTuple, Protocol

from thrum_store import identity
from thrum_store.identity import Caller
from thrum_store.repository import paths, worktrees
from thrum_store.repository.paths import Paths
from thrum_store.service import message_parts
from thrum_store.service.messages.feeds import FeedCursor
from thrum_store.service.team import sessions
from thrum_store.store import Store, open_store


class Daemon(Protocol):
    """Facts about the daemon that methods need."""

    @property
    def paths(self) -> Paths:
        """The paths of its store."""
        ...

    def health(self) -> Any:
        """Return its state, a `supervisor.Health`."""
        ...

    def sync_now(self) -> bool:
        """Let the loop sync; return whether that begins now, not after a running one."""
        ...

    def local_only(self) -> bool:
        """Return whether the sync stays on this machine. Raises Invalid."""
        ...


class Listening(NamedTuple):
    """A request for notifications of a session's subscriptions, from a cursor on.

    `moves`: a connection that gets them already goes to this cursor.
    """

    session: str
    cursor: FeedCursor
    moves: bool = False


class RequestContext:
    """The context of the calls of one frame, which run one after the other on one thread."""

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
        """Return the agent of this name, else the only identity of the daemon's worktree. Raises NoIdentity, Invalid.

        The name is trusted: only processes of the same user can connect. The daemon's own environment is ignored,
        because it says nothing about who calls.
        """
        if name is not None:
            return Caller(identity.valid_name(name.removeprefix("@"), "agent's name"), source="flag")
        return identity.resolve(self.daemon.paths, environ={})

    def session_caller(self, name: str | None, session_id: str | None) -> Caller:
        """Return the agent of this name, else the session's owner. Raises as `caller`, and UnknownSession."""
        if name is None and session_id is not None:
            name = sessions.owner(self.store, session_id)
        return self.caller(name)

    def store_of(self, name: str) -> Store:
        """Return the store as seen from an agent's worktree: its git state and identity file are there."""
        worktree = message_parts.worktree(self.store, name)
        if worktree in ("", self.store.paths.worktree):
            return self.store
        root = worktrees.places(self.store.paths, self.store.host).get(worktree)
        if root is None:
            return self.store
        return self._opened.enter_context(open_store(paths.find(root), self.store.host))

    def close(self) -> None:
        """Close the store if it was opened."""
        self._opened.close()
