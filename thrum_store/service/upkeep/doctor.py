"""`thrum doctor`: what is wrong, why, and what mends it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from thrum_store import carry_forward, identity, store
from thrum_store.errors import Invalid, NotInitialized
from thrum_store.machine.host import REAL, Host
from thrum_store.repository import paths
from thrum_store.repository.paths import SYNC_LOCK, Paths
from thrum_store.store import Store
from thrum_store.view import database, rebuild
from thrum_store.view.queries import agents, shards

from .check_logs import LARGE, Examine, Progress, logs
from .check_repository import around
from .check_sync import exchange
from .findings import Finding, Found, fine, note, problem


@dataclass(frozen=True)
class Diagnosis:
    """All findings, in the order of the checks; `problems` counts those that are left."""

    repository: str
    findings: tuple[Finding, ...]
    problems: int
    notes: int


def examine(
    start: str, request: Examine | None = None, *, environ: Mapping[str, str] = os.environ, host: Host = REAL
) -> Diagnosis:
    """Checks everything around `start`. Raises NotARepository, and Refused where others have what would be given up."""
    how = request or Examine()
    try:
        places = paths.find(start)
    except Invalid as error:
        return _diagnosis(start, [Finding("redirect", "problem", error.message, error.hint)])
    if not places.initialized:
        missing = NotInitialized(places.root)
        return _diagnosis(places.root, [Finding("layout", "problem", missing.message, missing.hint)])
    findings = [_mended(found, how.fix or how.give_up) for found in _checks(places, host, environ, how)]
    return _diagnosis(places.root, findings)


def _diagnosis(root: str, findings: list[Finding]) -> Diagnosis:
    problems = sum(one.status == "problem" and not one.fixed for one in findings)
    return Diagnosis(root, tuple(findings), problems, sum(one.status == "note" for one in findings))


def _mended(found: Found, fix: bool) -> Finding:
    if not fix or found.mend is None:
        return found.finding
    found.mend()
    return replace(found.finding, fixed=True)


def _checks(places: Paths, host: Host, environ: Mapping[str, str], how: Examine) -> Iterator[Found]:
    yield from around(places, host, environ)
    yield from _view_file(places, host, how.deep)
    with store.open_store(places, host) as opened:
        yield from logs(opened, how)
        yield from exchange(opened)
        yield from _view(opened, how.progress)
        yield from _registrations(opened, environ)


def _view_file(places: Paths, host: Host, deep: bool) -> Iterator[Found]:
    path = database.current(places.var, host)
    if path is None:
        yield note("view", "there is none yet; it is made from the logs now")
    elif not rebuild.intact(path, thorough=deep or host.storage.size(path) <= LARGE):
        hint = "`thrum doctor --fix` makes it anew from the logs; nothing is lost"
        yield problem("view", f"{os.path.basename(path)} is damaged", hint, partial(_anew, places, host))


def _anew(places: Paths, host: Host) -> None:
    with store.open_store(places, host) as opened:
        opened.rebuild()


def _view(opened: Store, progress: Progress | None) -> Iterator[Found]:
    def finish() -> None:
        with opened.host.lock(opened.paths.in_var(SYNC_LOCK)):
            carry_forward.remove_purged(opened, progress)

    frozen = shards.frozen(opened.view)
    for one in frozen:
        hint = "mend the log first (above): then it is read again"
        yield problem("view", f"the log of {one.agent!r} is read up to event {one.seq} only: {one.why}", hint)
    rejected = shards.rejected(opened.view)
    if rejected:
        store_id, agent, seq, why = rejected[0]
        what = f"{len(rejected)} events make no sense, the first one is {agent}/{seq} of {store_id[:8]}: {why}"
        yield note("view", what, "they are kept and skipped; a newer thrum may understand them")
    if carry_forward.pending(opened):
        hint = "`thrum doctor --fix` finishes it, and so does the next `thrum purge --confirm`"
        yield problem("purge", "a purge was interrupted: what it removes is still on the disk", hint, finish)
    if not frozen:
        yield fine("view", "everything in the logs is shown")


def _registrations(opened: Store, environ: Mapping[str, str]) -> Iterator[Found]:
    """Identity files that the store does not know, or knows from another worktree."""
    forced = environ.get("THRUM_NAME")
    names = set(identity.names(opened.paths)) | ({forced} if forced else set[str]())
    for name in sorted(names):
        agent = agents.own(opened.view, name)
        if agent is None:
            hint = f"`thrum quickstart --name {name} --role ROLE --module MODULE`, or remove the identity file"
            yield problem("identity", f"@{name} is not registered in this store", hint)
        elif agent.worktree != opened.paths.worktree:
            hint = f"use a name of your own, or take it over: `thrum agent register --name {name} --force …`"
            yield problem("identity", f"@{name} works in the worktree {agent.worktree!r}, not in this one", hint)
