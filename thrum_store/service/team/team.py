"""The team: who is here, what they do, what they have not read; and whether one of them is there."""

from __future__ import annotations

from dataclasses import dataclass

from thrum_store import model
from thrum_store.errors import NotFound
from thrum_store.model import EVERYONE
from thrum_store.repository.changes import FileChange
from thrum_store.store import Store, use_case
from thrum_store.times import maybe_rfc3339, rfc3339
from thrum_store.view.queries import agents, groups, mailbox
from thrum_store.view.queries.agents import Agent

from . import presence
from .presence import Presence
from .work import WorkContext, with_branches


@dataclass(frozen=True)
class TeamMember:
    """An agent with its session, its work and its mailbox; `unmerged_commits` counts them."""

    agent_id: str
    role: str
    module: str
    display: str
    hostname: str
    worktree: str
    session_id: str | None
    session_start: str | None
    last_seen: str
    intent: str
    current_task: str
    branch: str
    unmerged_commits: int
    uncommitted_files: int
    file_changes: tuple[FileChange, ...]
    inbox_total: int
    inbox_unread: int
    waiting: bool
    status: str


@dataclass(frozen=True)
class GroupTotal:
    """How many messages a group got."""

    name: str
    total: int


@dataclass(frozen=True)
class SharedMessages:
    """What went to many: to everyone, and to each group."""

    broadcast_total: int
    groups: tuple[GroupTotal, ...]


@dataclass(frozen=True)
class Team:
    """The members, those seen last first; `offline` counts those that are not shown."""

    members: tuple[TeamMember, ...]
    shared_messages: SharedMessages
    offline: int


@dataclass(frozen=True)
class Ping:
    """Whether an agent is there. `waiting`: it listens at this very moment."""

    agent_id: str
    role: str
    status: str
    waiting: bool
    last_seen_at: str
    intent: str
    current_task: str
    branch: str
    inbox_unread: int


@use_case
def team(store: Store, everybody: bool = False) -> Team:
    """The active agents, or everybody, with what they work on and what they have not read."""
    found = agents.listed(store.view)
    now = presence.now(store)
    wanted = [agent for agent in found if everybody or now.status(agent) == "active"]
    members = [_member(store, agent, told, now) for agent, told in with_branches(store, wanted)]
    members.sort(key=lambda member: member.last_seen, reverse=True)
    return Team(tuple(members), _shared(store), len(found) - len(wanted))


@use_case
def ping(store: Store, address: str) -> Ping:
    """Whether an agent is there: by name, or the one of that role which was seen last.

    Raises Invalid for what is no address, NotFound where nobody answers to it.
    """
    bare = model.address(address)
    name, _, nick = bare.partition("@")
    found = [agent for agent in agents.named(store.view, name) if agent.store.startswith(nick)]
    found = found or sorted(agents.listed(store.view, role=bare), key=lambda agent: -agent.seen_ms)
    if not found:
        raise NotFound(f"there is no agent or role {bare!r}", hint="`thrum agent list` shows who there is")
    now = presence.now(store)
    ((agent, told),) = with_branches(store, found[:1])
    return Ping(
        agent_id=told.agent_id,
        role=agent.role,
        status=told.status,
        waiting=now.listens(agent),
        last_seen_at=rfc3339(now.seen_ms(agent)),
        intent=told.intent,
        current_task=told.current_task,
        branch=told.branch,
        inbox_unread=mailbox.unread_count(store.view, agent.id),
    )


def _member(store: Store, agent: Agent, told: WorkContext, now: Presence) -> TeamMember:
    return TeamMember(
        agent_id=told.agent_id,
        role=agent.role,
        module=agent.module,
        display=agent.display,
        hostname=agent.host,
        worktree=agent.worktree,
        session_id=agent.session,
        session_start=maybe_rfc3339(agent.session_ms),
        last_seen=rfc3339(now.seen_ms(agent)),
        intent=told.intent,
        current_task=told.current_task,
        branch=told.branch,
        unmerged_commits=len(told.unmerged_commits),
        uncommitted_files=len(told.uncommitted_files),
        file_changes=told.file_changes,
        inbox_total=mailbox.held(store.view, agent.id),
        inbox_unread=mailbox.unread_count(store.view, agent.id),
        waiting=now.listens(agent),
        status=told.status,
    )


def _shared(store: Store) -> SharedMessages:
    counts = {name: mailbox.addressed(store.view, "group", name) for name in groups.names(store.view)}
    broadcasts = mailbox.addressed(store.view, EVERYONE, EVERYONE)
    return SharedMessages(broadcasts, tuple(GroupTotal(name, total) for name, total in counts.items() if total))
