"""The unread check of the hooks, which run at every tool call of an agent: it does not open the store.

Nothing is written, made or locked, so an empty mailbox leaves the disk as it was. The answer is a hint: a hook that has
something to show opens the store and looks properly. Loads nothing but `os`, `_sqlite3` and `paths`.
"""

from __future__ import annotations

import _sqlite3
import os

from .git_files import first_bytes, first_line
from .paths import HOOKS, VIEW_POINTER, Paths, around, settled

LATE = ("gemini",)  # clients that send a first prompt without awaiting the answer of their session-start hook
_NEWEST = (
    "SELECT max(d.number) FROM deliveries d INDEXED BY deliveries_unread WHERE d.read_ms IS NULL"
    " AND d.recipient = (SELECT id FROM agents WHERE name = ? AND own)"
)
_HAS_ROLE = "SELECT 1 FROM agents WHERE name = ? AND own AND role = ?"
_IDENTITY = ".json"


def location(start: str) -> Paths | None:
    """Return the places of the store around `start`, or None if there is none."""
    try:
        paths = around(os.path.realpath(start))
    except OSError:
        return None
    places, exists = settled(paths) if paths is not None else (None, False)
    return places if exists else None


def agent(paths: Paths, name: str | None) -> str:
    """Return the calling agent: `name` (from THRUM_NAME), else this worktree's only identity, else ""."""
    if name:
        return name
    try:
        known = [file for file in os.listdir(paths.identities) if file.endswith(_IDENTITY)]
    except FileNotFoundError:
        return ""
    return known[0].removesuffix(_IDENTITY) if len(known) == 1 else ""


def generation(paths: Paths) -> str:
    """Return the file name of the current view, or "" if there is none."""
    try:
        return first_line(paths.in_var(VIEW_POINTER))
    except FileNotFoundError:
        return ""


def newest_unread(paths: Paths, view: str, name: str, role: str | None = None) -> int | None:
    """Return the number of the agent's newest unread delivery, 0 without any, None if this cannot be read here.

    That is so if it acts in another `role` (from THRUM_ROLE), whose addresses reach it without a delivery.
    """
    path = paths.in_var(view)
    # Opened without its log, a view that nobody has open stays untouched; else a reader of the log is needed.
    mode = "ro" if os.path.exists(f"{path}-wal") else "ro&immutable=1"
    if not os.access(f"{path}-shm", os.W_OK) and os.path.exists(f"{path}-shm") and not log_matches(path):
        return None
    try:
        connection = _sqlite3.connect(f"file:{_url_quoted(path)}?mode={mode}", uri=True)
        try:
            if role and connection.execute(_HAS_ROLE, (name, role)).fetchone() is None:
                return None
            (newest,) = connection.execute(_NEWEST, (name,)).fetchone()
        finally:
            connection.close()
    except _sqlite3.Error:
        return None
    return newest or 0


# Offsets in bytes, from SQLite's description of the WAL format: https://www.sqlite.org/walformat.html
_HEADER = 48  # of the index: it stands there twice
_MADE = 12  # not 0 once the index is made
_INDEX_SALTS = slice(32, 40)
_LOG_HEADER = 32
_LOG_SALTS = slice(16, 24)


def log_matches(path: str) -> bool:
    """Return whether the index beside a view is whole and belongs to the log beside it."""
    try:
        index = first_bytes(f"{path}-shm", 2 * _HEADER)
        log = first_bytes(f"{path}-wal", _LOG_HEADER)
    except FileNotFoundError:
        return True  # nothing to compare
    except OSError:
        return False
    if len(index) < 2 * _HEADER or index[:_HEADER] != index[_HEADER:] or not index[_MADE]:
        return False
    return len(log) < _LOG_HEADER or log[_LOG_SALTS] == index[_INDEX_SALTS]


def _url_quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def session_file(var: str, key: str) -> str:
    """Return the file of a client session's state; its first line is the view and the newest delivery shown."""
    return os.path.join(var, HOOKS, key)


def idle_mark(var: str, key: str) -> str:
    """Return the file that exists while a listener waits for an idle session; it holds the listener's process id."""
    return os.path.join(var, HOOKS, f"{key}.idle")


def due_mark(var: str, key: str) -> str:
    """Return the file that exists while the next prompt of a session has to brief it."""
    return os.path.join(var, HOOKS, f"{key}.due")


def session_key(name: str, session: str) -> str:
    """Return the key of a client session: the agent, and the plain letters of the session's id."""
    plain = "".join(letter for letter in session if letter.isalnum() or letter in "-_")[:80]
    return f"{name}.{plain}" if plain else name


def shown(var: str, key: str) -> tuple[str, int]:
    """Return the view and the number of the newest delivery that a session was shown."""
    try:
        first = first_line(session_file(var, key)).partition("\n")[0]
    except FileNotFoundError:
        return "", 0
    view, _, newest = first.partition(" ")
    return view, int(newest) if newest.isdecimal() else 0
