"""`thrum doctor`: problems, their reasons and repairs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial

from thrum_store import carry_forward, identity, store
from thrum_store.errors import ThrumError
from thrum_store.machine.host import REAL, Host
from thrum_store.repository import paths, worktrees
from thrum_store.repository.obstacles import without_store
from thrum_store.repository.paths import SYNC_LOCK, Paths
from thrum_store.repository.relocation import relocated
from thrum_store.store import Store
from thrum_store.values import Record, replaced
from thrum_store.view import database, rebuild
from thrum_store.view.queries import lookup, shards

from . import check_worktrees
from .check_logs import LARGE, LEFT_OUT, Examine, Progress, logs, sync
from .check_place import second_copies
from .check_repository import around
from .findings import OK, PROBLEM, Check, Finding, fine, guarded, note, problem


class Diagnosis(Record):
    """All findings, in the order of the checks; `problems` counts those that are not fixed."""

    repository: str
    findings: tuple[Finding, ...]
    problems: int
    notes: int


def examine(
    start: str, request: Examine | None = None, *, environ: Mapping[str, str] = os.environ, host: Host = REAL
) -> Diagnosis:
    """Check everything around `start`. Raises NotARepository, or Forbidden if others have events to be given up."""
    request = request or Examine()
    places = paths.located(start)
    if not places.initialized:
        missing = without_store(places.root, places.thrum, places.var)
        return _diagnosis(places.root, [Finding("layout", "problem", missing.message, missing.hint)])
    places = relocated(places, None, host)
    findings = [_fixed(check, request.fix or request.give_up) for check in _checks(places, host, environ, request)]
    return _diagnosis(places.root, findings)


def _diagnosis(root: str, findings: list[Finding]) -> Diagnosis:
    """Return the diagnosis: of a thing with a problem, nothing says that it is well."""
    troubled = {finding.check for finding in findings if finding.status == PROBLEM}
    findings = [finding for finding in findings if finding.status != OK or finding.check not in troubled]
    problems = sum(finding.status == "problem" and not finding.fixed for finding in findings)
    return Diagnosis(root, tuple(findings), problems, sum(finding.status == "note" for finding in findings))


def _fixed(check: Check, fix: bool) -> Finding:
    if not fix or check.repair is None:
        return check.finding
    try:
        check.repair()
    except ThrumError as error:
        message = f"{check.finding.message}; it could not be repaired: {error.message}"
        return replaced(check.finding, message=message, hint=error.hint or check.finding.hint)
    return replaced(check.finding, fixed=True)


def _checks(places: Paths, host: Host, environ: Mapping[str, str], request: Examine) -> Iterator[Check]:
    yield from guarded("redirect", lambda: check_worktrees.redirect(places, host))
    yield from around(places, host, environ)
    yield from guarded("view", lambda: _view_file(places, host, request.deep))
    yield from guarded("view", lambda: _store_checks(places, host, environ, request))


def _store_checks(places: Paths, host: Host, environ: Mapping[str, str], request: Examine) -> Iterator[Check]:
    with store.open_store(places, host) as opened:
        opened.restore_logs()
        yield from guarded("logs", lambda: second_copies(opened))
        unread = opened.take_warnings()
        read = list(guarded("logs", lambda: logs(opened, request)))
        yield from read
        if all(check.finding.status != "problem" for check in read):
            yield from (problem("logs", warning, LEFT_OUT) for warning in unread)
        yield from guarded("sync", lambda: sync(opened))
        yield from guarded("view", lambda: _view(opened, request.progress))
        yield from guarded("worktree", lambda: check_worktrees.answering(opened))
        yield from guarded("identity", lambda: _registrations(opened, environ))
        opened.take_warnings()  # they are findings already


def _view_file(places: Paths, host: Host, deep: bool) -> Iterator[Check]:
    path = database.current(places.var, host)
    if path is None:
        yield note("view", "there is none yet; it is built from the logs now")
    elif not rebuild.intact(path, thorough=deep or host.storage.size(path) <= LARGE):
        hint = "`thrum doctor --fix` rebuilds it from the logs; nothing is lost"
        yield problem("view", f"{os.path.basename(path)} is damaged", hint, partial(_rebuild, places, host))


def _rebuild(places: Paths, host: Host) -> None:
    with store.open_store(places, host) as opened:
        opened.rebuild()


def _view(opened: Store, progress: Progress | None) -> Iterator[Check]:
    def finish() -> None:
        with opened.host.lock(opened.paths.in_var(SYNC_LOCK)):
            carry_forward.remove_purged(opened, progress)

    frozen = shards.frozen(opened.view)
    for row in frozen:
        hint = "repair the log first (above): then it is read again"
        yield problem("view", f"the log of {row.agent!r} is read up to event {row.seq} only: {row.why}", hint)
    rejected = shards.rejected(opened.view)
    if rejected:
        store_id, agent, seq, why = rejected[0]
        place = f"{agent}/{seq} of {identity.short_id(store_id)}"
        message = f"{len(rejected)} events are invalid, the first one is {place}: {why}"
        yield note("view", message, "they are kept and skipped; a newer thrum may understand them")
    if carry_forward.pending(opened):
        hint = "`thrum doctor --fix` finishes it, and so does the next `thrum purge --confirm`"
        yield problem("purge", "a purge was interrupted: what it removes is still on the disk", hint, finish)
    if not frozen:
        yield fine("view", "everything in the logs is shown")


def _registrations(opened: Store, environ: Mapping[str, str]) -> Iterator[Check]:
    """Report identity files of agents that are not registered, or registered in another worktree."""
    forced = environ.get("THRUM_NAME")
    names = set(identity.names(opened.paths)) | ({forced} if forced else set[str]())
    for name in sorted(names):
        agent = lookup.own(opened.view, name)
        if agent is None:
            hint = f"`thrum quickstart --name {name} --role ROLE --module MODULE`, or remove the identity file"
            yield problem("identity", f"@{name} is not registered in this store", hint)
        elif agent.worktree and worktrees.home(opened.paths, name, agent.worktree) != opened.paths.worktree:
            hint = f"use a name of your own, or take it over: `thrum agent register --name {name} --force …`"
            yield problem("identity", f"@{name} works in the worktree {agent.worktree!r}, not in this one", hint)
