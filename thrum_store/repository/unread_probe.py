"""Is there unread mail? Answered without opening the store, for hooks that run at every tool call of an agent.

Nothing is written, made or locked for it, so an empty mailbox leaves the disk as it was. What it sees is a hint:
whoever has something to say opens the store and looks properly. Imports nothing but `os`, `_sqlite3` and `gitfiles`.
"""

from __future__ import annotations

import _sqlite3
import os

from . import gitfiles

CURRENT = "current-v3"  # beside the views: names the one that counts (see database.py)
LATE = ("gemini",)  # clients that send a first prompt without awaiting the answer of their session-start hook
_NEWEST = (
    "SELECT max(d.number) FROM deliveries d INDEXED BY deliveries_unread WHERE d.read_ms IS NULL"
    " AND d.recipient = (SELECT id FROM agents WHERE name = ? AND own)"
)
_IDENTITY = ".json"


class HookLocation:
    """Where a hook runs: the worktree, its identities, and what is local to the machine."""

    __slots__ = ("identities", "root", "var")

    def __init__(self, root: str, identities: str, var: str) -> None:
        self.root, self.identities, self.var = root, identities, var


def spot(start: str) -> HookLocation | None:
    """The set-up worktree around `start`, or None where there is none."""
    root = gitfiles.worktree_root(os.path.realpath(start))
    if root is None:
        return None
    try:
        thrum = gitfiles.shared(gitfiles.common_dir(gitfiles.git_dir(root)))
    except OSError:
        return None
    var = os.path.join(thrum, "var")
    if not os.path.exists(os.path.join(var, "store.json")):
        return None
    return HookLocation(root, os.path.join(root, ".thrum", "identities"), var)


def agent(here: HookLocation, name: str | None) -> str:
    """Who calls: `name` (what THRUM_NAME says), else this worktree's only identity; empty where nothing decides."""
    if name:
        return name
    try:
        known = [file for file in os.listdir(here.identities) if file.endswith(_IDENTITY)]
    except FileNotFoundError:
        return ""
    return known[0].removesuffix(_IDENTITY) if len(known) == 1 else ""


def generation(here: HookLocation) -> str:
    """The file name of the view that counts; empty where there is none."""
    try:
        return gitfiles.line(os.path.join(here.var, CURRENT))
    except FileNotFoundError:
        return ""


def newest_unread(here: HookLocation, view: str, name: str) -> int | None:
    """The number of the agent's newest unread delivery, 0 without any; None where the view could not be read."""
    path = os.path.join(here.var, view)
    # Opened without its log, a view of which nobody holds one stays untouched; else a reader of the log is needed.
    mode = "ro" if os.path.exists(f"{path}-wal") else "ro&immutable=1"
    try:
        connection = _sqlite3.connect(f"file:{_quoted(path)}?mode={mode}", uri=True)
        try:
            (newest,) = connection.execute(_NEWEST, (name,)).fetchone()
        finally:
            connection.close()
    except _sqlite3.Error:
        return None
    return newest or 0


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def notes(here: HookLocation, key: str) -> str:
    """Where it is kept what a session was told; the first line is the view and the newest delivery in it."""
    return os.path.join(here.var, "hooks", key)


def idle_mark(var: str, key: str) -> str:
    """A file that is there while a listener waits for an idle session; it holds the listener's process id."""
    return os.path.join(var, "hooks", f"{key}.idle")


def due_mark(var: str, key: str) -> str:
    """A file that is there while the next prompt of a session has to brief it."""
    return os.path.join(var, "hooks", f"{key}.due")


def notes_key(name: str, session: str) -> str:
    """The file name of a session's notes: its agent and its id, of which only plain letters count."""
    plain = "".join(letter for letter in session if letter.isalnum() or letter in "-_")[:80]
    return f"{name}.{plain}" if plain else name


def told(here: HookLocation, key: str) -> tuple[str, int]:
    """Up to which delivery of which view a session was told."""
    try:
        first = gitfiles.line(notes(here, key)).partition("\n")[0]
    except FileNotFoundError:
        return "", 0
    view, _, newest = first.partition(" ")
    return view, int(newest) if newest.isdecimal() else 0
