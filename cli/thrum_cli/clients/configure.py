"""Setting a worktree up for clients, and taking it back. What the user has in these files stays, byte for byte.

Every file is planned before the first one is written. A file that cannot be read, or may not be written, is left alone
and said so; the others go on.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from dataclasses import dataclass

from thrum_store.errors import ThrumError
from thrum_store.machine.host import REAL, Host
from thrum_store.repository.paths import Paths

from . import files, ledger
from .jsontext import NotJson
from .launcher import Launcher, launcher
from .ledger import Entry, Ledger
from .pieces import Piece, Section
from .presets import chosen
from .recipes import Recipe, recipe

CREATED, UPDATED, UNCHANGED, REFUSED = "created", "updated", "unchanged", "refused"
RESTORED, REMOVED = "restored", "removed"


@dataclass(frozen=True)
class Configure:
    """Which clients to set up. `stealth`: git never sees it; files that git tracks stay as they are. `force`: what the
    user changed in our pieces gives way. `dry_run` writes nothing.
    """

    runtime: str
    dry_run: bool = False
    force: bool = False
    stealth: bool = False


@dataclass(frozen=True)
class ClientFile:
    """A file and what became of it: created, updated, unchanged, refused, restored or removed.

    `reason` says why it was refused, `diff` is a unified diff, or empty.
    """

    path: str
    status: str
    reason: str = ""
    diff: str = ""


@dataclass(frozen=True)
class UserStep:
    """What only the user can do for a client, since clients ask people for their trust."""

    runtime: str
    step: str


@dataclass(frozen=True)
class Configured:
    """The files of the clients that were asked for, and what is left to do."""

    runtimes: tuple[str, ...]
    files: tuple[ClientFile, ...]
    steps: tuple[UserStep, ...]
    dry_run: bool


@dataclass(frozen=True)
class Unconfigured:
    """The files that were taken back."""

    files: tuple[ClientFile, ...]
    dry_run: bool


@dataclass(frozen=True)
class _Planned:
    change: ClientFile
    real: str = ""
    now: bytes | None = None
    then: bytes | None = None
    before: bytes | None = None  # what the file is without us


def configure(paths: Paths, request: Configure, host: Host = REAL, command: Launcher | None = None) -> Configured:
    """Writes what the clients need. Doing it again changes nothing. Raises Invalid for an unknown runtime, Damaged."""
    presets = chosen(request.runtime)
    known = ledger.load(paths.local, host)
    wanted = merged([recipe(preset.name, paths.root, command or launcher(paths.common)) for preset in presets])
    tracked = _tracked(paths, wanted) if request.stealth else set[str]()
    planned = _plan(paths.root, wanted, known, request, tracked)
    if not request.dry_run:
        for one in planned:
            _write(paths, one, known, host)
        if request.stealth:
            _exclude(paths, [one.change.path for one in planned if one.change.status == CREATED])
        known.runtimes = sorted({*known.runtimes, *(preset.name for preset in presets)})
        ledger.save(paths.local, known, host)
    steps = tuple(UserStep(preset.name, preset.user_step) for preset in presets if preset.user_step)
    return Configured(
        tuple(preset.name for preset in presets), tuple(one.change for one in planned), steps, request.dry_run
    )


def unconfigure(paths: Paths, *, dry_run: bool = False, host: Host = REAL) -> Unconfigured:
    """Takes back what `configure` wrote here: a file that is as we left it becomes what it was, byte for byte; from one
    that was changed since, only our pieces go. Raises Damaged.
    """
    known = ledger.load(paths.local, host)
    pieces = merged([recipe(name, paths.root, launcher(paths.common)) for name in known.runtimes])
    planned = [_taken_back(paths.root, path, known, pieces.get(path, ())) for path in sorted(known.files)]
    if not dry_run:
        made = [directory for entry in known.files.values() for directory in entry.directories]
        for one in planned:
            _restore(one, known)
        files.remove_empty([os.path.join(paths.root, directory) for directory in made])
        _exclude(paths, [])
        known.runtimes = [] if not known.files else known.runtimes
        ledger.save(paths.local, known, host)
    return Unconfigured(tuple(one.change for one in planned), dry_run)


def merged(recipes: list[Recipe]) -> Recipe:
    """Several recipes as one; a piece that two of them have is there once."""
    together: dict[str, list[Piece]] = {}
    for one in recipes:
        for path, pieces in one.items():
            there = together.setdefault(path, [])
            there += [piece for piece in pieces if piece not in there]
    return {path: tuple(pieces) for path, pieces in together.items()}


def _plan(root: str, wanted: Recipe, known: Ledger, request: Configure, tracked: set[str]) -> list[_Planned]:
    planned: list[_Planned] = []
    seen: dict[str, str] = {}
    for path, pieces in sorted(wanted.items()):
        if path in tracked:
            planned.append(_Planned(ClientFile(path, REFUSED, "git tracks it, and --stealth touches no such file")))
            continue
        one = _planned(root, path, pieces, known, request.force)
        if one.real and one.real in seen:  # a link to a file that has its pieces already
            one = _Planned(ClientFile(path, UNCHANGED, f"is {seen[one.real]}"))
        elif one.real:
            seen[one.real] = path
        planned.append(one)
    return planned


def _planned(root: str, path: str, pieces: tuple[Piece, ...], known: Ledger, force: bool) -> _Planned:
    try:
        real = files.resolved(root, path)
        now = files.read(real)
        mine = force or known.mine(path, now)
        before = known.files[path].before if known.mine(path, now) else _without(now, pieces, known.files.get(path))
        text = _text(now)
        for piece in pieces:
            text = piece.add(text, mine=mine)
    except (ValueError, RecursionError) as error:
        return _Planned(ClientFile(path, REFUSED, f"it is not valid and was left alone: {_told(error)}"))
    except ThrumError as error:
        return _Planned(ClientFile(path, REFUSED, error.message + (f"; {error.hint}" if error.hint else "")))
    then = text.encode()
    status = UNCHANGED if then == now else CREATED if now is None else UPDATED
    return _Planned(ClientFile(path, status, diff=_diff(path, now, then)), real, now, then, before)


def _without(now: bytes | None, pieces: tuple[Piece, ...], entry: Entry | None) -> bytes | None:
    """A file without our pieces; one that was there before us is the user's own."""
    if now is None or entry is None:
        return now
    text, before = _text(now), _text(entry.before)
    for piece in reversed(pieces):
        if piece.remove(before) == before:
            text = piece.remove(text)
    return text.encode()


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode()


