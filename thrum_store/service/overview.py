"""Where am I, who is here, what waits for me: status, overview, and the briefing for a new start."""

from __future__ import annotations

from dataclasses import dataclass, replace

from thrum_store.fence import shorten
from thrum_store.model import Caller
from thrum_store.records import Record
from thrum_store.repository import changes
from thrum_store.repository.git_runner import GitFailed, GitRunner
from thrum_store.store import Store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import agents as registered
from thrum_store.view.queries import mailbox
from thrum_store.view.queries.mailbox import Filter

from . import results
from .results import MessageHeader
from .team import agents, contexts, presence, team
from .team.agents import WhoAmI
from .team.contexts import Context
from .team.work import WorkContext, with_branches
from .upkeep import condition
from .upkeep.condition import Health, SyncState

RECENT = 5  # messages in a briefing
COMPANY = 20  # agents in a briefing
FILES = 20  # uncommitted files in a briefing
EXCERPT = 320  # bytes of each message in a briefing
NOTES = 4_000  # bytes of the saved context, and of the preamble, in a briefing


@dataclass(frozen=True)
class Counted:
    """How many messages there are for the caller, and how many it has not read."""

    total: int
    unread: int


@dataclass(frozen=True)
class Notes:
    """The caller's saved context in this worktree."""

    has_context: bool
    size: int
    updated_at: str | None


@dataclass(frozen=True)
class Present:
    """How many agents there are, and how many of them are active."""

    total: int
    active: int


@dataclass(frozen=True)
class Status:
    """The caller, its work, its mailbox, its company, and where all of it lies. `websocket_port`: the daemon's."""

    health: Health
    agent: WhoAmI
    work_context: WorkContext | None
    context: Notes
    inbox: Counted
    agents: Present
    repository: str
    store: str
    websocket_port: int | None


@dataclass(frozen=True)
class Overview:
    """The caller and what the others do; `team` holds the other active agents."""

    health: Health
    agent: WhoAmI
    work_context: WorkContext | None
    team: tuple[team.TeamMember, ...]
    offline: int
    inbox: Counted
    sync: SyncState
    websocket_port: int | None


@dataclass(frozen=True)
class Session:
    """The open session."""

    session_id: str
    started_at: str | None
    intent: str
    current_task: str


@dataclass(frozen=True)
class Colleague:
    """An agent, in short."""

    agent_id: str
    role: str
    module: str
    status: str
    intent: str
    branch: str


@dataclass(frozen=True)
class Company:
    """Who there is; `list` holds the active ones first, at most twenty."""

    total: int
    active: int
    list: tuple[Colleague, ...]


class Excerpt(Record):
    """The beginning of a message; `shortened` says that there is more."""

    header: MessageHeader
    content: str
    shortened: bool
    is_read: bool

    JSON = "message_id=id agent_id=author created_at=sent_at content cut=shortened is_read"


@dataclass(frozen=True)
class Mailbox:
    """The caller's mailbox: the newest unread messages, else the newest ones."""

    unread: int
    total: int
    recent: tuple[Excerpt, ...]


@dataclass(frozen=True)
class Here:
    """What git says about the caller's worktree; `error` where it says nothing."""

    branch: str
    base: str
    unmerged_commits: int
    uncommitted_files: tuple[str, ...]
    more_files: int
    error: str | None = None


@dataclass(frozen=True)
class Prime:
    """A briefing. `identity` is None where nothing says who asks; then `problem` says what to do about it."""

    identity: WhoAmI | None
    problem: str | None
    session: Session | None
    agents: Company
    messages: Mailbox | None
    work_context: Here
    context: Context | None
    sync_state: SyncState
    repo_path: str


@use_case
def status(store: Store, caller: Caller, *, port: int | None = None) -> Status:
    """Who the caller is, its session, work and mailbox. `port`: that of a living daemon's WebSocket."""
    now = presence.now(store)
    everybody = registered.listed(store.view)
    notes = contexts.in_worktree(store.paths, store.host, caller.name)
    return Status(
        health=condition.health(store),
        agent=agents.whoami(store, caller),
        work_context=_own_work(store, caller),
        context=Notes(notes.has_context, notes.size, notes.updated_at),
        inbox=_counted(store, caller),
        agents=Present(len(everybody), sum(now.status(agent) == "active" for agent in everybody)),
        repository=store.paths.root,
        store=store.paths.thrum,
        websocket_port=port,
    )


