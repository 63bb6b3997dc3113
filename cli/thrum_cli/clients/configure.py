"""Sets a worktree up for clients, and undoes it. The user's own content in these files stays, byte for byte.

Every file is planned before the first one is written. A file that cannot be parsed or written is left alone and
reported; the others are still written.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable

from thrum_store.errors import Conflict, ThrumError
from thrum_store.machine.host import REAL, Host
from thrum_store.repository.paths import Paths
from thrum_store.values import Record

from . import files, ledger, planning
from .launcher import START, Launcher
from .ledger import Entry, Ledger
from .presets import chosen
from .recipes import Recipe, recipe
from .section import Piece, Section
from .starts import Start

CREATED, UPDATED, UNCHANGED, REFUSED = "created", "updated", "unchanged", "refused"
RESTORED, REMOVED = "restored", "removed"
_LINK_MODE = "120000"  # of a link, in git's index


class Configure(Record):
    """A request to set clients up. `stealth`: git shows no change, and files that git tracks are left alone.

    `force`: the user's changes inside thrum's own pieces are overwritten. `dry_run`: nothing is written. `starts`: a
    command of thrum for which this is false is replaced, also where the user changed the file.
    """

    runtime: str
    dry_run: bool = False
    force: bool = False
    stealth: bool = False
    starts: Callable[[Start], bool] | None = None


class ClientFile(Record):
    """A file and its change: created, updated, unchanged, refused, restored or removed.

    `reason` says why it was refused; `diff` is a unified diff, or empty.
    """

    path: str
    status: str
    reason: str = ""
    diff: str = ""


class UserStep(Record):
    """A step that only the user can take, because a client asks people for their trust."""

    runtime: str
    step: str


class Configured(Record):
    """The files of the requested clients, and the steps that are left to the user."""

    runtimes: tuple[str, ...]
    files: tuple[ClientFile, ...]
    steps: tuple[UserStep, ...]
    dry_run: bool


class Unconfigured(Record):
    """The files that were restored."""

    files: tuple[ClientFile, ...]
    dry_run: bool


class _Place(Record):
    """A worktree, what is known of its files, and the paths that git tracks as links."""

    root: str
    known: Ledger
    links: frozenset[str]


class _Plan(Record):
    """The planned change of a file: its bytes now, then, and without thrum's pieces (`before`).

    `edited`: the user changed something inside of thrum's pieces, which the next call must not undo.
    """

    change: ClientFile
    real: str = ""
    now: bytes | None = None
    then: bytes | None = None
    before: bytes | None = None
    edited: bool = False


def configure(paths: Paths, request: Configure, host: Host = REAL, command: Launcher | None = None) -> Configured:
    """Write the clients' configuration; repeatable. Raises Invalid for an unknown runtime, Corrupted."""
    presets = chosen(request.runtime)
    known = ledger.load(paths.local, host)
    wanted = merged([recipe(preset.name, paths.root, command or START) for preset in presets])
    modes = _tracked(paths, list(wanted))
    untouched = modes.keys() if request.stealth else set[str]()
    plans = _plan_all(_Place(paths.root, known, _links(modes)), wanted, request, set(untouched))
    if not request.dry_run:
        plans = [_write(paths, plan, known, host) for plan in plans]
        if request.stealth:
            _exclude(paths, [plan.change.path for plan in plans if plan.change.status == CREATED])
        known.runtimes, known.undone = sorted({*known.runtimes, *(preset.name for preset in presets)}), False
        ledger.save(paths.local, known, host)
    steps = tuple(UserStep(preset.name, preset.user_step) for preset in presets if preset.user_step)
    return Configured(
        tuple(preset.name for preset in presets), tuple(plan.change for plan in plans), steps, request.dry_run
    )


def unconfigure(paths: Paths, *, dry_run: bool = False, host: Host = REAL) -> Unconfigured:
    """Undo `configure` in this worktree. Raises Corrupted.

    A file that nobody changed since gets its old bytes back; from any other file only thrum's pieces are removed.
    """
    known = ledger.load(paths.local, host)
    pieces = merged([recipe(name, paths.root, START) for name in known.runtimes])
    place = _Place(paths.root, known, tracked_links(paths, list(known.files)))
    plans = [_plan_removal(place, path, pieces.get(path, ())) for path in sorted(known.files)]
    if not dry_run:
        made = [directory for entry in known.files.values() for directory in entry.directories]
        plans = [_restore(plan, known) for plan in plans]
        files.remove_empty([os.path.join(paths.root, directory) for directory in made])
        _exclude(paths, [])
        known.undone = bool(known.undone or plans)
        known.runtimes = [] if not known.files else known.runtimes
        ledger.save(paths.local, known, host)
    return Unconfigured(tuple(plan.change for plan in plans), dry_run)


def merged(recipes: list[Recipe]) -> Recipe:
    """Return several recipes as one, in which a piece that two of them share occurs once."""
    together: dict[str, list[Piece]] = {}
    for wanted in recipes:
        for path, pieces in wanted.items():
            listed = together.setdefault(path, [])
            listed += [piece for piece in pieces if piece not in listed]
    return {path: tuple(pieces) for path, pieces in together.items()}


def _plan_all(place: _Place, wanted: Recipe, request: Configure, untouched: set[str]) -> list[_Plan]:
    plans: list[_Plan] = []
    seen: dict[str, str] = {}
    for path, pieces in sorted(wanted.items()):
        if path in untouched:
            plans.append(_Plan(ClientFile(path, REFUSED, "git tracks it, and --stealth changes no such file")))
            continue
        plan = _plan(place, path, pieces, request)
        if plan.real and plan.real in seen:  # a link to a file that has its pieces already
            plan = _Plan(ClientFile(path, UNCHANGED, f"is {seen[plan.real]}"))
        elif plan.real:
            seen[plan.real] = path
        plans.append(plan)
    return plans


