"""Sets a worktree up for clients, and undoes it. The user's own content in these files stays, byte for byte.

Every file is planned before the first one is written. A file that cannot be parsed or written is left alone and
reported; the others are still written.
"""

from __future__ import annotations

import difflib
import os
import tomllib

from thrum_store.errors import ThrumError
from thrum_store.machine.host import REAL, Host
from thrum_store.repository.paths import Paths
from thrum_store.values import Record

from . import files, ledger
from .jsontext import NotJson
from .launcher import Launcher, launcher
from .ledger import Entry, Ledger
from .presets import chosen
from .recipes import Recipe, recipe
from .section import Piece, Section

CREATED, UPDATED, UNCHANGED, REFUSED = "created", "updated", "unchanged", "refused"
RESTORED, REMOVED = "restored", "removed"


class Configure(Record):
    """A request to set clients up. `stealth`: git shows no change, and files that git tracks are left alone.

    `force`: the user's changes inside thrum's own pieces are overwritten. `dry_run`: nothing is written.
    """

    runtime: str
    dry_run: bool = False
    force: bool = False
    stealth: bool = False


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


class _Plan(Record):
    """The planned change of a file: its bytes now, then, and without thrum's pieces (`before`)."""

    change: ClientFile
    real: str = ""
    now: bytes | None = None
    then: bytes | None = None
    before: bytes | None = None


def configure(paths: Paths, request: Configure, host: Host = REAL, command: Launcher | None = None) -> Configured:
    """Write the clients' configuration; repeatable. Raises Invalid for an unknown runtime, Corrupted."""
    presets = chosen(request.runtime)
    known = ledger.load(paths.local, host)
    wanted = merged([recipe(preset.name, paths.root, command or launcher(paths.common)) for preset in presets])
    tracked = _tracked(paths, wanted) if request.stealth else set[str]()
    plans = _plan_all(paths.root, wanted, known, request, tracked)
    if not request.dry_run:
        for plan in plans:
            _write(paths, plan, known, host)
        if request.stealth:
            _exclude(paths, [plan.change.path for plan in plans if plan.change.status == CREATED])
        known.runtimes = sorted({*known.runtimes, *(preset.name for preset in presets)})
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
    pieces = merged([recipe(name, paths.root, launcher(paths.common)) for name in known.runtimes])
    plans = [_plan_removal(paths.root, path, known, pieces.get(path, ())) for path in sorted(known.files)]
    if not dry_run:
        made = [directory for entry in known.files.values() for directory in entry.directories]
        for plan in plans:
            _restore(plan, known)
        files.remove_empty([os.path.join(paths.root, directory) for directory in made])
        _exclude(paths, [])
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


def _plan_all(root: str, wanted: Recipe, known: Ledger, request: Configure, tracked: set[str]) -> list[_Plan]:
    plans: list[_Plan] = []
    seen: dict[str, str] = {}
    for path, pieces in sorted(wanted.items()):
        if path in tracked:
            plans.append(_Plan(ClientFile(path, REFUSED, "git tracks it, and --stealth changes no such file")))
            continue
        plan = _plan(root, path, pieces, known, request.force)
        if plan.real and plan.real in seen:  # a link to a file that has its pieces already
            plan = _Plan(ClientFile(path, UNCHANGED, f"is {seen[plan.real]}"))
        elif plan.real:
            seen[plan.real] = path
        plans.append(plan)
    return plans


def _plan(root: str, path: str, pieces: tuple[Piece, ...], known: Ledger, force: bool) -> _Plan:
    try:
        real = files.resolved(root, path)
        now = files.read(real)
        mine = known.mine(path, now)
        before = known.files[path].before if mine else _without(now, pieces, known.files.get(path))
        text = _text(now)
        for piece in pieces:
            text = piece.add(text, mine=force or mine)
    except (ValueError, RecursionError, ThrumError) as error:
        return _refused(path, error)
    then = text.encode()
    status = UNCHANGED if then == now else CREATED if now is None else UPDATED
    return _Plan(ClientFile(path, status, diff=_diff(path, now, then)), real, now, then, before)


