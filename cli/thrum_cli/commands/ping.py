"""ping: the presence of one agent."""

from __future__ import annotations

from thrum_cli.command import App, Argument, command
from thrum_cli.terminal.output import Screen, ago, human
from thrum_store.service.team import agents, roster, work
from thrum_store.service.team.agents import AgentList, ListAgents
from thrum_store.service.team.roster import Ping
from thrum_store.service.team.work import WantContexts, WorkContexts
from thrum_store.values import fields_of, plural, replaced


class Pinged(Ping):
    """The presence of one agent, with its registration and its work. `waiting`: it waits for mail at this moment."""

    agents: AgentList
    contexts: WorkContexts


@command("ping", "thrum ping @reviewer", "thrum ping builder", options=(Argument("agent", complete="addresses"),))
def ping(app: App, agent: str) -> Pinged:
    """Check whether an agent is active.

    Give its name or its role.
    """
    presence = roster.ping(app.store, agent)
    known = agents.list_agents(app.store, ListAgents())
    return Pinged(
        **{field: getattr(presence, field) for field in fields_of(presence) or ()},
        agents=replaced(
            known, agents=tuple(each for each in known.agents if each.address == presence.address), count=1
        ),
        contexts=work.contexts(app.store, WantContexts(presence.address)),
    )


@human.register(Pinged)
def _ping(presence: Pinged, screen: Screen) -> str:
    seen = "waiting for messages" if presence.waiting else f"last heartbeat {ago(presence.last_seen_at, screen.now_ms)}"
    lines = [f"@{presence.address}: {presence.status}, {seen}"]
    rows = (("Intent", presence.intent), ("Task", presence.current_task), ("Branch", presence.branch))
    lines += [f"  {name}: {value}" for name, value in rows if value]
    lines += [f"  {plural(presence.inbox_unread, 'unread message')}"] if presence.inbox_unread else []
    return "\n".join(lines)
