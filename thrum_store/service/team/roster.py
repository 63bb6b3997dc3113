"""The roster of the team: agents with their work and unread mail; and a ping of one agent."""

from __future__ import annotations

from thrum_store import identity
from thrum_store.identity import EVERYONE
from thrum_store.repository.changes import FileChange
from thrum_store.service import git_answers, message_parts
from thrum_store.service.git_answers import Unanswered
from thrum_store.store import Store, use_case
from thrum_store.values import Record, maybe_rfc3339, rfc3339
from thrum_store.view.queries import groups, lookup, mailbox
from thrum_store.view.queries.lookup import Agent

from . import presence
from .presence import Presence
from .work import WorkContext, with_branches


class TeamMember(Record):
    """An agent with its session, work and mailbox; `unmerged_commits` and `uncommitted_files` are counts."""

    address: str
    role: str
    module: str
    display: str
    hostname: str
    worktree: str
    session: str | None
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

    JSON = "* session_id=session"


class GroupTotal(Record):
    """The number of messages to a group."""

    name: str
    total: int


class SharedMessages(Record):
    """The number of messages to everyone and to each group."""

    broadcast_total: int
    groups: tuple[GroupTotal, ...]


class Team(Record):
    """The members, last seen first; `offline` counts the agents that are left out.

    `unanswered` are the worktrees that git cannot answer for: what is known of the work in them may be old.
    """

    members: tuple[TeamMember, ...]
    shared_messages: SharedMessages
    offline: int
    unanswered: tuple[Unanswered, ...] = ()


class Ping(Record):
    """The presence of one agent. `waiting`: it waits for mail at this moment."""

    address: str
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
    """List the active agents, or all, with their work and unread mail."""
    listed = lookup.listed(store.view)
    now = presence.now(store)
    wanted = [agent for agent in listed if everybody or now.status(agent) == "active"]
    members = [_member(store, agent, work, now) for agent, work in with_branches(store, wanted)]
    members.sort(key=lambda member: member.last_seen, reverse=True)
    unanswered = git_answers.ask(store, git_answers.works).unanswered
    return Team(tuple(members), _shared(store), len(listed) - len(wanted), unanswered)


@use_case
def ping(store: Store, address: str) -> Ping:
    """Return the presence of an agent: by name, or the last seen one of a role.

    Raises Invalid for a malformed address, NotFound if no agent has it.
    """
    bare = identity.bare_address(address)
    name, _, nick = bare.partition("@")
    matches = [agent for agent in lookup.named(store.view, name) if agent.store.startswith(nick)]
    if not matches and not identity.is_go_id(address):
        matches = sorted(lookup.listed(store.view, role=bare), key=lambda agent: -agent.seen_ms)
    if not matches:
        raise message_parts.unknown_agent(bare, "agent or role")
    now = presence.now(store)
    ((agent, work),) = with_branches(store, matches[:1])
    return Ping(
        address=work.address,
        role=agent.role,
        status=work.status,
        waiting=now.listens(agent),
        last_seen_at=rfc3339(now.seen_ms(agent)),
        intent=work.intent,
        current_task=work.current_task,
        branch=work.branch,
        inbox_unread=lookup.unread_count(store.view, agent.id),
    )


def _member(store: Store, agent: Agent, work: WorkContext, now: Presence) -> TeamMember:
    return TeamMember(
        address=work.address,
        role=agent.role,
        module=agent.module,
        display=agent.display,
        hostname=agent.host,
        worktree=agent.worktree,
        session=agent.session,
        session_start=maybe_rfc3339(agent.session_ms),
        last_seen=rfc3339(now.seen_ms(agent)),
        intent=work.intent,
        current_task=work.current_task,
        branch=work.branch,
        unmerged_commits=len(work.unmerged_commits),
        uncommitted_files=len(work.uncommitted_files),
        file_changes=work.file_changes,
        inbox_total=mailbox.held(store.view, agent.id),
        inbox_unread=lookup.unread_count(store.view, agent.id),
        waiting=now.listens(agent),
        status=work.status,
    )


def _shared(store: Store) -> SharedMessages:
    counts = {name: mailbox.addressed(store.view, "group", name) for name in groups.names(store.view)}
    broadcasts = mailbox.addressed(store.view, EVERYONE, EVERYONE)
    return SharedMessages(broadcasts, tuple(GroupTotal(name, total) for name, total in counts.items() if total))