def _plan_removal(root: str, path: str, known: Ledger, pieces: tuple[Piece, ...]) -> _Plan:
    try:
        real = files.resolved(root, path)
        now = files.read(real)
        if known.mine(path, now):
            then = known.files[path].before
        else:
            then = _without(now, pieces, known.files[path])
            if known.files[path].before is None and then is not None and then.strip() in (b"", b"{}"):
                then = None
    except (ValueError, RecursionError, ThrumError) as error:
        return _refused(path, error)
    status = UNCHANGED if then == now else REMOVED if then is None else RESTORED
    return _Plan(ClientFile(path, status, diff=_diff(path, now, then)), real, now, then)


def _refused(path: str, error: Exception) -> _Plan:
    if isinstance(error, ThrumError):
        return _Plan(ClientFile(path, REFUSED, error.message + (f"; {error.hint}" if error.hint else "")))
    formats = {NotJson: "JSON", tomllib.TOMLDecodeError: "TOML", UnicodeDecodeError: "UTF-8"}
    names = [name for kind, name in formats.items() if isinstance(error, kind)]
    cause = f"not {names[0]} ({error})" if names else str(error)
    return _Plan(ClientFile(path, REFUSED, f"it is not valid and was left alone: {cause}"))


def _without(now: bytes | None, pieces: tuple[Piece, ...], entry: Entry | None) -> bytes | None:
    """Return a file's bytes without thrum's pieces; a piece that the user's own file had before stays."""
    if now is None or entry is None:
        return now
    text, before = _text(now), _text(entry.before)
    for piece in reversed(pieces):
        if piece.remove(before) == before:
            text = piece.remove(text)
    return text.encode()


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode()


def _write(paths: Paths, plan: _Plan, known: Ledger, host: Host) -> None:
    path = plan.change.path
    if plan.change.status not in (CREATED, UPDATED) or plan.then is None:
        return
    entry = known.files.get(path)
    made = entry.directories if entry is not None else ()
    known.files[path] = Entry(plan.before, ledger.digest(plan.then), made)
    ledger.save(paths.local, known, host)  # before the file, so that its old bytes are kept even if we die here
    fresh = [
        os.path.relpath(directory, os.path.realpath(paths.root)) for directory in files.write(plan.real, plan.then)
    ]
    known.files[path] = Entry(plan.before, ledger.digest(plan.then), (*made, *fresh))


def _restore(plan: _Plan, known: Ledger) -> None:
    if plan.change.status == REFUSED:
        return
    known.files.pop(plan.change.path)
    if plan.then is None:
        files.remove(plan.real)
    elif plan.then != plan.now:
        files.write(plan.real, plan.then)


def _diff(path: str, now: bytes | None, then: bytes | None) -> str:
    if now == then:
        return ""
    before, after = (_text(data).splitlines(keepends=True) for data in (now, then))
    names = ("/dev/null" if now is None else f"a/{path}", "/dev/null" if then is None else f"b/{path}")
    lines = difflib.unified_diff(before, after, *names)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _tracked(paths: Paths, wanted: Recipe) -> set[str]:
    from thrum_store.repository.git_runner import GitRunner

    listed = GitRunner(paths.root).run("ls-files", "-z", "--", *sorted(wanted))
    return {path for path in listed.split("\0") if path}


def _exclude(paths: Paths, created: list[str]) -> None:
    """List the created files in git's own ignore list, or remove that list if nothing was created."""
    path = os.path.join(paths.common, "info", "exclude")
    before = _text(files.read(path))
    section = Section("\n".join(f"/{name}" for name in created), "#")
    after = section.add(before, mine=True) if created else section.remove(before)
    if after != before:
        files.write(path, after.encode())