@use_case
def overview(store: Store, caller: Caller, *, running: bool = False, port: int | None = None) -> Overview:
    """The caller, and the other active agents with what they do. `running`: a daemon lives; `port`: its WebSocket's."""
    everyone = team.team(store)
    return Overview(
        health=condition.health(store),
        agent=agents.whoami(store, caller),
        work_context=_own_work(store, caller),
        team=tuple(member for member in everyone.members if member.agent_id != caller.name),
        offline=everyone.offline,
        inbox=_counted(store, caller),
        sync=condition.sync_state(store, running=running),
        websocket_port=port,
    )


@use_case
def prime(store: Store, caller: Caller | None, problem: str | None = None, *, running: bool = False) -> Prime:
    """Everything an agent needs to start, or to go on after its memory was compacted, in bounded size.

    Never fails for want of an identity: `problem` is handed through, and the rest is told all the same.
    `running`: a daemon lives.
    """
    notes = contexts.in_worktree(store.paths, store.host, caller.name) if caller else None
    return Prime(
        identity=agents.whoami(store, caller) if caller else None,
        problem=problem,
        session=_session(store, caller) if caller else None,
        agents=_company(store, caller),
        messages=_mailbox(store, caller) if caller else None,
        work_context=_here(store),
        context=_shortened(notes) if notes else None,
        sync_state=condition.sync_state(store, running=running),
        repo_path=store.paths.root,
    )


def _own_work(store: Store, caller: Caller) -> WorkContext | None:
    agent = registered.own(store.view, caller.name)
    return with_branches(store, [agent])[0][1] if agent else None


def _counted(store: Store, caller: Caller) -> Counted:
    agent = registered.own(store.view, caller.name)
    if agent is None:
        return Counted(0, 0)
    return Counted(mailbox.held(store.view, agent.id), mailbox.unread_count(store.view, agent.id))


def _session(store: Store, caller: Caller) -> Session | None:
    agent = registered.own(store.view, caller.name)
    if agent is None or agent.session is None:
        return None
    told = with_branches(store, [agent])[0][1]
    started = rfc3339(agent.session_ms) if agent.session_ms is not None else None
    return Session(agent.session, started, told.intent, told.current_task)


def _company(store: Store, caller: Caller | None) -> Company:
    now = presence.now(store)
    everybody = registered.listed(store.view)
    there = sum(now.status(agent) == "active" for agent in everybody)
    ranked = sorted(everybody, key=lambda agent: (now.status(agent) != "active", -agent.seen_ms))
    others = [agent for agent in ranked if not (caller and agent.own and agent.name == caller.name)]
    shown = [
        Colleague(told.agent_id, agent.role, agent.module, told.status, told.intent, told.branch)
        for agent, told in with_branches(store, others[:COMPANY])
    ]
    return Company(len(everybody), there, tuple(shown))


def _mailbox(store: Store, caller: Caller) -> Mailbox | None:
    agent = registered.own(store.view, caller.name)
    if agent is None:
        return None
    unread = mailbox.unread_count(store.view, agent.id)
    rows = mailbox.page(store.view, Filter(agent.id, unread=unread > 0), RECENT, 1).rows
    recent = [
        Excerpt(
            results.header(row),
            shorten(row.content, EXCERPT),
            shortened=len(row.content.encode()) > EXCERPT,
            is_read=read_ms is not None,
        )
        for row, read_ms in rows
    ]
    return Mailbox(unread, mailbox.held(store.view, agent.id), tuple(recent))


def _here(store: Store) -> Here:
    try:
        found = changes.look(GitRunner(store.paths.root))
    except GitFailed as error:
        return Here(store.paths.branch, "", 0, (), 0, error.message)
    files = found.uncommitted_files
    return Here(found.branch, found.base, len(found.unmerged_commits), files[:FILES], max(len(files) - FILES, 0))


def _shortened(notes: Context) -> Context:
    return replace(
        notes,
        content=None if notes.content is None else shorten(notes.content, NOTES),
        preamble=None if notes.preamble is None else shorten(notes.preamble, NOTES),
    )
