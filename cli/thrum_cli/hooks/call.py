"""One call of a hook: which event, for which runtime, and what the client said on standard input."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import Any

from thrum_cli.clients.jsontext import mapping
from thrum_store.errors import Invalid

_PATHS = ("file_path", "notebook_path", "path", "filePath", "absolute_path")
_PATCHES = ("command", "input", "patch", "patchText")
_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (.+?)[ \t\r]*$", re.MULTILINE)


@dataclass(frozen=True)
class Call:
    """A hook call. `project` is the client's directory; `source` says why a session starts; `files` what was edited."""

    event: str
    runtime: str
    project: str
    session: str
    source: str
    files: tuple[str, ...]
    from_cursor: bool
    in_subagent: bool


def parsed(arguments: list[str], raw: bytes, project: str, session: str) -> Call:
    """The call. Raises Invalid for an argument that we do not know; what the client says may have any shape."""
    runtime = "claude"
    rest = list(arguments)
    event = rest.pop(0) if rest else ""
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if flag != "--runtime" or not (equals or rest):
            raise Invalid(f"{flag!r} is no option of a hook", hint="thrum hook EVENT --runtime RUNTIME")
        runtime = value if equals else rest.pop(0)
    told = _object(raw)
    return Call(
        event=event,
        runtime=runtime,
        project=project,
        session=session,
        source=str(told.get("source", "")),
        files=_files(told, project),
        from_cursor="cursor_version" in told,
        in_subagent=bool(told.get("agent_id")),
    )


def _object(raw: bytes) -> dict[str, Any]:
    try:
        told = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return mapping(told)


def _files(told: dict[str, Any], project: str) -> tuple[str, ...]:
    """The absolute paths that a tool edits, by the names that the clients give them."""
    sources = (told, mapping(told.get("tool_input")))
    found = [source.get(key) for source in sources for key in _PATHS]
    for key in _PATCHES:  # one text with all changes, as apply_patch takes it
        found += _PATCHED.findall(str(sources[1].get(key, "")))
    return tuple(dict.fromkeys(os.path.join(project, path) for path in found if isinstance(path, str) and path))
