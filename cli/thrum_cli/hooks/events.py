"""The events of a client's session, and what each does. An event that fires twice has its effect once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from thrum_cli.clients.pieces import Section
from thrum_store import identity
from thrum_store.errors import Invalid, NotARepository, NotInitialized, ThrumError, UnknownSession
from thrum_store.machine.host import REAL, Host
from thrum_store.model import Caller
from thrum_store.repository import paths as places
from thrum_store.repository import unread_probe
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import offers
from thrum_store.service.messages.offers import Offer
from thrum_store.service.team import agents, contexts, sessions, work
from thrum_store.service.team.agents import ListAgents
from thrum_store.service.team.sessions import EndSession
from thrum_store.service.team.work import WantContexts
from thrum_store.store import Store, open_store

from . import files, listening, queueing, response_formats, session_state, texts
from .call import Call, parsed

BEGINNINGS = ("startup", "")  # sources of a session start after which a second one is the same one, fired twice


@dataclass(frozen=True)
class Here:
    """Where a hook found itself: a call, by an agent, on a store."""

    call: Call
    paths: Paths
    caller: Caller
    store: Store
    host: Host

    @property
    def key(self) -> str:
        """The name of this session's notes."""
        return unread_probe.notes_key(self.caller.name, self.call.session)


def answer(arguments: list[str], raw: bytes, project: str, session: str, host: Host = REAL) -> int:
    """Does what the event asks for, prints what the client's model shall read, and returns the exit code."""
    try:
        call = parsed(arguments, raw, project, session)
        if call.event not in (*EVENTS, LISTEN):
            raise Invalid(f"there is no hook event {call.event!r}", hint=f"one of {', '.join((*EVENTS, LISTEN))}")
        if call.from_cursor and call.runtime == "claude" and response_formats.cursor_has_its_own(project):
            return 0  # Cursor runs Claude's hooks too
        if call.in_subagent:
            return 0  # what a subagent is told, the agent itself never sees
        return _answered(call, host)
    except (NotARepository, NotInitialized):
        return 0
    except ThrumError as error:
        sys.stderr.write(f"thrum hook: {error.message}" + (f" (try: {error.hint})\n" if error.hint else "\n"))
        return 0


def _answered(call: Call, host: Host) -> int:
    paths = places.initialized(call.project)
    try:
        caller = identity.resolve(paths)
        if call.event == LISTEN:
            return _listen(call, paths, caller, host)
        with open_store(paths, host) as store:
            said = EVENTS[call.event](Here(call, paths, caller, store, host))
    except ThrumError as error:
        if call.event != "session-start":
            raise
        said = response_formats.context(call.runtime, call.event, f"thrum: {error.message}. {error.hint or ''}")
    if said:
        sys.stdout.write(said + "\n")
    return 0


def _listen(call: Call, paths: Paths, caller: Caller, host: Host) -> int:
    key = unread_probe.notes_key(caller.name, call.session)
    if call.runtime == "codex":  # runs its hooks side by side, so this is its stop hook too: else they race for mail
        with open_store(paths, host) as store:
            said = _stop(Here(call, paths, caller, store, host))
        if said:
            sys.stdout.write(said + "\n")
            return 0
        return queueing.listen(paths, caller, key, call.session, host)
    return listening.listen(paths, caller, key, host, call.runtime)


def _fresh(here: Here) -> Offer:
    """Mail that the session was not told of; from now on it was."""
    with session_state.noting(here.paths.var, here.key, here.host) as noted:
        found = offers.offer(here.store, here.caller, noted.told)
        noted.show(found, here.call.event, here.call.runtime)
    return found


def _digest(here: Here) -> str:
    return texts.digest(_fresh(here), here.caller.name, here.host.entropy)


def _offer(here: Here) -> str:
    text = _digest(here)
    return response_formats.context(here.call.runtime, here.call.event, text) if text else ""


def _prompt(here: Here) -> str:
    listening.interrupt(here.paths, here.caller, here.key, here.host)
    late = here.call.runtime in unread_probe.LATE and here.call.session != ""
    due = late or session_state.due(here.paths.var, here.key, here.host)
    return (_briefing(here, anew=False) if due else "") or _offer(here)


