"""What the shell may offer while an argument is typed."""

from __future__ import annotations

import click

from .app import App


def addresses(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The agents, roles and groups that begin like this; none where there is no store."""
    from thrum_store.errors import ThrumError  # only when a shell asks
    from thrum_store.service.team import agents, groups
    from thrum_store.service.team.agents import ListAgents

    app = context.find_object(App) or App()
    try:
        known = agents.list_agents(app.store, ListAgents()).agents
        named = groups.list_groups(app.store).groups
    except ThrumError:
        return []
    names = {name for one in known for name in (one.agent_id, one.role)} | {one.name for one in named}
    wanted = incomplete.removeprefix("@")
    return [f"@{name}" for name in sorted(names) if name.startswith(wanted)]
