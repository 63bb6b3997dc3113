"""Where this server stands: which repository, which agent. Who calls is looked up anew at each call, so an agent that
registers after the server started, or a repository that is initialised meanwhile, needs no restart.

The store stays open between calls, in one thread of its own. Opening it each time would cost more than most calls do,
above all where nobody else has it open: then SQLite makes its WAL anew and writes it back each time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError

from thrum_store import database, identity, paths
from thrum_store.errors import NoIdentity, ThrumError
from thrum_store.model import Caller
from thrum_store.paths import Paths
from thrum_store.store import Store, open_store, use_case

from .exchange import Exchange

T = TypeVar("T")


class Door:
    """The repository and the name that the server was started with; the way to everything that touches a disk."""

    def __init__(self, repo: str, agent_id: str | None = None) -> None:
        self._repo = repo
        self._agent_id = agent_id
        self._thread = ThreadPoolExecutor(1, "store")
        self._store: Store | None = None
        self._files: Files = ()
        self._caught_up = 0.0  # when, by the monotonic clock

    async def look(self, job: Callable[[Store], T]) -> T:
        """What `job` returns; it gets the store, caught up within the last second. Once begun, it runs to its end.

        Raises NotARepository, NotInitialized, StoreBusy, and what `job` raises.
        """
        await anyio.lowlevel.checkpoint_if_cancelled()
        done = asyncio.get_running_loop().run_in_executor(self._thread, lambda: job(self._opened()))
        with anyio.CancelScope(shield=True):
            await asyncio.wait([done])
        return done.result()

    async def act(self, job: Callable[[Store, Caller], T]) -> T:
        """Like `look`, for jobs that need to know who calls. Raises NoIdentity as well."""
        return await self.look(lambda store: job(store, self.caller(store.paths)))

    def _opened(self) -> Store:
        store = self._store
        if store is None or not self._counts(store):
            self._closed()
            store = self._store = open_store(paths.initialized(self._repo))
            self._caught_up = store.host.clock.monotonic()
        elif (now := store.host.clock.monotonic()) - self._caught_up >= _FRESH:
            _caught_up(store)
            self._caught_up = now
        self._files = _files(store)
        return store

    def _counts(self, store: Store) -> bool:
        """Whether this is still the view: another process may have replaced it, and anybody may have removed it."""
        return database.current(store.paths.var, store.host) == store.generation and _files(store) == self._files

    def _closed(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def close(self) -> None:
        """Closes the store, in the thread that it belongs to."""
        self._thread.submit(self._closed)
        self._thread.shutdown()

    def caller(self, places: Paths) -> Caller:
        """Who is calling: --agent-id, then THRUM_NAME, then the worktree's identity file. Raises NoIdentity."""
        environ: dict[str, str] = dict(os.environ)
        if self._agent_id is not None:
            environ["THRUM_NAME"] = self._agent_id
        return identity.resolve(places, environ=environ)

    def name(self, places: Paths) -> str | None:
        """The caller's name, or None where nothing decides it."""
        try:
            return self.caller(places).name
        except NoIdentity:
            return None


_caught_up = use_case(Store.catch_up)

# Whoever says something shows it itself before it rings. Only what a process left that died in between is found by
# catching up, and two seconds are soon enough for that (reliability V3).
_FRESH = 0.9  # seconds; less than a waiter's tick, so that each tick catches up

Files = tuple[int, ...]


def _files(store: Store) -> Files:
    """Which files the view consists of at this moment, 0 for one that is missing."""
    return tuple(_inode(store.generation + suffix) for suffix in ("", "-wal", "-shm"))


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


Call = Context[Door, Exchange]
"""What a tool learns about the call it answers."""


def door(call: Call) -> Door:
    """Where the server of this call stands."""
    return call.request_context.lifespan_context


def exchange(call: Call) -> Exchange:
    """The exchange that carries the answer; our own transport makes one for each request."""
    request = call.request_context.request
    assert request is not None, "only served over thrum_mcp.stdio"
    return request


def refusal(error: ToolError) -> CallToolResult:
    """The one place where an error becomes what the model reads: a sentence, what to do next, a stable code."""
    cause = error.__cause__
    if isinstance(cause, ThrumError):
        text = sentence(cause)
    elif isinstance(cause, ValidationError):
        text = "; ".join(_complaint(dict(detail)) for detail in cause.errors(include_url=False))
    else:
        text = "thrum failed at this; its log, .thrum/var/log/mcp.log, says why"
    return CallToolResult(content=[TextContent(text=text)], is_error=True)


def sentence(error: ThrumError) -> str:
    """What happened, what to do, and the code, on one line."""
    hint = f". What to do: {error.hint}" if error.hint else ""
    return f"{error.message}{hint} ({error.code})"


def _complaint(detail: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    return f"`{place}`: {detail['msg']} (invalid)"
