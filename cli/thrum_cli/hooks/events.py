"""Answers a hook event: this module handles mail, `edits` edits, and `session_events` the rest of a session."""

from __future__ import annotations

import os
import sys

from thrum_store import identity
from thrum_store.errors import DiskFull, Invalid, NotARepository, NotInitialized, StorageFailed, ThrumError
from thrum_store.machine.host import REAL
from thrum_store.repository import paths as repository_paths
from thrum_store.repository import unread_probe
from thrum_store.store import open_store
from thrum_store.values import replaced

from . import responses
from .session import Call, HookRun, parse_call, session_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from thrum_store.identity import Caller
    from thrum_store.machine.host import Host
    from thrum_store.repository.paths import Paths
    from thrum_store.service.messages.offers import Offer

    Handler = Callable[[HookRun], str]

LISTEN = "listen"  # waits, so it opens the store itself
_WAKING = ("stop", LISTEN)  # events whose mail begins a turn
EVENTS = (
    "session-start", "prompt", "post-tool", "stop", "pre-compact", "before-edit", "after-edit", "session-end",
)  # fmt: skip


def answer(arguments: list[str], raw: bytes, project: str, session: str, host: Host = REAL) -> int:
    """Handle the event, print the text for the client's model, and return the exit code."""
    try:
        return _handled(parse_call(arguments, raw, project, session), host)
    except ThrumError as error:
        sys.stderr.write(f"thrum hook: {error.message}" + (f" (try: {error.hint})\n" if error.hint else "\n"))
        return 0


def _handled(call: Call, host: Host) -> int:
    if call.event not in (*EVENTS, LISTEN):
        events = ", ".join((*EVENTS, LISTEN))
        raise Invalid(f"{call.event!r} is not a hook event", hint=f"use one of {events}")
    if call.in_subagent or _runs_twice(call):
        return 0  # the agent itself never sees text that its subagent gets
    try:
        return _answer(call, host)
    except (NotARepository, NotInitialized) as error:
        return _outside(call, error)


def _outside(call: Call, error: ThrumError) -> int:
    """Say nothing where thrum is not used; but an agent whose worktree has lost its repository learns it once."""
    used = os.path.isdir(os.path.join(call.project, ".thrum"))
    if used and call.event == "session-start" and error.code == "broken_worktree":
        _print(responses.context(call.runtime, call.event, f"thrum: {error.message}. Try: {error.hint}"))
    return 0


def _runs_twice(call: Call) -> bool:
    """Return whether Cursor runs a hook of Claude Code although it has hooks of its own."""
    own_hooks = os.path.join(call.project, ".cursor", "hooks.json")
    return call.from_cursor and call.runtime == "claude" and os.path.exists(own_hooks)


def _answer(call: Call, host: Host) -> int:
    paths = repository_paths.initialized(call.project)
    try:
        caller = identity.resolve(paths)
        if call.event == LISTEN:
            return _listen(call, paths, caller, host)
        text = _run(_handler(call.event), call, paths, caller, host)
    except ThrumError as error:
        if call.event != "session-start":
            raise
        text = responses.context(call.runtime, call.event, f"thrum: {error.message}. {error.hint or ''}")
    _print(text)
    return 0


def _run(handler: Handler, call: Call, paths: Paths, caller: Caller, host: Host) -> str:
    with open_store(paths, host) as store:
        return handler(HookRun(call, caller, store))


def _print(text: str) -> None:
    if text:
        sys.stdout.write(text + "\n")


def _handler(event: str) -> Handler:
    if event in _MAIL_EVENTS:
        return _MAIL_EVENTS[event]
    if event.endswith("-edit"):
        from .edits import EDIT_EVENTS  # deferred: it loads what asks git

        return EDIT_EVENTS[event]
    from .session_events import SESSION_EVENTS  # deferred: it loads the services of the team

    return SESSION_EVENTS[event]


def _listen(call: Call, paths: Paths, caller: Caller, host: Host) -> int:
    from . import listening, queueing  # deferred: most hooks do not wait

    files = session_files(call, caller, paths.var, host)
    if call.runtime != "codex":
        return listening.listen(paths, caller, files, call.runtime)
    text = _run(_stop, call, paths, caller, host)  # Codex runs its hooks side by side: two of them would race for mail
    _print(text)
    return 0 if text else queueing.listen(paths, caller, files, call.session)


def fresh_mail(run: HookRun) -> Offer:
    """Return the unread mail that the session has not seen, and record it as seen."""
    from thrum_store.service.messages import offers  # deferred: a hook of an edit shows no mail

    try:
        with run.files.editing() as state:
            offer = offers.offer(run.store, run.caller, state.seen(), wakes=run.call.event in _WAKING)
            state.show(offer, run.call.event, run.call.runtime)
    except (StorageFailed, DiskFull):
        # Nothing can be recorded, so all unread mail is shown: once a turn, because a tool call or a stop would
        # show it over and over.
        offer = offers.offer(run.store, run.caller, offers.SeenMarker())
        return offer if run.call.event in ("prompt", "session-start") else replaced(offer, messages=())
    return offer


def _digest(run: HookRun) -> str:
    return responses.digest(fresh_mail(run), run.caller.name, run.host.entropy)


def _offer(run: HookRun) -> str:
    text = _digest(run)
    return responses.context(run.call.runtime, run.call.event, text) if text else ""


def _stop(run: HookRun) -> str:
    text = _digest(run)
    if text:
        from thrum_store.service.messages import offers  # deferred: as in `fresh_mail`

        offers.begin_turn(run.store, run.caller.name, woken=True)
    return responses.go_on(run.call.runtime, text) if text else ""


def _prompt(run: HookRun) -> str:
    run.files.end_listener(run.store.paths.bells, run.caller.name)
    text, held = "", False
    if run.files.is_due() or (run.call.session and run.call.runtime in unread_probe.LATE):
        from .session_events import briefing  # deferred: needed once per session

        text = briefing(run, again=False)
    if not text:
        offer = fresh_mail(run)
        text, held = responses.digest(offer, run.caller.name, run.host.entropy), bool(offer.held)
        text = responses.context(run.call.runtime, run.call.event, text) if text else ""
    _end_woken_turn(run, held=held)
    return text


def _end_woken_turn(run: HookRun, *, held: bool) -> None:
    """Record that a person wrote, where a wake began the last turn or was held back."""
    mark = run.store.paths.in_var(repository_paths.woken_mark(run.caller.name))
    if (held or os.path.exists(mark)) and not responses.is_wake(run.call.prompt):  # a client may submit our own text
        from thrum_store.service.messages import offers  # deferred: as in `fresh_mail`

        offers.begin_turn(run.store, run.caller.name, woken=False)


_MAIL_EVENTS: dict[str, Handler] = {"prompt": _prompt, "post-tool": _offer, "stop": _stop}
