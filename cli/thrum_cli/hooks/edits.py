"""Edits of files: reports them to the team at once, and warns before two agents change the same file.

A warning never blocks an edit: the agents, or their users, settle whose change goes first.
"""

from __future__ import annotations

import os

from thrum_store.errors import UnknownSession
from thrum_store.values import safe_line

from . import responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from thrum_store.service.git_answers import Unanswered
    from thrum_store.service.team.work import WhoHas, WorkContext

    from .session import HookRun


def record_work(run: HookRun) -> None:
    """Record the worktree's state in git now, for `thrum team` and for other machines."""
    from thrum_store.service.team import heartbeat  # deferred: a warning needs none
    from thrum_store.service.team.heartbeat import Heartbeat

    try:
        heartbeat.heartbeat(run.store, run.caller, Heartbeat())
    except UnknownSession:
        pass  # an agent without a session has nothing to report


def _warning(run: HookRun) -> str:
    """Return who else has these files uncommitted and how to ask them; each pair of file and agent once per session."""
    from thrum_store.service.team import work  # deferred: most clients are not warned after an edit

    if not run.call.files or not work.others_in_session(run.store, run.caller.name):
        return ""
    with run.files.editing() as state:
        answers = {path: work.who_has(run.store, path, run.store.paths.root) for path in run.call.files}
        sentences = {
            f"{holder.address} {path}": _sentence(holder, path)
            for path, holders in answers.items()
            for holder in _others(run, holders)
        }
        sentences |= {
            f"worktree {silent.worktree}": _doubt(silent)
            for holders in answers.values()
            for silent in holders.unanswered
            if silent.worktree != run.store.paths.worktree
        }
        new = {key: sentence for key, sentence in sentences.items() if key not in state.warned}
        state.warned |= frozenset(new)
    return "\n".join(new.values())


def _others(run: HookRun, holders: WhoHas) -> list[WorkContext]:
    contexts = holders.contexts
    return [context for context in contexts if context.uncommitted_files and context.address != run.caller.name]


def _sentence(holder: WorkContext, path: str) -> str:
    name = safe_line(os.path.basename(path))
    return (
        f"thrum: @{holder.address} has uncommitted changes to {name} on branch {safe_line(holder.branch)}. Ask before"
        f' you change the same lines: thrum send "May I edit {name}?" --to @{holder.address}'
    )


def _doubt(silent: Unanswered) -> str:
    return (
        f"thrum: git cannot answer for the worktree {safe_line(silent.worktree)}: {safe_line(silent.reason)}. An agent"
        f" in it may be changing the same files. Try: {safe_line(silent.hint)}"
    )


def _before_edit(run: HookRun) -> str:
    if not responses.reaches_model(run.call.runtime, run.call.event):
        return ""
    text = _warning(run)
    return responses.context(run.call.runtime, run.call.event, text) if text else ""


def _after_edit(run: HookRun) -> str:
    record_work(run)
    return _before_edit(run)  # for the clients that show the model no text before an edit


EDIT_EVENTS: dict[str, Callable[[HookRun], str]] = {"before-edit": _before_edit, "after-edit": _after_edit}
