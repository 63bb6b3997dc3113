"""What a client's session was told already: one small file per session in `.thrum/var/hooks`.

    p-v3.3.db 124          the view, and the newest delivery in it that the session knows of
    session ses_01K…       the thrum session that the client's session began
    told msg_01K… prompt claude   one line per message: the event whose hook showed it, and the client
    warned bob src/a.py    one line per file and agent of which the session was warned

The first line is all that a hook with nothing to say reads (`glance.told`).
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from thrum_store.machine.host import Host
from thrum_store.repository import unread_probe
from thrum_store.service.messages.offers import Offer, SeenMarker

_KEPT_MESSAGES = 500
_KEPT_FILES = 64


@dataclass
class Notes:
    """What one session was told. `session` is the thrum session it began, empty before its briefing."""

    told: SeenMarker = field(default_factory=SeenMarker)
    session: str = ""
    warned: frozenset[str] = frozenset()
    shown: dict[str, str] = field(default_factory=dict[str, str])  # message id -> event and client

    def show(self, found: Offer, event: str, runtime: str) -> None:
        """From now on the session knows of these."""
        self.told = found.told
        self.shown |= {one.message_id: f"{event} {runtime}" for one in found.messages}

    def take_back(self, found: Offer) -> None:
        """These did not reach the session after all: the next hook shows them."""
        lost = {one.message_id for one in found.messages}
        self.told = SeenMarker(messages=self.told.messages - lost)  # of no view, so that the ids decide
        self.shown = {message: event for message, event in self.shown.items() if message not in lost}


@contextmanager
def noting(var: str, key: str, host: Host) -> Generator[Notes]:
    """The notes of a session, kept at the end where they changed. One at a time: a hook may be fired twice at once."""
    path = os.path.join(var, "hooks", key)
    host.storage.directory(os.path.dirname(path))
    with host.lock(os.path.join(var, "locks", f"hook.{key}.lock")):
        raw = _read(path, host)
        notes = _parsed(raw)
        yield notes
        if notes != _parsed(raw):
            host.storage.replace(path, _written(notes))


def shown_by(var: str, agent: str, message: str, host: Host) -> tuple[str, str]:
    """The event whose hook showed a message to an agent, in any session, and the client; both empty where none did."""
    folder = os.path.join(var, "hooks")
    for name in host.storage.listing(folder):
        if name.partition(".")[0] == agent and not name.endswith((".idle", ".due")):
            shown = _parsed(_read(os.path.join(folder, name), host)).shown.get(message)
            if shown:
                event, _, runtime = shown.partition(" ")
                return event, runtime
    return "", ""


def brief_at_prompt(var: str, key: str, host: Host) -> None:
    """The next prompt has to brief the session: its client hands the model nothing that could have done so before."""
    host.storage.replace(unread_probe.due_mark(var, key), b"")


def due(var: str, key: str, host: Host) -> bool:
    """Whether the next prompt has to brief the session."""
    return host.storage.size(unread_probe.due_mark(var, key)) >= 0


def briefed(var: str, key: str, host: Host) -> bool:
    """Ends that. Returns whether a briefing was due."""
    if not due(var, key, host):
        return False
    host.storage.remove(unread_probe.due_mark(var, key))
    return True


def forget(var: str, key: str, host: Host) -> None:
    """Drops the notes of a session that ended."""
    host.storage.remove(os.path.join(var, "hooks", key))
    briefed(var, key, host)


def prune(var: str, host: Host) -> None:
    """Drops the oldest notes: of sessions whose client never said that they ended."""
    folder = os.path.join(var, "hooks")
    paths = [os.path.join(folder, name) for name in host.storage.listing(folder)]
    for path in sorted(paths, key=os.path.getmtime)[:-_KEPT_FILES]:
        host.storage.remove(path)


def _read(path: str, host: Host) -> bytes:
    try:
        return host.storage.read(path)
    except FileNotFoundError:
        return b""


def _parsed(raw: bytes) -> Notes:
    first, *lines = raw.decode("utf-8", "replace").splitlines() or [""]
    generation, _, newest = first.partition(" ")
    pairs = [line.partition(" ") for line in lines]
    kept = {
        name: frozenset(value for what, _, value in pairs if what == name) for name in ("told", "session", "warned")
    }
    shown = {message: event for message, _, event in (line.partition(" ") for line in kept["told"])}
    told = SeenMarker(generation, int(newest) if newest.isdecimal() else 0, frozenset(shown))
    return Notes(told, "".join(kept["session"]), kept["warned"], shown)


def _written(notes: Notes) -> bytes:
    told = notes.told
    lines = [f"{told.generation} {told.newest}"]
    if notes.session:
        lines.append(f"session {notes.session}")
    lines += [f"told {one} {event}" for one, event in sorted(notes.shown.items())[-_KEPT_MESSAGES:]]
    lines += [f"warned {one}" for one in sorted(notes.warned)[-_KEPT_MESSAGES:]]
    return ("\n".join(lines) + "\n").encode()
