"""May this caller speak under this name? Asked by every use case that writes."""

from __future__ import annotations

from ..errors import NotRegistered, WorktreeMismatch
from ..model import Caller
from ..queries import agents
from ..queries.agents import Agent
from ..store import Store


def acting(store: Store, caller: Caller) -> Agent:
    """The caller's own agent; raises NotRegistered, or WorktreeMismatch where the name belongs to another worktree.

    That prevents mistakes between agents that mean well. It is no defence against a process of the same user.
    """
    agent = known(store, caller)
    if caller.worktree and agent.worktree and caller.worktree != agent.worktree:
        raise WorktreeMismatch(caller.name, agent.worktree, caller.worktree)
    return agent


def known(store: Store, caller: Caller) -> Agent:
    """The caller's own agent, for looking only; raises NotRegistered."""
    agent = agents.own(store.view, caller.name)
    if agent is None:
        raise NotRegistered(caller.name)
    return agent


def known_id(store: Store, caller: Caller) -> int:
    """The id of the caller's own agent, for a look that happens often; raises NotRegistered."""
    found = agents.own_id(store.view, caller.name)
    if found is None:
        raise NotRegistered(caller.name)
    return found
