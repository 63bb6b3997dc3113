"""What a hook does about files: it tells the team at once what was edited, and warns where two agents would collide.

A warning never blocks: whose edit counts is for the agents to settle, or for their users.
"""

from __future__ import annotations

import os
from contextlib import suppress

from thrum_store.errors import UnknownSession
from thrum_store.model import Caller
from thrum_store.printable import safe_line
from thrum_store.repository import unread_probe
from thrum_store.service.team import heartbeat, work
from thrum_store.service.team.heartbeat import Heartbeat
from thrum_store.service.team.work import WorkContext
from thrum_store.store import Store
from thrum_store.view.queries import agents as registered

from . import session_state
from .call import Call


def touched(store: Store, caller: Caller) -> None:
    """Notes what git says of this worktree now, for `team` and for other machines."""
    with suppress(UnknownSession):  # nothing to note for an agent without a session
        heartbeat.heartbeat(store, caller, Heartbeat())


def warning(store: Store, caller: Caller, call: Call) -> str:
    """Who else has one of these files uncommitted, and how to ask them; each file and agent once per session."""
    if not call.files or not _in_company(store, caller):
        return ""
    key = unread_probe.notes_key(caller.name, call.session)
    with session_state.noting(store.paths.var, key, store.host) as noted:
        found = {
            f"{one.agent_id} {path}": _sentence(one, path)
            for path in call.files
            for one in _holders(store, caller, path)
        }
        fresh = {what: text for what, text in found.items() if what not in noted.warned}
        noted.warned |= frozenset(fresh)
    return "\n".join(fresh.values())


def _in_company(store: Store, caller: Caller) -> bool:
    """Whether any other agent is in a session; git is asked only then."""
    return any(one.session and one.name != caller.name for one in registered.listed(store.view))


def _holders(store: Store, caller: Caller, path: str) -> list[WorkContext]:
    contexts = work.who_has(store, path, store.paths.root).contexts
    return [one for one in contexts if one.uncommitted_files and one.agent_id != caller.name]


def _sentence(one: WorkContext, path: str) -> str:
    name = safe_line(os.path.basename(path))
    return (
        f"thrum: @{one.agent_id} has uncommitted changes to {name} on branch {safe_line(one.branch)}. Ask before you"
        f' change the same lines: thrum send "May I edit {name}?" --to @{one.agent_id}'
    )