def _stop(here: Here) -> str:
    text = _digest(here)
    return response_formats.go_on(here.call.runtime, text) if text else ""


def _session_start(here: Here) -> str:
    anew = here.call.source not in BEGINNINGS
    if here.call.runtime in unread_probe.LATE:
        return _begin(here, anew=anew)
    return _briefing(here, anew=anew)


def _begin(here: Here, *, anew: bool) -> str:
    """The session is there, and its next prompt briefs it; unless its first prompt was earlier than its beginning."""
    with session_state.noting(here.paths.var, here.key, here.host) as noted:
        if anew or not noted.session:
            session_state.brief_at_prompt(here.paths.var, here.key, here.host)
        _join(here, noted)
    return ""


def _join(here: Here, noted: session_state.Notes) -> None:
    """Begins the agent's session with the client's, once."""
    if not noted.session or not here.call.session:
        noted.session = sessions.start(here.store, here.caller).session_id
        session_state.prune(here.paths.var, here.host)


def _briefing(here: Here, *, anew: bool) -> str:
    """Who the agent is, its notes and all unread mail; nothing where its session had that and is not due it `anew`."""
    store, caller = here.store, here.caller
    with session_state.noting(here.paths.var, here.key, here.host) as noted:
        due = session_state.briefed(here.paths.var, here.key, here.host)  # by what follows
        if noted.session and here.call.session and not (anew or due):
            return ""
        _join(here, noted)
        found = offers.offer(
            store, caller, offers.SeenMarker()
        )  # all that is unread: a compaction forgets what was told
        noted.show(found, here.call.event, here.call.runtime)
        session = noted.session
    team = agents.list_agents(store, ListAgents()).agents
    (own,) = [one for one in team if one.agent_id == caller.name]
    first = texts.briefing(own, session, team)
    mail = texts.digest(found, caller.name, here.host.entropy)
    own_notes = texts.own_notes(contexts.show(store, caller.name).content)
    text = "\n\n".join(part for part in (first, own_notes, mail) if part)
    return response_formats.context(here.call.runtime, here.call.event, text)


def _session_end(here: Here) -> str:
    with session_state.noting(here.paths.var, here.key, here.host) as noted:
        session = noted.session
    if session:
        with suppress(UnknownSession):  # the agent ended it itself
            sessions.end(here.store, here.caller, EndSession(session))
    listening.interrupt(here.paths, here.caller, here.key, here.host)
    session_state.forget(here.paths.var, here.key, here.host)
    return ""


def _before_edit(here: Here) -> str:
    if not response_formats.tells(here.call.runtime, here.call.event):
        return ""
    text = files.warning(here.store, here.caller, here.call)
    return response_formats.context(here.call.runtime, here.call.event, text) if text else ""


def _after_edit(here: Here) -> str:
    files.touched(here.store, here.caller)
    return _before_edit(here)  # for the clients in which nothing could be said before


def _pre_compact(here: Here) -> str:
    """Adds what is known of the work to the agent's own notes: the next briefing shows them."""
    if here.call.runtime in response_formats.SILENT_AFTER_COMPACTION:
        session_state.brief_at_prompt(here.paths.var, here.key, here.host)
    files.touched(here.store, here.caller)
    saved = contexts.show(here.store, here.caller.name).content or ""
    unread = offers.offer(here.store, here.caller, offers.SeenMarker()).unread
    known = work.contexts(here.store, WantContexts(agent=here.caller.name)).contexts
    section = Section(texts.state(known[0], unread), "<!--", " -->")
    contexts.save(here.store, here.caller.name, section.add(saved, mine=True))
    return ""


EVENTS: dict[str, Callable[[Here], str]] = {
    "session-start": _session_start,
    "prompt": _prompt,
    "post-tool": _offer,
    "stop": _stop,
    "pre-compact": _pre_compact,
    "before-edit": _before_edit,
    "after-edit": _after_edit,
    "session-end": _session_end,
}
LISTEN = listening.EVENT  # waits, so it opens its store by itself
