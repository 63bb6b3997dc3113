"""Status and overview of a caller: its identity, work and mailbox, and the other agents."""

from __future__ import annotations

from thrum_store.identity import Caller
from thrum_store.service import message_parts
from thrum_store.service.messages import held_wakes
from thrum_store.service.messages.held_wakes import HeldWakes
from thrum_store.service.upkeep import condition
from thrum_store.service.upkeep.condition import Health, SyncState
from thrum_store.store import Store, use_case
from thrum_store.values import Record
from thrum_store.view.queries import lookup, mailbox

from . import contexts, presence, roster, whoami
from .roster import TeamMember
from .whoami import WhoAmI
from .work import WorkContext, with_branches


class Counted(Record):
    """The number of messages to the caller, and of the unread ones."""

    total: int
    unread: int


class Notes(Record):
    """The caller's saved context in this worktree."""

    has_context: bool
    size: int
    updated_at: str | None


class Present(Record):
    """The number of agents, and of the active ones."""

    total: int
    active: int


class Status(Record):
    """The caller with its work and mailbox, the number of agents, and the paths. `websocket_port`: the daemon's.

    `hosts`: which host keeps which store, if several use this repository. `held_wakes`: the threads whose mail wakes
    nobody, because too many replies in them were automatic.
    """

    health: Health
    agent: WhoAmI
    work_context: WorkContext | None
    context: Notes
    inbox: Counted
    agents: Present
    repository: str
    store: str
    hosts: str
    sync: SyncState
    websocket_port: int | None
    held_wakes: tuple[HeldWakes, ...] = ()


class Overview(Record):
    """The caller and the other agents; `team` holds the active ones."""

    health: Health
    agent: WhoAmI
    work_context: WorkContext | None
    team: tuple[TeamMember, ...]
    offline: int
    inbox: Counted
    sync: SyncState
    websocket_port: int | None


@use_case
def status(store: Store, caller: Caller, *, started_at: str | None = None, port: int | None = None) -> Status:
    """Return the caller with its session, work and mailbox. `started_at` and `port`: those of a running daemon."""
    from thrum_store.repository import claims  # no briefing needs it

    agent = lookup.own(store.view, caller.name)

    now = presence.now(store)
    listed = lookup.listed(store.view)
    notes = contexts.in_worktree(store.paths, store.host, caller.name)
    return Status(
        health=condition.health(store, started_at),
        agent=whoami.whoami(store, caller),
        work_context=_own_work(store, caller),
        context=Notes(notes.has_context, notes.size, notes.updated_at),
        inbox=_counted(store, caller),
        agents=Present(len(listed), sum(now.status(agent) == "active" for agent in listed)),
        repository=store.paths.root,
        store=store.paths.guest or store.paths.thrum,
        hosts=claims.sentence(store.paths, store.host),
        sync=condition.sync_state(store, running=started_at is not None),
        websocket_port=port,
        held_wakes=() if agent is None else held_wakes.of_agent(store, agent.id),
    )


@use_case
def overview(store: Store, caller: Caller, *, started_at: str | None = None, port: int | None = None) -> Overview:
    """Return the caller and the other active agents. `started_at` and `port`: those of a running daemon."""
    everyone = roster.team(store)
    return Overview(
        health=condition.health(store, started_at),
        agent=whoami.whoami(store, caller),
        work_context=_own_work(store, caller),
        team=tuple(member for member in everyone.members if member.address != caller.name),
        offline=everyone.offline,
        inbox=_counted(store, caller),
        sync=condition.sync_state(store, running=started_at is not None),
        websocket_port=port,
    )


def _own_work(store: Store, caller: Caller) -> WorkContext | None:
    agent = lookup.own(store.view, caller.name)
    return with_branches(store, [agent])[0][1] if agent else None


def _counted(store: Store, caller: Caller) -> Counted:
    agent = lookup.own(store.view, caller.name)
    if agent is None:
        return Counted(0, 0)
    box = message_parts.mailbox_of(store, caller, agent)
    return Counted(mailbox.held(store.view, agent.id, box), lookup.unread_count(store.view, agent.id, box))
