"""Presence of agents at this moment: the same answer for team, ping, lists and prime."""

from __future__ import annotations

from thrum_store.machine import listeners
from thrum_store.store import Store
from thrum_store.values import NamedTuple
from thrum_store.view.queries.lookup import Agent


class Presence(NamedTuple):
    """The current time, and the names of our agents that wait for mail now."""

    now_ms: int
    listening: frozenset[str]

    def listens(self, agent: Agent) -> bool:
        """Return whether an agent waits for mail at this moment, on this machine."""
        return agent.own and agent.name in self.listening

    def status(self, agent: Agent) -> str:
        """Return active (an open session, and seen lately or waiting for mail) or offline."""
        present = agent.active(self.now_ms) or (self.listens(agent) and agent.session is not None)
        return "active" if present else "offline"

    def seen_ms(self, agent: Agent) -> int:
        """Return when an agent was last seen."""
        return self.now_ms if self.listens(agent) else agent.seen_ms


def now(store: Store) -> Presence:
    """Return the presence at this moment."""
    return Presence(store.host.clock.wall_ms(), frozenset(listeners.listening(store.paths.bells)))
