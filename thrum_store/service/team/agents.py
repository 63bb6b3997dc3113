"""Agents: registration, listing, and the caller's own identity."""

from __future__ import annotations

import os

from thrum_store import identity
from thrum_store.errors import Invalid, NameTaken, NoIdentity
from thrum_store.identity import Caller
from thrum_store.log.events import Draft
from thrum_store.service import message_parts
from thrum_store.store import Store, use_case
from thrum_store.values import Record, replaced, rfc3339
from thrum_store.view.queries import lookup
from thrum_store.view.queries.lookup import Agent

from . import presence
from .presence import Presence


class Register(Record):
    """Request to register; a role and a module may be empty, and are the name of an agent without one.

    `force` takes a name over from another worktree; `re_register` repeats the event.
    """

    name: str | None = None
    role: str = ""
    module: str = ""
    display: str = ""
    force: bool = False
    re_register: bool = False


class Registered(Record):
    """A registered agent. `status`: registered, updated or unchanged; `others`: this worktree's other agents.

    `preamble`: the file that the template of the role was written to now; `notes` say why it was not.
    """

    address: str
    status: str
    identity_file: str
    others: tuple[str, ...] = ()
    preamble: str = ""
    notes: tuple[str, ...] = ()


class ListAgents(Record):
    """Request to list agents."""

    role: str | None = None
    module: str | None = None
    include_offline: bool = True


class AgentInfo(Record):
    """An agent. `status` is active or offline; `waiting`: it waits for mail at this moment."""

    address: str
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


class AgentList(Record):
    """Agents, last registered first."""

    agents: tuple[AgentInfo, ...]
    count: int


@use_case
def register(store: Store, request: Register) -> Registered:
    """Register an agent in this worktree; write its identity file, and its preamble if its role has a template.

    Raises Invalid, NameTaken if a role or a group has the name, WorktreeMismatch if another worktree has it.
    """
    from thrum_store.repository import worktrees  # only to register: a hook that lists agents does not pay for it

    from . import roles  # as above

    caller = _registrant(store, request)
    name, data = caller.name, _registration(caller)
    with store.writing(name) as shard:
        _check_home(store, caller, force=request.force)
        status = _status(lookup.own(store.view, name), data, repeated=request.re_register)
        if status != "unchanged":
            shard.append(Draft("agent.register", data))
    worktrees.remember_first(store.paths, store.host)
    file = identity.save(store.paths, caller, host=store.host)
    others = tuple(other for other in identity.names(store.paths) if other != name)
    return Registered(name, status, file, others, *roles.apply(store, name))


def check_form(request: Register) -> Register:
    """Return the request with a display name as it is kept. Raises Invalid for what no store registers."""
    if request.role:
        identity.valid_name(request.role, "role")
    if request.module:
        identity.valid_name(request.module, "module")
    if request.name and identity.valid_name(request.name) == request.role:
        raise Invalid(
            f"{request.name!r} cannot be both name and role",
            hint=f"take another name, like {request.name}-1; @{request.role} means the role",
        )
    return replaced(request, display=message_parts.label(request.display, "display name"))


@use_case
def check(store: Store, request: Register) -> None:
    """Check that this store registers an agent, and change nothing. Raises as `register`."""
    _check_home(store, _registrant(store, request), force=request.force)


def _registrant(store: Store, request: Register) -> Caller:
    """Return the agent of a request, with a name; its names are free."""
    formed = check_form(request)
    name = formed.name or _derived(store, formed.role, formed.module)
    _check_names(store, name, formed.role)
    return Caller(name, formed.role, formed.module, formed.display, store.paths.worktree)


def _check_home(store: Store, caller: Caller, *, force: bool) -> None:
    """Refuse an agent of another worktree, unless by force."""
    from thrum_store.repository import worktrees  # as above

    before = lookup.own(store.view, caller.name)
    bound = before is not None and before.worktree  # a migrated agent may not be
    home = worktrees.home(store.paths, caller.name, bound) if bound else caller.worktree
    if home != caller.worktree and not force:
        raise message_parts.elsewhere(store, caller.name, caller.role, caller.module, home)


@use_case
def introduce(store: Store, caller: Caller) -> None:
    """Register a short-lived caller without an identity file. Raises NameTaken, Invalid."""
    _check_names(store, caller.name, caller.role)
    with store.writing(caller.name) as shard:
        shard.append(Draft("agent.register", _registration(caller)))


def _registration(caller: Caller) -> dict[str, str]:
    return {
        "kind": "agent", "role": caller.role, "module": caller.module, "display": caller.display,
        "worktree": caller.worktree, "host": os.uname().nodename.partition(".")[0],
    }  # fmt: skip


def _status(before: Agent | None, data: dict[str, str], *, repeated: bool) -> str:
    if before is None:
        return "registered"
    same = all(getattr(before, field) == value for field, value in data.items())
    return "unchanged" if same and not repeated else "updated"


def _derived(store: Store, role: str, module: str) -> str:
    """Return a free name for a nameless agent: role and module, with a number if that is taken."""
    from thrum_store.view.queries import groups  # as above

    if not (role or module):
        raise NoIdentity
    base = f"{role or module}-{module if role and module else 1}"[:60]
    taken = {*lookup.names(store.view), *lookup.roles(store.view), *groups.names(store.view)}
    ours = [a.name for a in lookup.listed(store.view, role, module) if a.own and a.worktree == store.paths.worktree]
    if ours:
        return ours[0]
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (base, *numbered) if name not in taken)


def _check_names(store: Store, name: str, role: str) -> None:
    """Check that no agent, role or group has the name: they share one name space, so that addresses are unique."""
    from thrum_store.view.queries import groups  # as above

    if name in lookup.roles(store.view):
        raise NameTaken(f"{name!r} is already a role", hint=f"choose another name, like {name}-1")
    if role and lookup.named(store.view, role):
        raise NameTaken(f"{role!r} is the name of an agent", hint="choose another role")
    for taken in (name, role):
        if groups.group(store.view, taken) is not None:
            raise NameTaken(f"{taken!r} is already a group", hint="choose another one")


@use_case
def list_agents(store: Store, request: ListAgents) -> AgentList:
    """List the registered agents of all stores."""
    now = presence.now(store)
    infos = [_info(agent, now) for agent in lookup.listed(store.view, request.role, request.module)]
    kept = tuple(info for info in infos if request.include_offline or info.status == "active")
    return AgentList(kept, len(kept))


def _info(agent: Agent, now: Presence) -> AgentInfo:
    return AgentInfo(
        address=identity.address_of(agent.name, agent.store, own=agent.own),
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
