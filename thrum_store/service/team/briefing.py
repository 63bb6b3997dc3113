"""Briefing of an agent for a new start: identity, session, agents, mail and work, in bounded size."""

from __future__ import annotations

from thrum_store.identity import Caller
from thrum_store.repository import changes
from thrum_store.repository.git_runner import GitFailed, GitRunner
from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageHeader, shorten
from thrum_store.service.upkeep import condition
from thrum_store.service.upkeep.condition import SyncState
from thrum_store.store import Store, use_case
from thrum_store.values import Record, replaced, rfc3339
from thrum_store.view.queries import lookup, mailbox
from thrum_store.view.queries.mailbox import Filter

from . import contexts, presence, whoami
from .contexts import Context
from .whoami import WhoAmI
from .work import with_branches

RECENT = 5  # messages in a briefing
COMPANY = 20  # agents in a briefing
FILES = 20  # uncommitted files in a briefing
EXCERPT = 320  # bytes of each message in a briefing
NOTES = 4_000  # bytes of the saved context, and of the preamble, in a briefing


class Session(Record):
    """The open session."""

    id: str
    started_at: str | None
    intent: str
    current_task: str

    JSON = "* session_id=id"


class Colleague(Record):
    """An agent, in short."""

    address: str
    role: str
    module: str
    status: str
    intent: str
    branch: str


class Company(Record):
    """The agents; `list` holds at most twenty, the active ones first."""

    total: int
    active: int
    list: tuple[Colleague, ...]


class Excerpt(Record):
    """The beginning of a message; `shortened`: it continues."""

    header: MessageHeader
    content: str
    shortened: bool
    is_read: bool
    format: str = "markdown"
    structured: dict[str, object] | None = None
    deleted: bool = False

    JSON = (
        "message_id=id thread_id=thread reply_to agent_id=author body.format body.content body.structured"
        " created_at=sent_at deleted is_read content cut=shortened"
    )


class Mailbox(Record):
    """The caller's mailbox: the newest unread messages, else the newest ones."""

    unread: int
    total: int
    recent: tuple[Excerpt, ...]


class WorktreeStatus(Record):
    """The git status of the caller's worktree, or the `error` of git."""

    branch: str
    base: str
    unmerged_commits: int
    uncommitted_files: tuple[str, ...]
    more_files: int
    error: str | None = None


class Prime(Record):
    """A briefing. If no agent is known, `identity` is None and `problem` names the reason."""

    identity: WhoAmI | None
    problem: str | None
    session: Session | None
    agents: Company
    messages: Mailbox | None
    work_context: WorktreeStatus
    context: Context | None
    sync_state: SyncState
    repo_path: str


@use_case
def prime(store: Store, caller: Caller | None, problem: str | None = None, *, running: bool = False) -> Prime:
    """Return everything that an agent needs to start, or to continue after a compaction.

    Without a caller, the result holds `problem` and everything that needs no identity. `running`: a daemon is running.
    """
    notes = contexts.in_worktree(store.paths, store.host, caller.name) if caller else None
    return Prime(
        identity=whoami.whoami(store, caller) if caller else None,
        problem=problem,
        session=_session(store, caller) if caller else None,
        agents=_company(store, caller),
        messages=_mailbox(store, caller) if caller else None,
        work_context=_worktree_status(store),
        context=_shortened(notes) if notes else None,
        sync_state=condition.sync_state(store, running=running),
        repo_path=store.paths.root,
    )


def _session(store: Store, caller: Caller) -> Session | None:
    agent = lookup.own(store.view, caller.name)
    if agent is None or agent.session is None:
        return None
    work = with_branches(store, [agent])[0][1]
    started = rfc3339(agent.session_ms) if agent.session_ms is not None else None
    return Session(agent.session, started, work.intent, work.current_task)


def _company(store: Store, caller: Caller | None) -> Company:
    now = presence.now(store)
    listed = lookup.listed(store.view)
    active = sum(now.status(agent) == "active" for agent in listed)
    ranked = sorted(listed, key=lambda agent: (now.status(agent) != "active", -agent.seen_ms))
    others = [agent for agent in ranked if not (caller and agent.own and agent.name == caller.name)]
    colleagues = [
        Colleague(work.address, agent.role, agent.module, work.status, work.intent, work.branch)
        for agent, work in with_branches(store, others[:COMPANY])
    ]
    return Company(len(listed), active, tuple(colleagues))


def _mailbox(store: Store, caller: Caller) -> Mailbox | None:
    agent = lookup.own(store.view, caller.name)
    if agent is None:
        return None
    box = message_parts.mailbox_of(store, caller, agent)
    unread = lookup.unread_count(store.view, agent.id, box)
    rows = mailbox.page(store.view, Filter(agent.id, unread=unread > 0, source=box), RECENT, 1).rows
    recent = [
        Excerpt(
            message_parts.header_of(row),
            shorten(row.content, EXCERPT),
            shortened=len(row.content.encode()) > EXCERPT,
            is_read=read_ms is not None,
            format=row.format,
            structured=message_parts.structured_of(row.structured),
        )
        for row, read_ms in rows
    ]
    return Mailbox(unread, mailbox.held(store.view, agent.id, box), tuple(recent))


def _worktree_status(store: Store) -> WorktreeStatus:
    try:
        status = changes.look(GitRunner(store.paths.root))
    except GitFailed as error:
        return WorktreeStatus(store.paths.branch, "", 0, (), 0, error.message)
    files = status.uncommitted_files
    return WorktreeStatus(
        status.branch, status.base, len(status.unmerged_commits), files[:FILES], max(len(files) - FILES, 0)
    )


def _shortened(notes: Context) -> Context:
    return replaced(
        notes,
        content=None if notes.content is None else shorten(notes.content, NOTES),
        preamble=None if notes.preamble is None else shorten(notes.preamble, NOTES),
    )
