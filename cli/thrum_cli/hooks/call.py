"""A call of a hook: its event, its client, and the JSON that the client wrote to standard input."""

from __future__ import annotations

import os

from thrum_store.errors import Invalid
from thrum_store.repository import unread_probe
from thrum_store.values import Record, loads

from .session_state import SessionFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from thrum_store.identity import Caller
    from thrum_store.machine.host import Host
    from thrum_store.store import Store

_PATHS = ("file_path", "notebook_path", "path", "filePath", "absolute_path")
_PATCHES = ("command", "input", "patch", "patchText")
_PATCH_LINES = ("*** Add File: ", "*** Update File: ", "*** Delete File: ")


class Call(Record):
    """A hook call. `project` is the client's directory, `source` why a session starts, `files` the edited files."""

    event: str
    runtime: str
    project: str
    session: str
    source: str
    files: tuple[str, ...]
    from_cursor: bool
    in_subagent: bool


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