def _told(error: Exception) -> str:
    known = {NotJson: "JSON", tomllib.TOMLDecodeError: "TOML", UnicodeDecodeError: "UTF-8"}
    what = [name for kind, name in known.items() if isinstance(error, kind)]
    return f"not {what[0]} ({error})" if what else str(error)


def _write(paths: Paths, one: _Planned, known: Ledger, host: Host) -> None:
    path = one.change.path
    if one.change.status not in (CREATED, UPDATED) or one.then is None:
        return
    entry = known.files.get(path)
    made = entry.directories if entry is not None else ()
    known.files[path] = Entry(one.before, ledger.digest(one.then), made)
    ledger.save(paths.local, known, host)  # before the file: whatever happens now, what it was is known
    fresh = [os.path.relpath(directory, os.path.realpath(paths.root)) for directory in files.write(one.real, one.then)]
    known.files[path] = Entry(one.before, ledger.digest(one.then), (*made, *fresh))


def _taken_back(root: str, path: str, known: Ledger, pieces: tuple[Piece, ...]) -> _Planned:
    try:
        real = files.resolved(root, path)
        now = files.read(real)
        if known.mine(path, now):
            then = known.files[path].before
        else:
            then = _without(now, pieces, known.files[path])
            if known.files[path].before is None and then is not None and then.strip() in (b"", b"{}"):
                then = None
    except (ValueError, RecursionError) as error:
        return _Planned(ClientFile(path, REFUSED, f"it is not valid and was left alone: {_told(error)}"))
    except ThrumError as error:
        return _Planned(ClientFile(path, REFUSED, error.message))
    status = UNCHANGED if then == now else REMOVED if then is None else RESTORED
    return _Planned(ClientFile(path, status, diff=_diff(path, now, then)), real, now, then)


def _restore(one: _Planned, known: Ledger) -> None:
    path = one.change.path
    if one.change.status == REFUSED:
        return
    known.files.pop(path)
    if one.then is None:
        files.remove(one.real)
    elif one.then != one.now:
        files.write(one.real, one.then)


def _diff(path: str, now: bytes | None, then: bytes | None) -> str:
    if now == then:
        return ""
    before, after = (_text(data).splitlines(keepends=True) for data in (now, then))
    names = ("/dev/null" if now is None else f"a/{path}", "/dev/null" if then is None else f"b/{path}")
    lines = difflib.unified_diff(before, after, *names)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _tracked(paths: Paths, wanted: Recipe) -> set[str]:
    from thrum_store.repository.git_runner import GitRunner

    told = GitRunner(paths.root).run("ls-files", "-z", "--", *sorted(wanted))
    return {path for path in told.split("\0") if path}


def _exclude(paths: Paths, created: list[str]) -> None:
    """Lists what stealth made in git's own list of ignored files; with nothing made, takes the list back."""
    path = os.path.join(paths.common, "info", "exclude")
    before = _text(files.read(path))
    lines = Section("\n".join(f"/{one}" for one in created), "#")
    after = lines.add(before, mine=True) if created else lines.remove(before)
    if after != before:
        files.write(path, after.encode())
