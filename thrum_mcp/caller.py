"""Where this server stands: which repository, which agent. Who calls is looked up anew at each call, so an agent that
registers after the server started, or a repository that is initialised meanwhile, needs no restart.
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

from thrum_store import identity, model
from thrum_store.errors import Invalid, NoIdentity, ThrumError
from thrum_store.model import Caller
from thrum_store.repository.paths import Paths
from thrum_store.store import Store

from .store_thread import StoreThread
from .transport.pending_requests import PendingRequest

T = TypeVar("T")


class CallerContext:
    """The repository and the name that the server was started with; the way to everything that touches a disk."""

    def __init__(self, repo: str, agent_id: str | None = None) -> None:
        self._repo = repo
        self._agent_id = agent_id
        self._room = StoreThread(repo)
        self._idle: list[StoreThread] = []  # for waits, which hold one each
        self._waits = 0

    async def look(self, job: Callable[[Store], T]) -> T:
        """What `job` returns; it gets the store, caught up within the last second. Once begun, it runs to its end.

        Raises NotARepository, NotInitialized, StoreBusy, and what `job` raises.
        """
        await anyio.lowlevel.checkpoint_if_cancelled()
        work = self._room.begin(job)
        with anyio.CancelScope(shield=True):
            await work.wait()
        return work.result()

    async def act(self, job: Callable[[Store, Caller], T]) -> T:
        """Like `look`, for jobs that need to know who calls. Raises NoIdentity as well."""
        return await self.look(lambda store: job(store, self.caller(store.paths)))

    @contextmanager
    def waiting_room(self) -> Generator[StoreThread]:
        """A room of its own for a wait, so that calls are answered meanwhile. Raises Invalid where there are too many.

        Nothing may be going on in it any more when it is given back.
        """
        if self._waits >= _MOST_WAITS:
            raise Invalid(f"{_MOST_WAITS} waits of this client are in progress", hint="let one of them end first")
        self._waits += 1
        room = self._idle.pop() if self._idle else StoreThread(self._repo)
        try:
            yield room
        finally:
            self._waits -= 1
            self._idle.append(room)

    def close(self) -> None:
        """Closes the stores."""
        for room in (self._room, *self._idle):
            room.close()

    def caller(self, places: Paths) -> Caller:
        """Who is calling: --agent-id, then THRUM_NAME, then the worktree's identity file. Raises NoIdentity."""
        if self._agent_id is not None:
            name, source = model.name(self._agent_id), "flag"
        else:
            name, source = identity.decided(places)
        return Caller(name, worktree=places.worktree, source=source)

    def name(self, places: Paths) -> str | None:
        """The caller's name, or None where nothing decides it."""
        try:
            return self.caller(places).name
        except NoIdentity:
            return None


_MOST_WAITS = 16  # each holds a thread and an open view

Call = Context[CallerContext, PendingRequest]
"""What a tool learns about the call it answers."""


def door(call: Call) -> CallerContext:
    """Where the server of this call stands."""
    return call.request_context.lifespan_context


def exchange(call: Call) -> PendingRequest:
    """The exchange that carries the answer; our own transport makes one for each request."""
    request = call.request_context.request
    assert request is not None, "only served over thrum_mcp.transport.stdio"
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
