"""`thrum doctor`: what is wrong, why, and what mends it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from .. import database, identity, paths, purging, store
from ..errors import Invalid, NotInitialized
from ..events import fast_parser
from ..host import REAL, Host
from ..log import Head, Shard
from ..paths import Paths
from ..purged import PurgedLog
from ..queries import agents, shards
from ..store import Store
from .checkup import around
from .findings import Finding, Found, fine, note, problem

Progress = Callable[[int], None]
_LARGE = 1024 * 1024  # bytes that are read in a blink


@dataclass(frozen=True)
class Diagnosis:
    """All findings, in the order of the checks; `problems` counts those that are left."""

    repository: str
    findings: tuple[Finding, ...]
    problems: int
    notes: int


def examine(
    start: str,
    *,
    fix: bool = False,
    deep: bool = False,
    environ: Mapping[str, str] = os.environ,
    host: Host = REAL,
    progress: Progress | None = None,
) -> Diagnosis:
    """Checks everything around `start`; with `fix`, does what is safe. Raises NotARepository.

    Large logs and a large view are looked at from outside, unless `deep` asks for every byte of them.
    """
    try:
        places = paths.find(start)
    except Invalid as error:
        return _diagnosis(start, [Finding("redirect", "problem", error.message, error.hint)])
    if not places.initialized:
        missing = NotInitialized(places.root)
        return _diagnosis(places.root, [Finding("layout", "problem", missing.message, missing.hint)])
    findings = [_mended(found, fix) for found in _checks(places, host, environ, deep, progress)]
    return _diagnosis(places.root, findings)


def _diagnosis(root: str, findings: list[Finding]) -> Diagnosis:
    problems = sum(one.status == "problem" and not one.fixed for one in findings)
    return Diagnosis(root, tuple(findings), problems, sum(one.status == "note" for one in findings))


def _mended(found: Found, fix: bool) -> Finding:
    if not fix or found.mend is None:
        return found.finding
    found.mend()
    return replace(found.finding, fixed=True)


def _checks(
    places: Paths, host: Host, environ: Mapping[str, str], deep: bool, progress: Progress | None
) -> Iterator[Found]:
    yield from around(places, host, environ)
    yield from _logs(PurgedLog(places.logs, places.var, host), deep, progress)
    yield from _view_file(places, host, deep)
    with store.open_store(places, host) as opened:
        yield from _view(opened, progress)
        yield from _registrations(opened, environ)


def _logs(log: PurgedLog, deep: bool, progress: Progress | None) -> Iterator[Found]:
    """Small logs and suspicious ones line by line, from the first one on: hashes, chain, order."""
    shards = log.shards()
    size = sum(map(log.size, shards))
    outside = size > _LARGE and not deep
    read = 0
    whole = True
    for shard in shards:
        gap = log.gap(shard)
        if outside and not gap and log.ends(shard):
            continue
        count, found = _chain(log, shard, gap)
        read += count
        if progress is not None:
            progress(read)
        if found is not None:
            whole = False
            yield found
    if whole and outside:
        what = f"{len(shards)} logs of {size / 1e6:.1f} MB have all their files, as long as they should be"
        yield fine("logs", f"{what}; `thrum doctor --deep` reads every line")
    elif whole:
        yield fine("logs", f"{read:,} events in {len(shards)} logs, every one of them whole")


def _chain(log: PurgedLog, shard: Shard, gap: str) -> tuple[int, Found | None]:
    parse, head, count = fast_parser(), Head(), 0
    where = os.path.join(log.root, shard.store[:8] + "…", shard.agent)
    while True:
        reading = log.read(shard, head, parse)
        count += len(reading.events)
        if reading.damage or (gap and reading.head == head):
            hint = "restore that file from a backup or another clone, then `thrum doctor --fix`; never edit it"
            return count, problem("logs", f"{where} after event {reading.head.seq}: {reading.damage or gap}", hint)
        if reading.torn:
            what = f"{where} ends in {reading.torn} bytes that were never acknowledged"
            return count, note("logs", what, "the next command of that agent sets them aside")
        if reading.head == head:
            return count, None
        head = reading.head


def _view_file(places: Paths, host: Host, deep: bool) -> Iterator[Found]:
    path = database.current(places.var, host)
    if path is None:
        yield note("view", "there is none yet; it is made from the logs now")
    elif not database.intact(path, thorough=deep or host.storage.size(path) <= _LARGE):
        hint = "`thrum doctor --fix` makes it anew from the logs; nothing is lost"
        yield problem("view", f"{os.path.basename(path)} is damaged", hint, partial(_anew, places, host))


def _anew(places: Paths, host: Host) -> None:
    with store.open_store(places, host) as opened:
        opened.rebuild()


def _view(opened: Store, progress: Progress | None) -> Iterator[Found]:
    def rebuild() -> None:
        opened.rebuild(progress)

    def finish() -> None:
        with opened.host.lock(os.path.join(opened.paths.var, "sync.lock")):
            purging.carry_out(opened, progress)

    frozen = shards.frozen(opened.view)
    for one in frozen:
        hint = "mend the log first (above), then `thrum doctor --fix` reads it again"
        yield problem("view", f"the log of {one.agent!r} is read up to event {one.seq} only: {one.why}", hint, rebuild)
    rejected = shards.rejected(opened.view)
    if rejected:
        store_id, agent, seq, why = rejected[0]
        what = f"{len(rejected)} events make no sense, the first one is {agent}/{seq} of {store_id[:8]}: {why}"
        yield note("view", what, "they are kept and skipped; a newer thrum may understand them")
    if purging.pending(opened):
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
