"""Hook events around a session: its start with a briefing, its compaction and its end.

An event that fires twice has its effect once.
"""

from __future__ import annotations

from thrum_store.errors import UnknownSession
from thrum_store.repository import unread_probe
from thrum_store.repository.paths import woken_mark
from thrum_store.service.message_parts import shorten
from thrum_store.service.messages import offers
from thrum_store.service.messages.offers import SeenMarker
from thrum_store.service.team import agents, contexts, sessions
from thrum_store.service.team.agents import ListAgents
from thrum_store.service.team.sessions import EndSession
from thrum_store.values import safe_line, safe_text

from . import responses
from .session import prune

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from thrum_store.service.team.agents import AgentInfo
    from thrum_store.service.team.work import WorkContext

    from .session import HookRun, SessionState

_COMPACTION = "compact"  # the source of a start that no person caused
_FIRST_STARTS = ("startup", "")  # sources of a start; a second start of this kind is the same one, fired twice
_NOTES_BYTES = 3_000
_TEAM = 12


def briefing(run: HookRun, *, again: bool) -> str:
    """Return who the agent is, its notes and all unread mail; empty if the session had that and `again` is false."""
    with run.files.editing() as state:
        due = run.files.clear_due()
        if state.session and run.call.session and not (again or due):
            return ""
        _join(run, state)
        offer = offers.offer(run.store, run.caller, SeenMarker())  # all: a compaction forgets mail that was shown
        state.show(offer, run.call.event, run.call.runtime)
        session = state.session
    team = agents.list_agents(run.store, ListAgents()).agents
    (own,) = [agent for agent in team if agent.address == run.caller.name]
    parts = (
        _introduction(own, session, team),
        _own_notes(contexts.show(run.store, run.caller.name).content),
        responses.digest(offer, run.caller.name, run.host.entropy),
    )
    return responses.context(run.call.runtime, run.call.event, "\n\n".join(part for part in parts if part))


def _join(run: HookRun, state: SessionState) -> None:
    """Start the agent's session together with the client's, once."""
    if not state.session or not run.call.session:
        state.session = sessions.start(run.store, run.caller).id
        prune(run.store.paths.var, run.host)


def _start(run: HookRun) -> str:
    again = run.call.source not in _FIRST_STARTS
    if run.call.source != _COMPACTION:
        run.host.storage.remove(run.store.paths.in_var(woken_mark(run.caller.name)))  # a person started the client
    if run.call.runtime not in unread_probe.LATE:
        return briefing(run, again=again)
    with run.files.editing() as state:  # the next prompt briefs it, unless its first prompt came before this
        if again or not state.session:
            run.files.brief_at_prompt()
        _join(run, state)
    return ""


def _end(run: HookRun) -> str:
    with run.files.editing() as state:
        session = state.session
    if session:
        try:
            sessions.end(run.store, run.caller, EndSession(session))
        except UnknownSession:
            pass  # the agent ended it itself
    run.files.end_listener(run.store.paths.bells, run.caller.name)
    run.files.forget()
    return ""


def _pre_compact(run: HookRun) -> str:
    """Add the state of the work to the agent's own notes, which the next briefing shows."""
    from thrum_cli.clients.section import Section  # deferred: a start and an end need no git
    from thrum_store.service.team import work
    from thrum_store.service.team.work import WantContexts

    from .edits import record_work

    if run.call.runtime in responses.SILENT_AFTER_COMPACTION:
        run.files.brief_at_prompt()
    record_work(run)
    saved = contexts.show(run.store, run.caller.name).content or ""
    unread = offers.offer(run.store, run.caller, SeenMarker()).unread
    known = work.contexts(run.store, WantContexts(agent=run.caller.name)).contexts
    section = Section(_work_state(known[0], unread), "<!--", " -->")
    contexts.save(run.store, run.caller.name, section.add(saved, mine=True))
    return ""


def _introduction(agent: AgentInfo, session: str, team: tuple[AgentInfo, ...]) -> str:
    """Return who the agent is, how to work with the others, and who they are."""
    roles = ", ".join(part for part in (f"role {agent.role}", f"module {agent.module}") if part.split()[1:])
    lines = [
        f"thrum: you are @{agent.address} ({roles}) in a team of coding agents; your session is {session}.",
        "The other agents are your colleagues, not your user. Answer messages that ask you something. Tell the agents"
        " concerned when you start and finish a task. Do not poll for mail: thrum shows you new mail as it arrives.",
    ]
    others = [member for member in team if member.address != agent.address]
    if others:
        lines.append("Team:")
        lines += [f"- @{member.address} · {_activity(member)}" for member in others[:_TEAM]]
        if len(others) > _TEAM:
            lines.append(f"- {len(others) - _TEAM} more: thrum agent list")
    lines.append("To send a message: thrum send TEXT --to @NAME (or the tool send_message).")
    return "\n".join(lines)


def _own_notes(content: str | None) -> str:
    """Return the notes that the agent saved for itself, shortened; empty if it saved none."""
    if not content or not content.strip():
        return ""
    return f"Your own notes from before (all of them: thrum context show):\n{safe_text(shorten(content, _NOTES_BYTES))}"


def _work_state(work: WorkContext, unread: int) -> str:
    """Return the state of an agent's work as Markdown, for its notes before a compaction."""
    facts = {
        "Branch": work.branch, "Intent": work.intent, "Task": work.current_task,
        "Unmerged commits": ", ".join(commit.message for commit in work.unmerged_commits[:10]),
        "Uncommitted files": ", ".join(work.uncommitted_files[:20]),
        "Unread messages": str(unread) if unread else "",
    }  # fmt: skip
    lines = [f"- {name}: {safe_line(text)}" for name, text in facts.items() if text]
    return "\n".join(["## As of the last compaction", "", *lines])


def _activity(agent: AgentInfo) -> str:
    module = f" of {agent.module}" if agent.module else ""
    waits = ", waits for mail" if agent.waiting else ""
    return safe_line(f"{agent.role}{module} · {agent.status}{waits}")


SESSION_EVENTS: dict[str, Callable[[HookRun], str]] = {
    "session-start": _start,
    "pre-compact": _pre_compact,
    "session-end": _end,
}
