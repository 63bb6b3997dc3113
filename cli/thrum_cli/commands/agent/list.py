"""agent list: the registered agents."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, ago, green, human
from thrum_store.service.team import agents, work
from thrum_store.service.team.agents import AgentInfo, AgentList, ListAgents
from thrum_store.service.team.work import WantContexts, WorkContexts
from thrum_store.values import Record

from .context import listed


class AgentsAndWork(Record):
    """The agents under `agents.agents`, and the work that each last reported under `contexts.contexts`."""

    agents: AgentList
    contexts: WorkContexts
    count: int


@command(
    "list",
    "thrum agent list",
    "thrum agent list --role implementer",
    "thrum agent list --context",
    returns=(AgentsAndWork, WorkContexts),
    options=(
        Option("--role", "Only agents with this role.", "ROLE", name="wanted_role"),
        Option("--module", "Only agents of this module.", "MODULE", name="wanted_module"),
        Option("--context", "Show branch, commits and intent of each agent.", name="with_work"),
    ),
)
def list_(app: App, wanted_role: str | None, wanted_module: str | None, with_work: bool) -> Outcome:
    """List the registered agents."""
    if with_work:
        return listed(app, wanted_role, wanted_module)
    known = agents.list_agents(app.store, ListAgents(wanted_role, wanted_module))
    works = work.contexts(app.store, WantContexts(role=wanted_role, module=wanted_module))
    answer = AgentsAndWork(known, works, known.count)
    if known.agents:
        return Outcome(answer)
    if wanted_role or wanted_module:
        return Outcome(answer, note="No agent matches. `thrum agent list` shows all agents.")
    return Outcome(
        answer,
        note="No agents registered yet. Register one: `thrum quickstart --name NAME --role ROLE --module MODULE`",
    )


@human.register(AgentsAndWork)
def _list(answer: AgentsAndWork, screen: Screen) -> str:
    known = answer.agents
    if not known.agents:
        return ""
    head = ("", "agent", "role", "module", "status", "seen", "host", "worktree")
    rows = [_row(agent, screen.now_ms) for agent in known.agents]
    return f"Registered agents ({len(rows)}):\n{table(head, rows, screen)}"


def _row(agent: AgentInfo, now_ms: int) -> tuple[str, ...]:
    status = "waiting" if agent.waiting else agent.status
    mark = green("●") if agent.status == "active" else "○"
    seen = ago(agent.last_seen_at, now_ms)
    return mark, f"@{agent.address}", agent.role, agent.module, status, seen, agent.hostname, agent.worktree
