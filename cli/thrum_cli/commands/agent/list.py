"""agent list: the registered agents."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.text import ago, green
from thrum_store.service.team import agents
from thrum_store.service.team.agents import AgentInfo, AgentList, ListAgents
from thrum_store.service.team.work import WorkContexts

from .context import listed


@command(
    "list",
    "thrum agent list",
    "thrum agent list --role implementer",
    "thrum agent list --context",
    returns=(AgentList, WorkContexts),
    options=(
        Option("--role", "Only agents with this role.", "ROLE", name="wanted_role"),
        Option("--module", "Only agents of this module.", "MODULE", name="wanted_module"),
        Option("--context", "Show branch, commits and intent of each.", name="with_work"),
    ),
)
def list_(app: App, wanted_role: str | None, wanted_module: str | None, with_work: bool) -> Outcome:
    """List the registered agents."""
    if with_work:
        return listed(app, wanted_role, wanted_module)
    found = agents.list_agents(app.store, ListAgents(wanted_role, wanted_module))
    if found.agents:
        return Outcome(found)
    narrowed = "Nobody fits. `thrum agent list` shows everybody."
    nobody = "Nobody is registered. Be the first: `thrum quickstart --name NAME --role ROLE --module MODULE`"
    return Outcome(found, note=narrowed if wanted_role or wanted_module else nobody)


@human.register(AgentList)
def _list(found: AgentList, screen: Screen) -> str:
    if not found.agents:
        return ""
    head = ("", "agent", "role", "module", "status", "seen", "host", "worktree")
    return table(head, [_row(one, screen.now_ms) for one in found.agents], screen)


def _row(one: AgentInfo, now_ms: int) -> tuple[str, ...]:
    status = "waiting" if one.waiting else one.status
    mark = green("●") if one.status == "active" else "○"
    seen = ago(one.last_seen_at, now_ms)
    return mark, f"@{one.address}", one.role, one.module, status, seen, one.hostname, one.worktree
