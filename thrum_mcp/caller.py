"""The calling agent, and its way to the store.

The caller is looked up at each call. So an agent may register, or a repository be initialised, after the server began.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError

from thrum_store import identity
from thrum_store.errors import Invalid, NoIdentity, ThrumError
from thrum_store.identity import Caller, Given
from thrum_store.repository.paths import Paths
from thrum_store.store import Store

from .store_thread import StoreThread
from .transport.pending_requests import PendingRequest

T = TypeVar("T")


class CallerContext:
    """The repository and agent name that the server was started with, and the threads that use the store."""

    def __init__(self, repo: str, agent_id: str | None = None) -> None:
        self._repo = repo
        self._given = Given(None if agent_id is None else identity.agent_name(agent_id))
        self._thread = StoreThread(repo)
        self._idle: list[StoreThread] = []  # for waits, each of which needs one
        self._waits = 0

    async def with_store(self, job: Callable[[Store], T]) -> T:
        """Run `job` with a store that was caught up within the last second; return its result.

        A job that has begun runs to its end. Raises NotARepository, NotInitialized, StoreBusy and what `job` raises.
        """
        await anyio.lowlevel.checkpoint_if_cancelled()
        running = self._thread.begin(job)
        with anyio.CancelScope(shield=True):
            await running.wait()
        return running.result()

    async def as_caller(self, job: Callable[[Store, Caller], T]) -> T:
        """Run `job` with the store and the calling agent. Raises NoIdentity, and as `with_store`."""
        return await self.with_store(lambda store: job(store, self.caller(store.paths)))

    @contextmanager
    def wait_thread(self) -> Generator[StoreThread]:
        """Lend a thread to a wait, so that calls are answered meanwhile. Its job must end before the block does.

        Raises Invalid if too many waits are in progress.
        """
        if self._waits >= _MOST_WAITS:
            raise Invalid(
                f"{_MOST_WAITS} waits of this client are in progress", hint="try again after one of them has ended"
            )
        self._waits += 1
        thread = self._idle.pop() if self._idle else StoreThread(self._repo)
        try:
            yield thread
        finally:
            self._waits -= 1
            self._idle.append(thread)

    def close(self) -> None:
        """Close the stores."""
        for thread in (self._thread, *self._idle):
            thread.close()

    def caller(self, paths: Paths) -> Caller:
        """Return the caller: by THRUM_NAME, --agent-id or the worktree's identity file. Raises NoIdentity."""
        return identity.resolve(paths, self._given)

    def caller_name(self, paths: Paths) -> str | None:
        """Return the caller's name, or None if nothing decides it."""
        try:
            return self.caller(paths).name
        except NoIdentity:
            return None


_MOST_WAITS = 16  # each needs a thread and an open view

Call = Context[CallerContext, PendingRequest]
"""A call of a tool, as the SDK gives it to the tool."""


def context_of(call: Call) -> CallerContext:
    """Return the context that the server of this call was started with."""
    return call.request_context.lifespan_context


def request_of(call: Call) -> PendingRequest:
    """Return the pending request of this call; our own transport makes one for each request."""
    request = call.request_context.request
    assert request is not None, "only served over thrum_mcp.transport.stdio"
    return request


def error_result(error: ToolError) -> CallToolResult:
    """Return an error as the model reads it: a sentence, the next step and a stable code. Only this does so."""
    cause = error.__cause__
    if isinstance(cause, ThrumError):
        text = sentence(cause)
    elif isinstance(cause, ValidationError):
        text = "; ".join(_complaint(dict(detail)) for detail in cause.errors(include_url=False))
    else:
        text = "thrum has failed internally. Its log says why: .git/thrum-sync/var/log/mcp.log"
    return CallToolResult(content=[TextContent(text=text)], is_error=True)


def sentence(error: ThrumError) -> str:
    """Return an error's message, hint and code on one line."""
    hint = f". What to do: {error.hint}" if error.hint else ""
    return f"{error.message}{hint} ({error.code})"


def _complaint(detail: dict[str, Any]) -> str:
    parameter = ".".join(str(part) for part in detail["loc"])
    return f"`{parameter}`: {detail['msg']} (invalid)"
