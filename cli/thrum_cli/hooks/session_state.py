"""State of a client's session, so that nothing is shown to it twice: one small file per session in `.thrum/var/hooks`.

    p-v3.3.db 124          the view, and the newest delivery in it that was shown to the session
    session ses_01K…       the thrum session that the client's session started
    told msg_01K… prompt claude   one line per message: the event whose hook showed it, and the client
    warned bob src/a.py    one line per file and agent of which the session was warned

A hook that has nothing to show reads only the first line (`unread_probe.shown`). Two marks lie beside the file: `.due`,
while the next prompt has to brief the session, and `.idle`, while a listener waits for mail.
"""

from __future__ import annotations

import os

from thrum_store.machine.host import ring
from thrum_store.repository import unread_probe
from thrum_store.repository.paths import HOOKS, hook_lock
from thrum_store.service.messages.offers import SeenMarker
from thrum_store.values import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Host
    from thrum_store.service.messages.offers import Offer

_KEPT_MESSAGES = 500
_KEPT_FILES = 64


class SessionState:
    """The things that a session has seen. `session` is the thrum session that it started, empty before its briefing."""

    def __init__(self, seen: SeenMarker, session: str, warned: frozenset[str], shown: dict[str, str]) -> None:
        self.seen = seen
        self.session = session
        self.warned = warned
        self.shown = shown  # message id -> event and client

    def show(self, offer: Offer, event: str, runtime: str) -> None:
        """Record that these messages were shown to the session."""
        self.seen = offer.seen
        self.shown |= {message.header.id: f"{event} {runtime}" for message in offer.messages}

    def take_back(self, offer: Offer) -> None:
        """Record that these messages did not reach the session, so that the next hook shows them."""
        lost = {message.header.id for message in offer.messages}
        self.seen = SeenMarker(messages=self.seen.messages - lost)  # of no view, so that the ids decide
        self.shown = {message: event for message, event in self.shown.items() if message not in lost}


class SessionFiles(Record):
    """The files of one session: `var` is the store's local directory, `key` names the agent and the session."""

    var: str
    key: str
    host: Host

    def editing(self) -> Editing:
        """Return a context in which the state may be changed; it is saved at the end if it changed."""
        return Editing(self)

    def brief_at_prompt(self) -> None:
        """Have the next prompt brief the session, for a client whose other hooks cannot."""
        self.host.storage.replace(unread_probe.due_mark(self.var, self.key), b"")

    def is_due(self) -> bool:
        """Return whether the next prompt has to brief the session."""
        return self.host.storage.size(unread_probe.due_mark(self.var, self.key)) >= 0

    def clear_due(self) -> bool:
        """Clear the briefing-due marker; return whether it was set."""
        if not self.is_due():
            return False
        self.host.storage.remove(unread_probe.due_mark(self.var, self.key))
        return True

    def end_listener(self, folder: str, agent: str) -> None:
        """End the session's listener, because the session is idle no more; `folder` holds the agents' bells."""
        mark = unread_probe.idle_mark(self.var, self.key)
        if self.host.storage.size(mark) >= 0:
            self.host.storage.remove(mark)
            ring(folder, {agent})

    def forget(self) -> None:
        """Remove the state of a session that ended."""
        self.host.storage.remove(unread_probe.session_file(self.var, self.key))
        self.clear_due()


class Editing:
    """A change to a session's state, under its lock: a client may run the same hook twice at once."""

    def __init__(self, files: SessionFiles) -> None:
        self._path = unread_probe.session_file(files.var, files.key)
        self._host = files.host
        self._lock = files.host.lock(os.path.join(files.var, hook_lock(files.key)))

    def __enter__(self) -> SessionState:
        self._host.storage.directory(os.path.dirname(self._path))
        self._lock.acquire()
        try:
            self._state = _parse(_read(self._path, self._host))
        except BaseException:
            self._lock.release()
            raise
        self._before = _serialize(self._state)
        return self._state

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            after = _serialize(self._state)
            if kind is None and after != self._before:
                self._host.storage.replace(self._path, after)
        finally:
            self._lock.release()


def shown_by(var: str, agent: str, message: str, host: Host) -> tuple[str, str]:
    """Return the event whose hook showed a message to an agent, and the client; both are empty if none did."""
    folder = os.path.join(var, HOOKS)
    for name in host.storage.listing(folder):
        if name.partition(".")[0] == agent and not name.endswith((".idle", ".due")):
            shown = _parse(_read(os.path.join(folder, name), host)).shown.get(message)
            if shown:
                event, _, runtime = shown.partition(" ")
                return event, runtime
    return "", ""


def prune(var: str, host: Host) -> None:
    """Remove the oldest state files: those of sessions whose client never reported their end."""
    folder = os.path.join(var, HOOKS)
    paths = [os.path.join(folder, name) for name in host.storage.listing(folder)]
    for path in sorted(paths, key=os.path.getmtime)[:-_KEPT_FILES]:
        host.storage.remove(path)


def _read(path: str, host: Host) -> bytes:
    try:
        return host.storage.read(path)
    except FileNotFoundError:
        return b""


def _parse(raw: bytes) -> SessionState:
    first, *lines = raw.decode("utf-8", "replace").splitlines() or [""]
    generation, _, newest = first.partition(" ")
    values: dict[str, list[str]] = {"told": [], "session": [], "warned": []}
    for line in lines:
        name, _, value = line.partition(" ")
        values.get(name, []).append(value)
    shown = {message: event for message, _, event in (value.partition(" ") for value in values["told"])}
    seen = SeenMarker(generation, int(newest) if newest.isdecimal() else 0, frozenset(shown))
    return SessionState(seen, "".join(values["session"]), frozenset(values["warned"]), shown)


def _serialize(state: SessionState) -> bytes:
    lines = [f"{state.seen.generation} {state.seen.newest}"]
    if state.session:
        lines.append(f"session {state.session}")
    lines += [f"told {message} {event}" for message, event in sorted(state.shown.items())[-_KEPT_MESSAGES:]]
    lines += [f"warned {warning}" for warning in sorted(state.warned)[-_KEPT_MESSAGES:]]
    return ("\n".join(lines) + "\n").encode()
