"""context.*: in the worktree of the agent that is named, else of the caller."""

from __future__ import annotations

from dataclasses import dataclass

from thrum_mcp.daemon.rpc.request_context import RequestContext, method
from thrum_store.service.team import contexts
from thrum_store.service.team.contexts import Cleared, Context, Saved
from thrum_store.store import Store


@dataclass(frozen=True)
class SaveParams:
    """A text to keep."""

    content: str
    agent_name: str | None = None
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class NameParams:
    """Whose; None: the caller's."""

    agent_name: str | None = None
    caller_agent_id: str | None = None


def _place(desk: RequestContext, params: SaveParams | NameParams) -> tuple[Store, str]:
    caller = desk.caller(params.agent_name or params.caller_agent_id)
    return desk.store_of(caller), caller.name


def _save(desk: RequestContext, params: SaveParams) -> Saved:
    """Keeps a text as an agent's context."""
    return contexts.save(*_place(desk, params), params.content)


def _show(desk: RequestContext, params: NameParams) -> Context:
    """An agent's context and preamble."""
    return contexts.show(*_place(desk, params))


def _clear(desk: RequestContext, params: NameParams) -> Cleared:
    """Removes an agent's context; its preamble stays."""
    return contexts.clear(*_place(desk, params))


def _set_preamble(desk: RequestContext, params: SaveParams) -> Saved:
    """Keeps a text as what stands before an agent's context."""
    return contexts.set_preamble(*_place(desk, params), params.content)


METHODS = {
    "context.save": method(_save),
    "context.show": method(_show),
    "context.clear": method(_clear),
    "context.preamble.show": method(_show),
    "context.preamble.save": method(_set_preamble),
}
