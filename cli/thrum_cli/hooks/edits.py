"""Edits of files: reports them to the team at once, and warns before two agents change the same file.

A warning never blocks an edit: the agents, or their users, settle whose change goes first.
"""

from __future__ import annotations

import os

from thrum_store.errors import UnknownSession
from thrum_store.service.team import heartbeat, work
from thrum_store.service.team.heartbeat import Heartbeat
from thrum_store.values import safe_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.service.team.work import WorkContext

    from .session import HookRun


def record_work(run: HookRun) -> None:
    """Record the worktree's state in git now, for `thrum team` and for other machines."""
    try:
        heartbeat.heartbeat(run.store, run.caller, Heartbeat())
    except UnknownSession:
        pass  # an agent without a session has nothing to report


def warning(run: HookRun) -> str:
    """Return who else has these files uncommitted and how to ask them; each pair of file and agent once per session."""
    if not run.call.files or not work.others_in_session(run.store, run.caller.name):
        return ""
    with run.files.editing() as state:
        sentences = {
            f"{holder.address} {path}": _sentence(holder, path)
            for path in run.call.files
            for holder in _holders(run, path)
        }
        new = {key: sentence for key, sentence in sentences.items() if key not in state.warned}
        state.warned |= frozenset(new)
    return "\n".join(new.values())


def _holders(run: HookRun, path: str) -> list[WorkContext]:
    contexts = work.who_has(run.store, path, run.store.paths.root).contexts
    return [context for context in contexts if context.uncommitted_files and context.address != run.caller.name]


def _sentence(holder: WorkContext, path: str) -> str:
    name = safe_line(os.path.basename(path))
    return (
        f"thrum: @{holder.address} has uncommitted changes to {name} on branch {safe_line(holder.branch)}. Ask before"
        f' you change the same lines: thrum send "May I edit {name}?" --to @{holder.address}'
    )
