"""Agents: register, list, who am I."""

from __future__ import annotations

import os
from dataclasses import dataclass

from thrum_store import identity, model, presence_state
from thrum_store.errors import Invalid, NameTaken, WorktreeMismatch
from thrum_store.log.events import Draft
from thrum_store.model import Caller
from thrum_store.service import results
from thrum_store.store import Store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import agents, groups
from thrum_store.view.queries.agents import Agent

from . import presence
from .presence import Presence


@dataclass(frozen=True)
class Register:
    """Who to register. `force` takes a name over from another worktree; `re_register` writes it anew."""

    name: str | None
    role: str
    module: str
    display: str = ""
    force: bool = False
    re_register: bool = False


@dataclass(frozen=True)
class Registered:
    """An agent that can be addressed. `status`: registered, updated, or unchanged."""

    agent_id: str
    status: str
    identity_file: str


@dataclass(frozen=True)
class ListAgents:
    """Which agents to list."""

    role: str | None = None
    module: str | None = None
    include_offline: bool = True


@dataclass(frozen=True)
class AgentInfo:
    """An agent. `status` is active or offline; `waiting` says that it listens at this moment."""

    agent_id: str
    kind: str
    role: str
    module: str
    display: str
    worktree: str
    hostname: str
    registered_at: str
    last_seen_at: str
    status: str
    waiting: bool


@dataclass(frozen=True)
class AgentList:
    """Agents, those who registered last first."""

    agents: tuple[AgentInfo, ...]
    count: int


@dataclass(frozen=True)
class WhoAmI:
    """The caller, as identity file, environment and store see it; `registered` says whether the store knows it."""

    agent_id: str
    role: str
    module: str
    display: str
    branch: str
    worktree: str
    session_id: str | None
    session_start: str | None
    intent: str
    identity_file: str | None
    source: str
    registered: bool


@use_case
def register(store: Store, request: Register) -> Registered:
    """Registers an agent in this worktree and writes its identity file.

    Raises Invalid, NameTaken where the name is a role's or a group's, WorktreeMismatch where another worktree has it.
    """
    role, module = model.name(request.role, "role"), model.name(request.module, "module")
    display = model.label(request.display, "display name")
    name = model.name(request.name) if request.name else _derived(store, role, module)
    _check_names(store, name, role)
    worktree = store.paths.worktree
    caller = Caller(name, role, module, display, worktree)
    what = _described(caller)
    with store.writing(name) as shard:
        before = agents.own(store.view, name)
        if before and before.worktree != worktree and not request.force:
            raise WorktreeMismatch(name, before.worktree, worktree)
        status = _status(before, what)
        if status != "unchanged" or request.re_register:
            shard.append(Draft("agent.register", what))
    return Registered(name, status, identity.save(store.paths, caller, host=store.host))


@use_case
def introduce(store: Store, caller: Caller) -> None:
    """Registers a caller that keeps no identity file and is there for a moment only. Raises NameTaken, Invalid."""
    _check_names(store, caller.name, caller.role)
    with store.writing(caller.name) as shard:
        shard.append(Draft("agent.register", _described(caller)))


def _described(caller: Caller) -> dict[str, str]:
    return {
        "kind": "agent", "role": caller.role, "module": caller.module, "display": caller.display,
        "worktree": caller.worktree, "host": os.uname().nodename.partition(".")[0],
    }  # fmt: skip


def _status(before: Agent | None, what: dict[str, str]) -> str:
    if before is None:
        return "registered"
    same = all(getattr(before, field) == value for field, value in what.items())
    return "unchanged" if same else "updated"


def _derived(store: Store, role: str, module: str) -> str:
    """A free name for an agent that brought none: role and module, numbered where they are taken."""
    base = f"{role}-{module}"[:60]
    taken = {*agents.names(store.view), *agents.roles(store.view), *groups.names(store.view)}
    ours = [a.name for a in agents.listed(store.view, role, module) if a.own and a.worktree == store.paths.worktree]
    if ours:
        return ours[0]
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (base, *numbered) if name not in taken)


def _check_names(store: Store, name: str, role: str) -> None:
    """Agents, roles and groups share one name space, so that an address means one thing."""
    if name == role:
        raise Invalid(
            f"{name!r} cannot be both name and role", hint=f"take another name, like {name}-1; @{role} means the role"
        )
    if name in agents.roles(store.view):
        raise NameTaken(f"{name!r} is a role already", hint=f"choose another name, like {name}-1")
    if agents.named(store.view, role):
        raise NameTaken(f"{role!r} is the name of an agent", hint="choose another role")
    for taken in (name, role):
        if groups.group(store.view, taken) is not None:
            raise NameTaken(f"{taken!r} is a group already", hint="choose another one")


@use_case
def list_agents(store: Store, request: ListAgents) -> AgentList:
    """The registered agents of all stores."""
    now = presence.now(store)
    found = [_info(agent, now) for agent in agents.listed(store.view, request.role, request.module)]
    kept = tuple(info for info in found if request.include_offline or info.status == "active")
    return AgentList(kept, len(kept))


def _info(agent: Agent, now: Presence) -> AgentInfo:
    return AgentInfo(
        agent_id=results.address_of(agent.name, agent.store, own=agent.own),
        kind=agent.kind,
        role=agent.role,
        module=agent.module,
        display=agent.display,
        worktree=agent.worktree,
        hostname=agent.host,
        registered_at=rfc3339(agent.first_ms),
        last_seen_at=rfc3339(now.seen_ms(agent)),
        status=now.status(agent),
        waiting=now.listens(agent),
    )


@use_case
def whoami(store: Store, caller: Caller) -> WhoAmI:
    """The caller and its open session, registered or not."""
    agent = agents.own(store.view, caller.name)
    file = identity.relative(caller.name) if identity.load(store.paths, caller.name) is not None else None
    return WhoAmI(
        agent_id=caller.name,
        role=caller.role or (agent.role if agent else ""),
        module=caller.module or (agent.module if agent else ""),
        display=caller.display or (agent.display if agent else ""),
        branch=store.paths.branch,
        worktree=caller.worktree,
        session_id=agent.session if agent else None,
        session_start=rfc3339(agent.session_ms) if agent and agent.session_ms is not None else None,
        intent=presence_state.load(store.paths.var, store.host, agent.name).of(agent.session).intent if agent else "",
        identity_file=file,
        source=caller.source,
        registered=agent is not None,
    )