def _plan(place: _Place, path: str, pieces: tuple[Piece, ...], request: Configure) -> _Plan:
    known = place.known
    try:
        real = files.resolved(place.root, path, place.links)
        now = files.read(real)
        mine = known.mine(path, now)
        absent = planning.absent_from(known.files[path].before) if mine else None
        renewed = planning.with_renewed(path, now, request.starts, pieces)
        then = planning.with_pieces(
            renewed, pieces, lambda piece: request.force or (absent is not None and absent(piece))
        )
        before = known.files[path].before if mine else _without(now, pieces, known.files.get(path))
    except planning.REFUSALS as error:
        return _refused(path, error)
    status = UNCHANGED if then == now else CREATED if now is None else UPDATED
    return _Plan(
        ClientFile(path, status, diff=_diff(path, now, then)),
        real,
        now,
        then,
        before,
        not (request.force or mine) and planning.edited(then, pieces, before),
    )


def _plan_removal(place: _Place, path: str, pieces: tuple[Piece, ...]) -> _Plan:
    known = place.known
    try:
        real = files.resolved(place.root, path, place.links)
        now = files.read(real)
        entry = known.files[path]
        then = entry.before if known.mine(path, now) else planning.without_pieces(now, pieces, entry.before)
    except planning.REFUSALS as error:
        return _refused(path, error)
    status = UNCHANGED if then == now else REMOVED if then is None else RESTORED
    return _Plan(ClientFile(path, status, diff=_diff(path, now, then)), real, now, then)


def _without(now: bytes | None, pieces: tuple[Piece, ...], entry: Entry | None) -> bytes | None:
    """Return a file's bytes without what `configure` put into it before."""
    return now if entry is None else planning.without_pieces(now, pieces, entry.before)


def _refused(path: str, error: Exception) -> _Plan:
    return _Plan(ClientFile(path, REFUSED, planning.reason(error)))


def _write(paths: Paths, plan: _Plan, known: Ledger, host: Host) -> _Plan:
    """Write a planned file and note it in the ledger. Return the plan, refused if the file could not be written."""
    path = plan.change.path
    if plan.change.status not in (CREATED, UPDATED) or plan.then is None:
        return plan
    entry = known.files.get(path)
    made = entry.directories if entry is not None else ()
    known.files[path] = Entry(plan.before, _mark(plan), made)
    ledger.save(paths.local, known, host)  # before the file, so that its old bytes are kept even if we die here
    try:
        fresh = _replaced(plan, plan.then)
    except ThrumError as error:
        known.files.pop(path)
        if entry is not None:
            known.files[path] = entry
        return _refused(path, error)
    inside = tuple(os.path.relpath(directory, os.path.realpath(paths.root)) for directory in fresh)
    known.files[path] = Entry(plan.before, _mark(plan), (*made, *inside))
    return plan


def _replaced(plan: _Plan, then: bytes | None) -> list[str]:
    """Put new bytes in the place of a file, or remove it. Return the new directories. Raises Conflict, Forbidden."""
    if files.read(plan.real) != plan.now:
        raise Conflict(f"{plan.change.path} was changed in the meantime", hint="run the command again")
    if then is not None:
        return files.write(plan.real, then) if then != plan.now else []
    files.remove(plan.real)
    return []


def _mark(plan: _Plan) -> str:
    """Return the digest by which the file is recognised as thrum's own later; "" if it is the user's."""
    return "" if plan.edited or plan.then is None else ledger.digest(plan.then)


def _restore(plan: _Plan, known: Ledger) -> _Plan:
    """Write a file as it was before `configure`. Return the plan, refused if the file could not be written."""
    if plan.change.status == REFUSED:
        return plan
    try:
        _replaced(plan, plan.then)
    except ThrumError as error:
        return _refused(plan.change.path, error)
    known.files.pop(plan.change.path)
    return plan


def _diff(path: str, now: bytes | None, then: bytes | None) -> str:
    if now == then:
        return ""
    before, after = ((data or b"").decode("utf-8", "replace").splitlines(keepends=True) for data in (now, then))
    names = ("/dev/null" if now is None else f"a/{path}", "/dev/null" if then is None else f"b/{path}")
    lines = difflib.unified_diff(before, after, *names)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _tracked(paths: Paths, wanted: list[str]) -> dict[str, str]:
    """Return what git tracks among these paths and the directories above them, with the mode of each."""
    from thrum_store.repository.git_runner import GitRunner

    if not wanted:
        return {}
    steps = {"/".join(path.split("/")[: count + 1]) for path in wanted for count in range(path.count("/") + 1)}
    listed = GitRunner(paths.root).run("ls-files", "--stage", "-z", "--", *sorted(steps))
    entries = (line.split("\t", 1) for line in listed.split("\0") if line)
    return {path: fields.split(" ", 1)[0] for fields, path in entries}


def tracked_links(paths: Paths, wanted: list[str]) -> frozenset[str]:
    """Return the paths that git tracks as links, among these and the directories above them."""
    return _links(_tracked(paths, wanted))


def _links(modes: dict[str, str]) -> frozenset[str]:
    return frozenset(path for path, mode in modes.items() if mode == _LINK_MODE)


def _exclude(paths: Paths, created: list[str]) -> None:
    """List the created files in git's own ignore list, or remove that list if nothing was created."""
    path = os.path.join(paths.common, "info", "exclude")
    before = (files.read(path) or b"").decode("utf-8", "surrogateescape")
    section = Section("\n".join(f"/{name}" for name in created), "#")
    after = section.add(before, mine=True) if created else section.remove(before)
    if after != before:
        files.write(path, after.encode("utf-8", "surrogateescape"))
