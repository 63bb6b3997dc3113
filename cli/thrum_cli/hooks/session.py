"""The client's session that a hook serves: the call of the hook, and the state that shows nothing to it twice.

The state is one small file per session in `.git/thrum-sync/var/hooks`:

    p-v4.3.db 124          the view, and the newest delivery in it that was shown to the session
    session ses_01K…       the thrum session that the client's session started
    told msg_01K… prompt claude   one line per message: the event whose hook showed it, and the client
    warned bob src/a.py    one line per file and agent that the session was warned about

A hook that has nothing to show reads only the first line (`unread_probe.shown`). Two marks are beside the file: `.due`
while the next prompt has to brief the session, and `.idle` while a listener waits for mail.
"""

from __future__ import annotations

import os

from thrum_store.errors import Invalid, StorageFailed
from thrum_store.machine.host import ring
from thrum_store.repository import unread_probe
from thrum_store.repository.paths import HOOKS, hook_lock
from thrum_store.values import Record, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from thrum_store.identity import Caller
    from thrum_store.machine.host import Host
    from thrum_store.service.messages.offers import Offer, SeenMarker
    from thrum_store.store import Store

_KEPT_MESSAGES = 500
_KEPT_FILES = 64
_PATHS = ("file_path", "notebook_path", "path", "filePath", "absolute_path")
_PATCHES = ("command", "input", "patch", "patchText")
_PATCH_LINES = ("*** Add File: ", "*** Update File: ", "*** Delete File: ")


# --- its state --------------------------------------------------------------------------------------------------------


class SessionState:
    """The mail and warnings that a session has seen.

    `session` is the thrum session that it started, empty before its briefing.
    """

    def __init__(self, view: str, newest: int, session: str, warned: frozenset[str], shown: dict[str, str]) -> None:
        self.view = view  # the one that numbered `newest`, the last delivery that was shown
        self.newest = newest
        self.session = session
        self.warned = warned
        self.shown = shown  # message id -> event and client

    def seen(self) -> SeenMarker:
        """Return the marker of the mail that was shown to the session."""
        from thrum_store.service.messages.offers import SeenMarker  # deferred: a hook of an edit shows no mail

        return SeenMarker(self.view, self.newest, frozenset(self.shown))

    def show(self, offer: Offer, event: str, runtime: str) -> None:
        """Record that these messages were shown to the session."""
        self.view, self.newest = offer.seen.generation, offer.seen.newest
        self.shown |= {message.header.id: f"{event} {runtime}" for message in offer.messages}

    def take_back(self, offer: Offer) -> None:
        """Record that these messages did not reach the session, so that the next hook shows them."""
        lost = {message.header.id for message in offer.messages}
        self.view, self.newest = "", 0  # of no view, so that the ids decide
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
        """End the session's listener, because the session is no longer idle; `folder` holds the agents' bells."""
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
    except (FileNotFoundError, StorageFailed):  # a session then sees its unread mail once more
        return b""


def _parse(raw: bytes) -> SessionState:
    first, *lines = raw.decode("utf-8", "replace").splitlines() or [""]
    view, _, newest = first.partition(" ")
    values: dict[str, list[str]] = {"told": [], "session": [], "warned": []}
    for line in lines:
        name, _, value = line.partition(" ")
        values.get(name, []).append(value)
    shown = {message: event for message, _, event in (value.partition(" ") for value in values["told"])}
    number = int(newest) if newest.isdecimal() else 0
    return SessionState(view, number, "".join(values["session"]), frozenset(values["warned"]), shown)


def _serialize(state: SessionState) -> bytes:
    lines = [f"{state.view} {state.newest}"]
    if state.session:
        lines.append(f"session {state.session}")
    lines += [f"told {message} {event}" for message, event in sorted(state.shown.items())[-_KEPT_MESSAGES:]]
    lines += [f"warned {warning}" for warning in sorted(state.warned)[-_KEPT_MESSAGES:]]
    return ("\n".join(lines) + "\n").encode()


# --- a call of a hook -------------------------------------------------------------------------------------------------


class Call(Record):
    """A hook call. `project` is the client's directory, `source` why a session starts, `files` the edited files.

    `prompt` is the text of a prompt.
    """

    event: str
    runtime: str
    project: str
    session: str
    source: str
    files: tuple[str, ...]
    from_cursor: bool
    in_subagent: bool
    prompt: str = ""


class HookRun(Record):
    """A call that is being answered: by which agent, and on which store."""

    call: Call
    caller: Caller
    store: Store

    @property
    def host(self) -> Host:
        """The machine under the store."""
        return self.store.host

    @property
    def files(self) -> SessionFiles:
        """The state of this session."""
        return session_files(self.call, self.caller, self.store.paths.var, self.host)


def session_files(call: Call, caller: Caller, var: str, host: Host) -> SessionFiles:
    """Return the state files of the session that a call belongs to; `var` is the store's local directory."""
    return SessionFiles(var, unread_probe.session_key(caller.name, call.session), host)


def parse_call(arguments: list[str], raw: bytes, project: str, session: str) -> Call:
    """Return the call. Raises Invalid for an unknown argument; the client's input may have any shape."""
    runtime = "claude"
    rest = list(arguments)
    event = rest.pop(0) if rest else ""
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if flag != "--runtime" or not (equals or rest):
            raise Invalid(f"{flag!r} is not an option of a hook", hint="thrum hook EVENT --runtime RUNTIME")
        runtime = value if equals else rest.pop(0)
    fields = _fields(raw)
    return Call(
        event=event,
        runtime=runtime,
        project=project,
        session=session,
        source=str(fields.get("source", "")),
        files=_files(fields, project),
        from_cursor="cursor_version" in fields,
        in_subagent=bool(fields.get("agent_id")),
        prompt=str(fields.get("prompt", "")),
    )


def _fields(raw: bytes) -> dict[str, Any]:
    try:
        return _mapping(loads(raw or b"{}"))
    except ValueError:
        return {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] - JSON has text keys


def _files(fields: dict[str, Any], project: str) -> tuple[str, ...]:
    """Return the absolute paths that a tool edits, under the names that the clients give them."""
    tool_input = _mapping(fields.get("tool_input"))
    paths = [source.get(key) for source in (fields, tool_input) for key in _PATHS]
    for key in _PATCHES:
        paths += _patched(str(tool_input.get(key, "")))
    return tuple(dict.fromkeys(os.path.join(project, path) for path in paths if isinstance(path, str) and path))


def _patched(patch: str) -> list[str]:
    """Return the paths in a text of many changes, as `apply_patch` takes it."""
    return [
        line.removeprefix(prefix).rstrip(" \t\r")
        for line in patch.split("\n")
        for prefix in _PATCH_LINES
        if line.startswith(prefix)
    ]
