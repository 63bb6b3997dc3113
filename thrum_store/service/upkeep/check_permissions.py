"""The check of `thrum doctor` of who may read and write the store's files: this user all of them, others none."""

from __future__ import annotations

import os
import stat
from functools import partial
from shlex import quote

from thrum_store.repository.paths import COMMIT_LOCK, KEYS, LOCKS, STORE_FILE, STORE_KEY

from .findings import Check, fine, problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from thrum_store.machine.host import Host
    from thrum_store.repository.paths import Paths

_FIX = "`thrum doctor --fix`"
_SHOWN = 3  # names in a sentence


def permissions(paths: Paths, host: Host) -> Iterator[Check]:
    """Check that the store is closed to others, and that this process can open every file of it."""
    problems = [*_closed_to_us(paths, host), *_of_others(paths), *_open_to_others(paths)]
    yield from problems
    if not problems:
        yield fine("permissions", "only you can read the store's keys, identities and view")


def _closed_to_us(paths: Paths, host: Host) -> Iterator[Check]:
    if not os.access(paths.var, os.W_OK):
        if os.access(paths.root, os.R_OK):
            yield _read_only()
        return
    closed = [path for path in _files(paths, host) if not os.access(path, _needed(path))]
    ours = [path for path in closed if _owner(path) == os.getuid()]
    theirs = [path for path in closed if path not in ours]
    if ours:
        hint = f"`chmod u+rwX {_quoted(ours)}`, or {_FIX}"
        yield problem("permissions", f"you may not open your own {_named(paths, ours)}", hint, partial(_opened, ours))
    if theirs:
        hint = f"`sudo chown $USER {_quoted(theirs)}`"
        yield problem("permissions", f"{_named(paths, theirs)}: another user's, and closed to you", hint)
    if not closed and not os.access(paths.in_var(COMMIT_LOCK), os.W_OK):
        yield _read_only()


def _read_only() -> Check:
    hint = "use the MCP tools, or run the command as the owner, and outside of a sandbox"
    return problem("permissions", "this process may read the store and cannot write to it", hint)


def _files(paths: Paths, host: Host) -> list[str]:
    """Return the locks, keys and directories of the store: whatever else cannot be opened is made again."""
    places = [paths.var, paths.in_var(LOCKS), paths.in_var(KEYS)]
    readable = [place for place in places if os.access(place, os.R_OK | os.X_OK)]
    inside = [os.path.join(place, name) for place in readable for name in host.storage.listing(place)]
    kept = [path for path in inside if not os.path.islink(path)]
    return [path for path in kept if os.path.isdir(path) or path.endswith((".lock", ".key", STORE_FILE))]


def _needed(path: str) -> int:
    return os.R_OK | os.W_OK | (os.X_OK if os.path.isdir(path) else 0)


def _owner(path: str) -> int:
    return os.lstat(path).st_uid


def _opened(closed: list[str]) -> None:
    for path in closed:
        os.chmod(path, 0o700 if os.path.isdir(path) else 0o600)


def _named(paths: Paths, files: list[str]) -> str:
    names = ", ".join(_short(paths, path) for path in files[:_SHOWN])
    return f"{names} and {len(files) - _SHOWN} more" if len(files) > _SHOWN else names


def _quoted(files: list[str]) -> str:
    return " ".join(map(quote, files))


def _private(paths: Paths) -> list[tuple[str, int]]:
    """Return the existing places that are for this user alone, with the mode of each."""
    directories = [paths.var, paths.in_var(KEYS), paths.identities, paths.bells]
    places = [*((path, 0o700) for path in directories), (paths.in_var(STORE_KEY), 0o600)]
    return [(path, mode) for path, mode in places if os.path.exists(path)]


def _of_others(paths: Paths) -> Iterator[Check]:
    for path, _ in _private(paths):
        if os.stat(path).st_uid != os.getuid():
            places = _quoted([paths.local, os.path.dirname(paths.var)])
            hint = f"`sudo chown -R $USER {places}`"
            yield problem("permissions", f"{_short(paths, path)} belongs to another user", hint)


def _open_to_others(paths: Paths) -> Iterator[Check]:
    for path, mode in _private(paths):
        if stat.S_IMODE(os.stat(path).st_mode) & 0o077:
            hint = f"`chmod {mode:o} {quote(path)}`, or {_FIX}"
            repair = partial(os.chmod, path, mode)
            yield problem("permissions", f"other users can read {_short(paths, path)}", hint, repair)


def _short(paths: Paths, path: str) -> str:
    return os.path.relpath(path, paths.root)
