"""Who is there at this moment: the one answer that team, ping, lists and prime give."""

from __future__ import annotations

from typing import NamedTuple

from thrum_store.machine import bells
from thrum_store.store import Store
from thrum_store.view.queries.agents import Agent


class Presence(NamedTuple):
    """Now, and who holds a bell now."""

    now_ms: int
    listening: frozenset[str]

    def listens(self, agent: Agent) -> bool:
        """Whether it waits for mail at this very moment, on this machine."""
        return agent.own and agent.name in self.listening

    def status(self, agent: Agent) -> str:
        """active or offline: an open session, and a sign of life lately or a bell that is held now."""
        there = agent.active(self.now_ms) or (self.listens(agent) and agent.session is not None)
        return "active" if there else "offline"

    def seen_ms(self, agent: Agent) -> int:
        """When it was seen last."""
        return self.now_ms if self.listens(agent) else agent.seen_ms


def now(store: Store) -> Presence:
    """Who is there now."""
    return Presence(store.host.clock.wall_ms(), frozenset(bells.listening(store.paths.bells)))
