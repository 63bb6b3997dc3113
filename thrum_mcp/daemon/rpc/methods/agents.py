"""agent.* and team.list"""

from __future__ import annotations

from dataclasses import dataclass

from thrum_mcp.daemon.rpc.request_context import Asked, RequestContext, method
from thrum_store.service.team import agents, removal, team, work
from thrum_store.service.team.agents import AgentList, ListAgents, Register, Registered, WhoAmI
from thrum_store.service.team.removal import AgentDeleted, CleanedUp, Cleanup
from thrum_store.service.team.team import Ping, Team
from thrum_store.service.team.work import WantContexts, WorkContexts


@dataclass(frozen=True)
class RegisterParams:
    """Who to register, in the daemon's worktree. `name` may be left out."""

    role: str
    module: str
    name: str | None = None
    display: str = ""
    force: bool = False
    re_register: bool = False


@dataclass(frozen=True)
class ListParams:
    """Which agents."""

    role: str | None = None
    module: str | None = None
    include_offline: bool = True


@dataclass(frozen=True)
class ContextParams:
    """Which work contexts: of an agent or a role, on a branch, with a file."""

    agent_id: str | None = None
    branch: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class PingParams:
    """An agent's name, with or without @."""

    name: str


@dataclass(frozen=True)
class TeamParams:
    """Whether agents without an open session count as well."""

    include_offline: bool = False


@dataclass(frozen=True)
class DeleteParams:
    """An agent of this store."""

    name: str
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class CleanupParams:
    """Agents not seen for `threshold` days; only with `force` they are deleted."""

    threshold: int = 30
    force: bool = False
    dry_run: bool = False
    caller_agent_id: str | None = None


def _register(desk: RequestContext, params: RegisterParams) -> Registered:
    """Registers an agent."""
    request = Register(
        params.name, params.role, params.module, params.display, params.force, params.re_register
    )  # fmt: skip
    return agents.register(desk.store, request)


def _list(desk: RequestContext, params: ListParams) -> AgentList:
    """The registered agents, those who registered last first."""
    return agents.list_agents(desk.store, ListAgents(params.role, params.module, params.include_offline))


def _whoami(desk: RequestContext, params: Asked) -> WhoAmI:
    """The caller, as the store knows it."""
    return agents.whoami(desk.store, desk.caller(params.caller_agent_id))


def _contexts(desk: RequestContext, params: ContextParams) -> WorkContexts:
    """What agents are working on, as they last told."""
    wanted = WantContexts(params.agent_id, params.branch, params.file, desk.store.paths.root)
    return work.contexts(desk.store, wanted)


def _ping(desk: RequestContext, params: PingParams) -> Ping:
    """Whether an agent is there."""
    return team.ping(desk.store, params.name)


def _team(desk: RequestContext, params: TeamParams) -> Team:
    """Everybody at a glance: sessions, work, mailboxes."""
    return team.team(desk.store, params.include_offline)


def _delete(desk: RequestContext, params: DeleteParams) -> AgentDeleted:
    """Deletes an agent: registration, identity, context, and its messages from every mailbox."""
    return removal.delete(desk.store, params.name, by=params.caller_agent_id or "", force=True)


def _cleanup(desk: RequestContext, params: CleanupParams) -> CleanedUp:
    """Finds agents that nobody uses any more."""
    request = Cleanup(params.threshold, params.force, params.dry_run)
    return removal.cleanup(desk.store, request, by=params.caller_agent_id or "")


METHODS = {
    "agent.register": method(_register),
    "agent.list": method(_list),
    "agent.whoami": method(_whoami),
    "agent.listContext": method(_contexts),
    "agent.ping": method(_ping),
    "agent.delete": method(_delete),
    "agent.cleanup": method(_cleanup),
    "team.list": method(_team),
}
