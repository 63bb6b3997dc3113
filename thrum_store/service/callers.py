"""May this caller speak under this name? Asked by every use case that writes."""

from __future__ import annotations

from thrum_store.errors import NotRegistered, WorktreeMismatch
from thrum_store.model import Caller
from thrum_store.store import Store
from thrum_store.view.queries import agents
from thrum_store.view.queries.agents import Agent, Speaker


def acting(store: Store, caller: Caller) -> Agent:
    """The caller's own agent; raises NotRegistered, or WorktreeMismatch where the name belongs to another worktree.

    That prevents mistakes between agents that mean well. It is no defence against a process of the same user.
    """
    agent = known(store, caller)
    _at_home(caller, agent.worktree)
    return agent


def speaking(store: Store, caller: Caller) -> Speaker:
    """Like `acting`, with no more than a send or a check needs to know."""
    speaker = agents.speaker(store.view, caller.name)
    if speaker is None:
        raise NotRegistered(caller.name)
    _at_home(caller, speaker.worktree)
    return speaker


def _at_home(caller: Caller, worktree: str) -> None:
    if caller.worktree and worktree and caller.worktree != worktree:
        raise WorktreeMismatch(caller.name, worktree, caller.worktree)


def known(store: Store, caller: Caller) -> Agent:
    """The caller's own agent, for looking only; raises NotRegistered."""
    agent = agents.own(store.view, caller.name)
    if agent is None:
        raise NotRegistered(caller.name)
    return agent


def known_id(store: Store, caller: Caller) -> int:
    """The id of the caller's own agent, for a look that happens often; raises NotRegistered."""
    agent = agents.speaker(store.view, caller.name)
    if agent is None:
        raise NotRegistered(caller.name)
    return agent.id


def worktree(store: Store, name: str) -> str:
    """Return the worktree that an agent of this store works in; empty where there is no such agent."""
    agent = agents.own(store.view, name)
    return agent.worktree if agent is not None else ""
